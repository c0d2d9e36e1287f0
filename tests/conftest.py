"""Shared fixtures. No test downloads anything, and none depends on how fast the machine is."""

import atexit
import json
import os
import shutil
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# The networks of the tests are small: threads of several processes at once only get in each
# other's way.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
# Tests of equality need it wherever they run; tests/test_precision.py is about the others.
os.environ["DDPM_DEMO_PRECISION"] = "float32"

if sys.dont_write_bytecode:
    # Dozens of the tests start programs of their own, and each would compile torch and gradio
    # anew, which takes longer than all else that it does. This is theirs, and goes with the tests.
    sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"] = tempfile.mkdtemp(prefix="bytecode-")
    sys.dont_write_bytecode = False
    del os.environ["PYTHONDONTWRITEBYTECODE"]
    atexit.register(shutil.rmtree, sys.pycache_prefix, ignore_errors=True)

import pytest
import torch

from ddpm_demo.core.schedule import Schedule

# With two threads a process and more processes than cores a tiny network is thirty times slower.
torch.set_num_threads(1)

TINY_UNET = {
    "sample_size": 16,
    "in_channels": 3,
    "out_channels": 3,
    "block_out_channels": (8, 16),
    "layers_per_block": 1,
    "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
    "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
    "norm_num_groups": 4,
    "attention_head_dim": 8,
}


@pytest.fixture(scope="session", params=["squaredcos_cap_v2", "linear"])
def schedule_config(request):
    """The two schedules that checkpoints come with."""
    return {
        "num_train_timesteps": 1000,
        "beta_schedule": request.param,
        "beta_start": 1e-4,
        "beta_end": 0.02,
    }


@pytest.fixture(scope="session")
def schedule(schedule_config):
    return Schedule.from_config(schedule_config)


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory):
    """A pipeline folder with a small random network for 16 x 16 colour; to spoil it, copy it."""
    from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

    folder = tmp_path_factory.mktemp("checkpoints") / "tiny"
    torch.manual_seed(0)
    scheduler = DDPMScheduler(prediction_type="v_prediction", beta_schedule="squaredcos_cap_v2")
    DDPMPipeline(UNet2DModel(**TINY_UNET), scheduler).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def old_layout_checkpoint(tiny_checkpoint, tmp_path_factory):
    """The same network as the first DDPM repositories of the Hub have it: flat, old names."""
    from safetensors.torch import load_file, save_file

    folder = tmp_path_factory.mktemp("old") / "tiny"
    folder.mkdir()
    shutil.copy(tiny_checkpoint / "unet" / "config.json", folder)
    names = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    tensors = {}
    for key, tensor in load_file(
        tiny_checkpoint / "unet" / "diffusion_pytorch_model.safetensors"
    ).items():
        for new, old in names.items():
            key = key.replace(f".{new}.", f".{old}.")
        tensors[key] = tensor
    assert any("proj_attn" in key for key in tensors)
    save_file(tensors, folder / "diffusion_pytorch_model.safetensors")
    scheduler = {"_class_name": "DDIMScheduler", "beta_schedule": "linear", "clip_sample": True}
    (folder / "scheduler_config.json").write_text(json.dumps(scheduler))
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "DDIMPipeline"}))
    return folder


# Files that start programs again and again. They are begun first, so that none of them is left
# over at the end, when nobody is there to work beside it.
LONGEST = (
    "test_training_processes.py",
    "test_finetune.py",
    "test_kept_on_page.py",
    "test_jobs.py",
    "test_axe.py",
    "test_cli_processes.py",
    "test_jobs_estimate.py",
    "test_tutorial.py",
)


def pytest_collection_modifyitems(items):
    """For `-n 2 --dist loadfile --no-loadscope-reorder`; the order within a file stays."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))
