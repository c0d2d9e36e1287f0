"""Sampling, restoring and training with denoising diffusion models.

    from ddpm_demo import DDPM, GenerateRecipe
    ddpm = DDPM.from_pretrained("faces-64")
    images = ddpm.generate(GenerateRecipe(num_images=4, seed=7)).images()

Importing the package is cheap: torch is loaded when the first of its names is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .version import __version__

if TYPE_CHECKING:
    from .checkpoints.library import CheckpointInfo, list_checkpoints
    from .errors import UserError
    from .pipeline import DDPM
    from .tasks.colourise import ColouriseRecipe
    from .tasks.deblur import DeblurRecipe
    from .tasks.denoise import DenoiseRecipe
    from .tasks.diffuse import DiffuseRecipe
    from .tasks.generate import GenerateRecipe
    from .tasks.inpaint import InpaintRecipe
    from .tasks.interpolate import InterpolateRecipe
    from .tasks.upscale import UpscaleRecipe


_MODULE_OF = {
    "DDPM": "pipeline",
    "GenerateRecipe": "tasks.generate",
    "InterpolateRecipe": "tasks.interpolate",
    "DiffuseRecipe": "tasks.diffuse",
    "ColouriseRecipe": "tasks.colourise",
    "DeblurRecipe": "tasks.deblur",
    "DenoiseRecipe": "tasks.denoise",
    "InpaintRecipe": "tasks.inpaint",
    "UpscaleRecipe": "tasks.upscale",
    "CheckpointInfo": "checkpoints.library",
    "list_checkpoints": "checkpoints.library",
    "UserError": "errors",
}

__all__ = [
    "__version__",
    "DDPM",
    "CheckpointInfo",
    "ColouriseRecipe",
    "DeblurRecipe",
    "DenoiseRecipe",
    "DiffuseRecipe",
    "GenerateRecipe",
    "InpaintRecipe",
    "InterpolateRecipe",
    "UpscaleRecipe",
    "UserError",
    "list_checkpoints",
]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULE_OF])
