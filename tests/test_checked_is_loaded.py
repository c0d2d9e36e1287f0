"""What was checked is what is loaded, and weights that are no numbers stop with a sentence."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from test_checkpoints import edit_json, folder, refused  # noqa: F401  the fixture too

from ddpm_demo.checkpoints import library, weights
from ddpm_demo.checkpoints.library import load
from ddpm_demo.errors import UserError
from ddpm_demo.pipeline import DDPM
from ddpm_demo.tasks.generate import GenerateRecipe

WEIGHTS = "diffusion_pytorch_model.safetensors"


def spoil(path, change, name="conv_out.weight"):
    tensors = load_file(path)
    tensors[name] = change(tensors[name])
    save_file(tensors, path)


def first(unet):
    return next(iter(unet.state_dict().values()))


@pytest.mark.parametrize("outside", [False, True])
def test_an_index_of_shards_beside_the_weights_is_not_followed(folder, tmp_path, outside):  # noqa: F811
    honest = load_file(folder / "unet" / WEIGHTS)
    other = {name: tensor + 1 for name, tensor in honest.items()}
    place = tmp_path if outside else folder / "unet"
    save_file(other, place / "other.safetensors")
    shard = "../../other.safetensors" if outside else "other.safetensors"
    index = {"metadata": {"total_size": 1}, "weight_map": {name: shard for name in other}}
    (folder / "unet" / f"{WEIGHTS}.index.json").write_text(json.dumps(index))
    loaded = load(str(folder)).unet.state_dict()
    assert all(torch.equal(loaded[name], honest[name]) for name in honest)


@pytest.mark.parametrize(
    "extra",
    [
        {"quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": True}},
        {"quantization_config": "x"},
        {"self": 1},
        {"cls": 1},
        {"torch_dtype": "float16"},
        {"_name_or_path": "/"},
        {"_class_name": "UNet2DModel", "_use_default_values": 3},
        {"auto_map": {"UNet2DModel": "evil.Evil"}},
    ],
)
def test_settings_that_were_not_let_through_change_nothing(folder, tiny_checkpoint, extra):  # noqa: F811
    edit_json(folder / "unet" / "config.json", **extra)
    loaded, honest = load(str(folder)).unet, load(str(tiny_checkpoint)).unet
    assert torch.equal(first(loaded), first(honest))
    assert dict(loaded.config).keys() - {"_use_default_values"} <= {
        *dict(honest.config).keys(),
        "_use_default_values",
    }


def test_weights_exchanged_after_the_check_are_not_loaded(folder, monkeypatch):  # noqa: F811
    real = library.build

    def exchanged(files, weight_hash, device):
        spoil(files.weights, lambda tensor: tensor + 1)
        return real(files, weight_hash, device)

    monkeypatch.setattr(library, "build", exchanged)
    refused(folder, "checkpoint_changed", loading=True)


def test_whole_numbers_are_no_weights(folder):  # noqa: F811
    spoil(folder / "unet" / WEIGHTS, lambda tensor: tensor.to(torch.int32))
    refused(folder, "checkpoint_weights_broken", loading=True)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_every_precision_is_read(folder, dtype):  # noqa: F811
    tensors = {name: t.to(dtype) for name, t in load_file(folder / "unet" / WEIGHTS).items()}
    save_file(tensors, folder / "unet" / WEIGHTS)
    loaded = load(str(folder)).unet
    assert loaded.dtype == torch.float32
    assert all(torch.equal(loaded.state_dict()[name], tensors[name].float()) for name in tensors)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_no_numbers_are_refused(folder, value):  # noqa: F811
    spoil(folder / "unet" / WEIGHTS, lambda tensor: tensor.fill_(value))
    assert "conv_out.weight" in refused(folder, "checkpoint_not_numbers", loading=True)


@pytest.mark.parametrize("size", [1e30, 1e38])
def test_a_network_that_overflows_stops_at_the_step(folder, size):  # noqa: F811
    spoil(folder / "unet" / WEIGHTS, lambda tensor: tensor.fill_(size))
    ddpm = DDPM.from_pretrained(str(folder))
    steps = iter(ddpm.generate(GenerateRecipe(checkpoint=str(folder), num_steps=4)))
    with pytest.raises(UserError) as caught:
        list(steps)
    assert caught.value.key == "not_numbers" and "t = 999" in str(caught.value)


def test_a_schedule_that_the_network_was_not_made_for_stops_at_the_step(folder):  # noqa: F811
    scheduler = folder / "scheduler" / "scheduler_config.json"
    edit_json(scheduler, rescale_betas_zero_snr=True)
    recipe = GenerateRecipe(checkpoint=str(folder), num_steps=4)
    assert DDPM.from_pretrained(str(folder)).generate(recipe).images()  # v can begin there
    edit_json(scheduler, rescale_betas_zero_snr=True, prediction_type="epsilon")
    with pytest.raises(UserError) as caught:
        DDPM.from_pretrained(str(folder)).generate(recipe).images()
    assert caught.value.key == "no_signal"


def test_the_file_that_is_hashed_is_read_once(folder, monkeypatch):  # noqa: F811
    path = folder / "unet" / WEIGHTS
    with pytest.raises(UserError) as caught:
        weights.read_tensors(path, "0" * 12)
    assert caught.value.key == "checkpoint_changed"
    shutil.rmtree(folder)
    with pytest.raises(UserError) as caught:
        weights.read_tensors(path, "0" * 12)
    assert caught.value.key == "checkpoint_weights_broken"
