"""Finding, describing and loading checkpoints: every door that bad files could come through."""

import json
import shutil
import subprocess
import sys

import pytest
import torch
from diffusers import DDPMPipeline
from safetensors.torch import load_file, save_file

from ddpm_demo.checkpoints import library as checkpoints
from ddpm_demo.checkpoints.library import find, list_checkpoints, load
from ddpm_demo.checkpoints.model_card import read_model_card, write_model_card
from ddpm_demo.errors import UserError
from ddpm_demo.pipeline import DDPM

BUNDLED = ("faces-64", "fashion-32", "photos")


@pytest.fixture
def folder(tiny_checkpoint, tmp_path):
    """A copy of the tiny checkpoint to spoil."""
    return shutil.copytree(tiny_checkpoint, tmp_path / "spoilt")


def edit_json(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def refused(name, key, *, loading=False, **options):
    with pytest.raises(UserError) as caught:
        (load if loading else find)(str(name), **options)
    assert caught.value.key == key
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence and "{" not in sentence
    return sentence


def test_the_bundled_checkpoints_are_listed_with_what_the_interface_needs():
    found = {info.name: info for info in list_checkpoints() if info.source == "bundled"}
    assert set(BUNDLED) <= set(found)
    for info in found.values():
        assert info.title and info.title_zh and info.license and info.data
        assert info.samples_seen and len(info.weight_hash) == 12
        assert (info.folder / "unet" / "diffusion_pytorch_model.safetensors").stat().st_size < 10e6
    assert [found[n].prior for n in BUNDLED] == ["object", "object", "photo"]
    assert [found[n].channels for n in BUNDLED] == [3, 1, 3]
    assert "folder" not in json.loads(json.dumps(found["photos"].public()))


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_checkpoints_load_here_and_in_plain_diffusers(name):
    unet, scheduler_config, info = load(name)
    plain = DDPMPipeline.from_pretrained(info.folder, local_files_only=True)
    assert unet.dtype == torch.float32 and not unet.training
    assert unet.num_parameters() == info.num_parameters
    ours, theirs = unet.state_dict(), plain.unet.state_dict()
    assert all(torch.equal(ours[key], theirs[key].float()) for key in theirs)
    assert scheduler_config["prediction_type"] == plain.scheduler.config.prediction_type


def test_a_folder_loads_by_its_path_and_only_once(tiny_checkpoint):
    first, second = load(str(tiny_checkpoint)), load(str(tiny_checkpoint))
    assert first.unet is second.unet
    assert first.info.source == "local" and first.info.title == "tiny"
    assert first.info.size_px == 16 and first.info.name == str(tiny_checkpoint)
    assert not any(parameter.requires_grad for parameter in first.unet.parameters())


def test_a_network_that_others_use_is_not_touched_again(tiny_checkpoint, monkeypatch):
    unet = load(str(tiny_checkpoint)).unet

    def touched(*args, **options):
        raise AssertionError("the parameters were written under another thread")

    monkeypatch.setattr(unet, "to", touched)
    monkeypatch.setattr(unet, "requires_grad_", touched)
    assert DDPM.from_pretrained(str(tiny_checkpoint)).denoiser.unet is unet


def test_few_networks_stay_in_memory(tiny_checkpoint, tmp_path):
    for index in range(checkpoints.MAX_LOADED + 2):
        load(str(shutil.copytree(tiny_checkpoint, tmp_path / str(index))))
    assert len(checkpoints._loaded) == checkpoints.MAX_LOADED


def test_replaced_weights_are_noticed(folder):
    before = find(str(folder)).weight_hash
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(weights)
    save_file({key: tensor + 1 for key, tensor in tensors.items()}, weights)
    assert find(str(folder)).weight_hash != before


def test_fine_tuned_and_extra_folders_are_found_by_name(tiny_checkpoint, tmp_path, monkeypatch):
    shutil.copytree(tiny_checkpoint, tmp_path / "runs" / "tuned" / "result")
    shutil.copytree(tiny_checkpoint, tmp_path / "extra" / "other")
    (tmp_path / "runs" / "unfinished").mkdir()
    (tmp_path / "runs" / "unfinished" / "config.json").write_text("{}")
    monkeypatch.setattr(checkpoints, "RUNS_FOLDER", tmp_path / "runs")
    monkeypatch.setenv("DDPM_DEMO_CHECKPOINTS", str(tmp_path / "extra"))
    names = [info.name for info in list_checkpoints()]
    assert names[-2:] == ["tuned", "other"] and "unfinished" not in names
    assert find("tuned", allow_paths=False).source == "local"


def test_a_broken_folder_does_not_hide_the_others(folder, monkeypatch):
    (folder / "unet" / "config.json").write_text("{")
    monkeypatch.setenv("DDPM_DEMO_CHECKPOINTS", str(folder.parent))
    names = [info.name for info in list_checkpoints()]
    assert set(BUNDLED) <= set(names) and folder.name not in names


def test_unknown_names_are_refused_with_what_there_is():
    assert "faces-64" in refused("no-such-thing", "checkpoint_unknown")


@pytest.mark.parametrize(
    "name", ["..", "../x", "a\0b", "x" * 5000, "~nobody/x", "a/b/c", "a/..", "@"]
)
def test_odd_names_are_refused(name):
    with pytest.raises(UserError):
        find(name)
    refused(name, "checkpoint_unknown", allow_paths=False)


def test_a_web_visitor_cannot_name_a_path(tiny_checkpoint, monkeypatch):
    refused(tiny_checkpoint, "checkpoint_unknown", allow_paths=False)
    monkeypatch.chdir(tiny_checkpoint.parent.parent)
    relative = f"{tiny_checkpoint.parent.name}/tiny"  # looks like a Hub id, and is taken for one
    assert find(relative).source == "local"
    refused(relative, "hub_unreachable", allow_paths=False)


def test_a_file_or_an_empty_folder_is_no_checkpoint(tmp_path):
    refused(tmp_path, "checkpoint_no_config")
    (tmp_path / "file").touch()
    refused(tmp_path / "file", "checkpoint_is_file")


@pytest.mark.parametrize("with_config", [True, False])
@pytest.mark.parametrize("file", ["diffusion_pytorch_model.bin", "model.pkl", "weights.ckpt"])
def test_pickles_are_refused_unopened(folder, file, with_config):
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_name(file))
    if not with_config:
        (folder / "unet" / "config.json").unlink()
        refused(folder / "unet", "checkpoint_pickle", loading=True)
    else:
        assert "safe_serialization" in refused(folder, "checkpoint_pickle", loading=True)


def test_missing_weights_and_scheduler_have_sentences_of_their_own(folder):
    (folder / "scheduler" / "scheduler_config.json").unlink()
    refused(folder, "checkpoint_no_scheduler")
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    refused(folder, "checkpoint_no_weights")


@pytest.mark.parametrize("keep", [0, 4, 8, 100, 0.5, -1])
def test_truncated_weights_are_refused(folder, keep):
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    content = weights.read_bytes()
    keep = int(len(content) * keep) if isinstance(keep, float) else keep
    weights.write_bytes(content[:keep])
    refused(folder, "checkpoint_weights_broken", loading=True)


@pytest.mark.parametrize("content", [b"not weights", b"\xff" * 100, b"\x02" + bytes(7) + b"{}x"])
def test_files_that_are_no_safetensors_are_refused(folder, content):
    (folder / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(content)
    refused(folder, "checkpoint_weights_broken", loading=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"block_out_channels": [100_000, 100_000]},  # about 100 billion parameters
        {"block_out_channels": [-8, 16]},
        {"block_out_channels": [8.0, 16]},
        {"block_out_channels": [True, 16]},
        {"block_out_channels": "88"},
        {"block_out_channels": [8] * 9, "down_block_types": ["DownBlock2D"] * 9},
        {"block_out_channels": [8]},
        {"block_out_channels": [6, 16]},
        {"layers_per_block": 10**9},
        {"layers_per_block": 0},
        {"in_channels": 7},
        {"out_channels": 5},
        {"down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"]},
        {"down_block_types": ["DownBlock2D", ["x"]]},
        {"norm_eps": float("nan")},
        {"dropout": 1e400},
        {"act_fn": "__import__"},
        {"num_class_embeds": 10},
        {"time_embedding_dim": 10**9},
        {"sample_size": 10**9},
        {"_class_name": "UNet2DConditionModel"},
        {"_class_name": ["x"]},
    ],
)
def test_unet_settings_outside_the_bounds_are_refused(folder, changes):
    edit_json(folder / "unet" / "config.json", **changes)
    key = "checkpoint_class_unknown" if "_class_name" in changes else "checkpoint_config_refused"
    refused(folder, key, loading=True)


def test_a_network_too_large_is_refused_before_it_is_built(folder):
    edit_json(
        folder / "unet" / "config.json",
        block_out_channels=[4096, 4096],
        layers_per_block=8,
        attention_head_dim=64,
    )
    refused(folder, "checkpoint_too_large", loading=True)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 200_000, " " * 2**21])
@pytest.mark.parametrize("file", ["unet/config.json", "model_index.json"])
def test_broken_json_is_refused(folder, file, text):
    (folder / file).write_text(text)
    refused(folder, "checkpoint_json_invalid", loading=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"num_train_timesteps": 0},
        {"num_train_timesteps": 10_001},
        {"num_train_timesteps": "1000"},
        {"prediction_type": "flow"},
        {"beta_start": -1},
        {"beta_end": 2},
        {"trained_betas": [0.1] * 10_001},
        {"trained_betas": [0.1, 0]},
        {"clip_sample_range": float("inf")},
        {"_class_name": "FlowMatchEulerDiscreteScheduler"},
    ],
)
def test_scheduler_settings_outside_the_bounds_are_refused(folder, changes):
    edit_json(folder / "scheduler" / "scheduler_config.json", **changes)
    refused(folder, "checkpoint_config_refused", loading=True)


def test_other_pipelines_are_refused(folder):
    edit_json(folder / "model_index.json", _class_name="StableDiffusionPipeline")
    assert "StableDiffusionPipeline" in refused(folder, "checkpoint_class_unknown")


def test_weights_of_another_network_are_refused(folder):
    edit_json(folder / "unet" / "config.json", layers_per_block=2)
    refused(folder, "checkpoint_mismatch", loading=True)


def test_a_missing_tensor_is_refused_and_not_left_random(folder):
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(weights)
    tensors["another.name"] = tensors.pop("conv_in.weight")
    save_file(tensors, weights)
    refused(folder, "checkpoint_mismatch", loading=True)


def test_unknown_settings_are_left_aside(folder):
    edit_json(folder / "unet" / "config.json", resolution=16, invented_later={"x": 1})
    edit_json(folder / "scheduler" / "scheduler_config.json", tensor_format="pt")
    loaded = load(str(folder))
    assert "tensor_format" not in loaded.scheduler_config


def test_the_old_layout_with_old_attention_names_loads(tiny_checkpoint, old_layout_checkpoint):
    new, old = load(str(tiny_checkpoint)), load(str(old_layout_checkpoint))
    x = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(new.unet(x, 5).sample, old.unet(x, 5).sample)
    # The DDIM config of that time says nothing of the prediction type.
    assert "prediction_type" not in old.scheduler_config


@pytest.mark.parametrize(
    "text",
    ["", "# no", "---\n: [\n---\n", "---\n- a\n---\n", "---\ntitle: [1]\nsize_px: -5\n---\n"],
)
def test_a_bad_model_card_does_not_hide_a_checkpoint(folder, text):
    (folder / "README.md").write_text(text)
    info = find(str(folder))
    assert info.title == folder.name and info.prior == "object" and info.size_px == 16
    assert (info.default_sampler, info.default_num_steps) == ("dpmpp_2m", 20)


def test_a_model_card_is_read_as_it_was_written(folder):
    front = {
        "title": "A: title",
        "title_zh": "标题",
        "size_px": 32,
        "prior": "photo",
        "default_sampler": "ddim",
        "default_num_steps": 50,
        "tile_px": 48,
        "overlap_px": 8,
    }
    write_model_card(folder, front, "# Text")
    card = read_model_card(folder)
    assert {key: getattr(card, key) for key in front} == front
    assert find(str(folder)).tile_px == 48


def test_listing_does_not_load_torch():
    code = (
        "import sys; from ddpm_demo import list_checkpoints;"
        "print(len(list_checkpoints()), 'torch' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=checkpoints.ROOT,
    )
    count, torch_loaded = result.stdout.split()
    assert int(count) >= len(BUNDLED) and torch_loaded == "False"
