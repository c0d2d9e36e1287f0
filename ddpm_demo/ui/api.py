"""The endpoints for programs: /generate and /checkpoints here, the others in `api_*`.

They are events on components that are never shown, whose labels are the documentation. Everything
else on the page is hidden from the API.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from ..errors import UserError
from ..samplers.table import SPACINGS
from .api_process import add_process_endpoints
from .api_restoration import add_restoration_endpoints
from .context import MODEL_SLOT
from .models import Models
from .stream import Job, snapshots
from .tabs.generate import AUTO, sampler_choices, start

_GENERATE = """Make pictures from noise with a diffusion model.

Returns PNG files with true pixels, each with its recipe inside, and the recipe with its defaults
filled in. The same seed gives the same picture, whatever the number of images.
"""


def add_endpoints(models: Models) -> None:
    """Add the endpoints to the page under construction."""
    with gr.Group(visible=False):
        _add_checkpoints(models)
        _add_generate(models)
        add_restoration_endpoints(models)
        add_process_endpoints(models)


def checkpoints(models: Models) -> list[dict[str, Any]]:
    """What there is to know of each checkpoint that /generate takes; never a path."""
    fields = (
        "name",
        "title",
        "size_px",
        "channels",
        "prior",
        "default_sampler",
        "default_num_steps",
        "license",
        "data",
        "samples_seen",
        "num_parameters",
        "weight_hash",
    )
    return [{field: getattr(info, field) for field in fields} for info in models.infos()]


def generate(
    models: Models,
    folder: Path,
    checkpoint: str,
    num_images: float,
    seed: float,
    sampler: str | None,
    num_steps: float | None,
    eta: float,
    spacing: str | None,
) -> tuple[list[str], dict[str, Any]]:
    """(paths of the PNGs written into `folder`, the recipe with its defaults filled in).

    Raises:
        UserError: something that was asked for cannot be done.
    """
    from ..pictures.png_recipe import save_png
    from ..tasks.generate import GenerateRecipe

    recipe = GenerateRecipe(
        checkpoint=checkpoint,
        num_images=num_images,
        seed=seed,
        sampler=sampler or None,
        num_steps=num_steps,
        eta=eta or 0.0,
        spacing=None if spacing in (AUTO, "", None) else spacing,
    )
    last = deque(snapshots(models, Job(recipe, start)), maxlen=1)[0]
    paths = [
        str(save_png(image, folder / f"seed-{recipe.seed + index}.png", metadata))
        for index, (image, metadata) in enumerate(zip(last.images, last.metadata, strict=True))
    ]
    complete = {k: v for k, v in last.metadata[0].items() if k != "image_index"}
    return paths, complete


def _add_checkpoints(models: Models) -> None:
    def list_all() -> list[dict[str, Any]]:
        return checkpoints(models)

    gr.Button().click(
        list_all,
        None,
        gr.JSON(label="Checkpoints"),
        api_name="checkpoints",
        api_description="The checkpoints there are; size_px is the side of their pictures in "
        "pixels, channels is 1 for grey and 3 for colour.",
        queue=False,
    )


def _add_generate(models: Models) -> None:
    def run(
        checkpoint: str,
        num_images: int,
        seed: int,
        sampler: str | None = None,
        num_steps: int | None = None,
        eta: float = 0.0,
        spacing: str = AUTO,
    ) -> Iterator[tuple[list[str], dict[str, Any]]]:
        folder = Path(tempfile.mkdtemp(prefix="ddpm_demo-"))
        try:
            yield generate(
                models, folder, checkpoint, num_images, seed, sampler, num_steps, eta, spacing
            )
        except UserError as error:
            raise gr.Error(str(error), print_exception=False) from error
        finally:
            # Gradio has taken its own copies of the files when it asks for more.
            shutil.rmtree(folder, ignore_errors=True)

    gr.Button().click(
        run,
        [
            gr.Textbox(models.default, label="Checkpoint: a name from /checkpoints, or a Hub id"),
            gr.Number(4, label="Number of images, 1 to 256", precision=0),
            gr.Number(0, label="Seed, 0 to 4294967295; image i uses seed + i", precision=0),
            gr.Dropdown(
                [name for _, name in sampler_choices()],
                value=None,
                label="Sampler; none for the checkpoint's default",
            ),
            gr.Number(None, label="Number of steps, 1 to 1000; none for the default", precision=0),
            gr.Number(0, label="Eta, 0 (deterministic) to 1, for the sampler ddim alone"),
            gr.Dropdown(
                [AUTO, *SPACINGS], value=AUTO, label="Which timesteps; auto for the sampler's own"
            ),
        ],
        [
            gr.Gallery(label="Pictures", format="png"),
            gr.JSON(label="Recipe"),
        ],
        api_name="generate",
        api_description=_GENERATE,
        concurrency_limit=1,
        concurrency_id=MODEL_SLOT,
    )
