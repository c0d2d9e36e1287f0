"""Checkpoints: settings, headers, weights and model cards that nobody wrote in good faith."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from ddpm_demo.checkpoints.config import _SCHEDULER_CHECKS, _UNET_CHECKS
from ddpm_demo.errors import UserError
from ddpm_demo.tasks.generate import GenerateRecipe

from .mutants import mutant
from .tally import Tally, attack
from .values import odd

UNET = {
    "sample_size": 16,
    "block_out_channels": [8, 16],
    "down_block_types": ["DownBlock2D", "AttnDownBlock2D"],
    "up_block_types": ["AttnUpBlock2D", "UpBlock2D"],
    "norm_num_groups": 4,
    "layers_per_block": 1,
    "attention_head_dim": 4,
}
_MORE = ("quantization_config", "auto_map", "self", "cls", "_class_name", "torch_dtype", "dtype")
_JSONS = ("unet/config.json", "scheduler/scheduler_config.json", "model_index.json")


def fuzz(cases: int, seed: int = 0, seconds: float | None = None) -> Tally:
    """Spoilt copies of a small checkpoint, found, loaded and asked for one step."""
    with tempfile.TemporaryDirectory() as folder:
        return attack("checkpoints", _cases(Random(seed), cases, Path(folder)), seconds)


def write_checkpoint(folder: Path) -> None:
    """A small random network as diffusers writes it."""
    from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

    DDPMPipeline(UNet2DModel(**UNET), DDPMScheduler()).save_pretrained(folder)
    (folder / "README.md").write_text("---\ntitle: Small\nsize_px: 16\n---\n", encoding="utf-8")


def _cases(
    random: Random, count: int, folder: Path
) -> Iterator[tuple[object, Callable[[], object]]]:
    honest = folder / "honest"
    write_checkpoint(honest)
    for number in range(count):
        spoilt = folder / f"spoilt-{number}"
        shutil.copytree(honest, spoilt)
        what = _spoil(random, spoilt)
        yield what, lambda spoilt=spoilt: _use(spoilt)
        shutil.rmtree(spoilt)


def _spoil(random: Random, folder: Path) -> Any:  # noqa: ANN401  what was changed
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    kind = random.randrange(6)
    if kind <= 2:
        path = folder / _JSONS[kind]
        values = json.loads(path.read_text(encoding="utf-8"))
        keys = [*_UNET_CHECKS] if kind == 0 else [*_SCHEDULER_CHECKS]
        changes = {
            random.choice([*keys, *_MORE]): odd(random) for _ in range(random.randint(1, 3))
        }
        path.write_text(json.dumps({**values, **changes}, default=str), encoding="utf-8")
        return path.name, changes
    if kind == 3:
        weights.write_bytes(mutant(random, weights.read_bytes(), head=6000))
        return "weights"
    if kind == 4:
        path = random.choice([folder / "README.md", *(folder / name for name in _JSONS)])
        path.write_bytes(mutant(random, path.read_bytes()))
        return path.name, path.read_bytes()[:200]
    (folder / "unet" / "diffusion_pytorch_model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"conv_in.weight": odd(random)}}, default=str), encoding="utf-8"
    )
    return "index"


def _use(folder: Path) -> None:
    from ddpm_demo.pipeline import DDPM

    try:
        ddpm = DDPM.from_pretrained(str(folder))
        if ddpm.info.num_parameters < 10**6:
            recipe = GenerateRecipe(checkpoint=str(folder), num_steps=2, sampler="ddim")
            ddpm.generate(recipe).images()
    except UserError as error:
        assert len(str(error)) < 2000, "a sentence of any length"
        raise
