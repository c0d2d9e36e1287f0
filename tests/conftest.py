"""Shared fixtures. No test downloads anything, and none depends on how fast the machine is."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# The networks of the tests are small: threads of several processes at once only get in each
# other's way.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import pytest
import torch

from ddpm_demo.schedule import Schedule

# Threads beyond the cores of a small machine only get in each other's way.
torch.set_num_threads(2)

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
