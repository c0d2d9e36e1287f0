"""The endpoints /interpolate and /diffuse."""

from __future__ import annotations

import shutil
import tempfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from ..errors import UserError
from ..samplers.table import SAMPLERS
from .context import MODEL_SLOT
from .exports import write_pictures
from .models import Models
from .restoration.pictures import picture_input
from .sessions import RunRecord
from .stream import Job, snapshots
from .tabs.interpolate import tab as interpolate_tab
from .tabs.interpolate.exports import export_interpolation
from .tabs.process import generation

NO_ANIMATION = "none"
_INTERPOLATE = """Make the pictures that lie between two ends, each a picture or a seed.

Returns a PNG for each frame with its recipe inside, the animation where one is asked for, and the
recipe; its reconstruction_mse says how near each picture came back from its noise (mean squared
error of pictures in [0, 1]; null for seeds).
"""
_DIFFUSE = """Noise a picture to t and bring it back; without one, start from pure noise.

Returns PNGs with their recipe inside and the recipe.
"""

Answer = tuple[list[str], str | None, dict[str, Any]]


def interpolate(models: Models, folder: Path, values: dict[str, Any]) -> Answer:
    """(paths of the frames' PNGs, path of the animation or None, the recipe), in `folder`.

    Args:
        values: of the controls of the Interpolate tab by name, and "animation".

    Raises:
        UserError: something that was asked for cannot be done.
    """
    kind = values.pop("animation")
    record = _finished(models, interpolate_tab.prepare(models, values))
    paths = [str(path) for path in write_pictures(record, folder)]
    animation = None
    if kind != NO_ANIMATION:
        animation = str(export_interpolation(record, kind, folder))
    return paths, animation, _recipe(record)


def diffuse(
    models: Models, folder: Path, values: dict[str, Any]
) -> tuple[list[str], dict[str, Any]]:
    """(paths of the PNGs in `folder`, the recipe).

    Args:
        values: of the controls of the How it works tab's run by name.

    Raises:
        UserError: something that was asked for cannot be done.
    """
    record = _finished(models, generation.job_of(models, values))
    return [str(path) for path in write_pictures(record, folder)], _recipe(record)


def add_process_endpoints(models: Models) -> None:
    """Add both to the page under construction."""
    _add_interpolate(models)
    _add_diffuse(models)


def _finished(models: Models, job: Job) -> RunRecord:
    record = RunRecord(job)
    record.keep(deque(snapshots(models, job), maxlen=1)[0])
    return record


def _recipe(record: RunRecord) -> dict[str, Any]:
    return {k: v for k, v in record.metadata[0].items() if k != "image_index"}


def _add_interpolate(models: Models) -> None:
    def run(
        checkpoint: str,
        image_a: str | None = None,
        image_b: str | None = None,
        seed_a: int = 0,
        seed_b: int = 1,
        num_between: int = 8,
        method: str = "ddim",
        num_steps: int = 20,
        t: int = 500,
        num_samples: int = 1,
        seed: int = 0,
        animation: str = NO_ANIMATION,
        there_and_back: bool = True,
    ) -> Iterator[Answer]:
        values = {**locals(), "shape": interpolate_tab.LINE, "max_evaluations": 12, "fps": 8}
        values.pop("models", None)
        yield from _answered(lambda folder: interpolate(models, folder, values))

    gr.Button().click(
        run,
        [
            _checkpoint(models),
            picture_input(label="End A; none for seed_a"),
            picture_input(label="End B; none for seed_b"),
            gr.Number(0, label="Seed of end A, 0 to 4294967295", precision=0),
            gr.Number(1, label="Seed of end B, 0 to 4294967295", precision=0),
            gr.Number(8, label="Number of in-betweens, 1 to 10000", precision=0),
            gr.Dropdown(
                ["ddim", "ddpm"],
                value="ddim",
                label="ddim: through the noise, deterministic; ddpm: through noised mixes",
            ),
            gr.Number(20, label="Number of steps, 1 to 1000", precision=0),
            gr.Number(500, label="Noising steps of ddpm, 0 to 1000", precision=0),
            gr.Number(1, label="Samples a mix of ddpm", precision=0),
            gr.Number(0, label="Seed of the noise of ddpm; sample j uses seed + j", precision=0),
            gr.Dropdown(
                [NO_ANIMATION, "gif", "webp", "mp4"],
                value=NO_ANIMATION,
                label="Animation; mp4 needs ffmpeg on the server",
            ),
            gr.Checkbox(True, label="The animation also runs back"),
        ],
        [
            gr.Gallery(label="Frames from A to B", format="png"),
            gr.File(label="Animation"),
            gr.JSON(label="Recipe"),
        ],
        api_name="interpolate",
        api_description=_INTERPOLATE,
        concurrency_limit=1,
        concurrency_id=MODEL_SLOT,
    )


def _add_diffuse(models: Models) -> None:
    def run(
        checkpoint: str,
        image: str | None = None,
        t: int | None = None,
        num_images: int = 1,
        seed: int = 0,
        sampler: str | None = None,
        num_steps: int | None = None,
        eta: float = 0.0,
        branch_at: int | None = None,
        branch_seed: int = 1,
    ) -> Iterator[tuple[list[str], dict[str, Any]]]:
        values = dict(locals())
        values.pop("models", None)
        yield from _answered(lambda folder: diffuse(models, folder, values))

    gr.Button().click(
        run,
        [
            _checkpoint(models),
            picture_input(label="Picture; none for pure noise"),
            gr.Number(None, label="Noising steps t, 1 to 1000; none for all", precision=0),
            gr.Number(1, label="Number of images, or of siblings, 1 to 256", precision=0),
            gr.Number(0, label="Seed, 0 to 4294967295; image i uses seed + i", precision=0),
            gr.Dropdown(list(SAMPLERS), value=None, label="Sampler; none for ddpm"),
            gr.Number(None, label="Number of steps, 1 to t; none for 50", precision=0),
            gr.Number(0, label="Eta, 0 (deterministic) to 1, for the sampler ddim alone"),
            gr.Number(
                None, label="Step from which on the images differ; none for no branch", precision=0
            ),
            gr.Number(1, label="Sibling i goes on with the noise of this seed + i", precision=0),
        ],
        [gr.Gallery(label="Pictures", format="png"), gr.JSON(label="Recipe")],
        api_name="diffuse",
        api_description=_DIFFUSE,
        concurrency_limit=1,
        concurrency_id=MODEL_SLOT,
    )


def _checkpoint(models: Models) -> gr.Textbox:
    return gr.Textbox(models.default, label="Checkpoint: a name from /checkpoints, or a Hub id")


def _answered(make: Any) -> Iterator[Any]:  # noqa: ANN401  the endpoint's own answer
    folder = Path(tempfile.mkdtemp(prefix="ddpm_demo-"))
    try:
        yield make(folder)
    except UserError as error:
        raise gr.Error(str(error), print_exception=False) from error
    finally:
        # Gradio has taken its own copies of the files when it asks for more.
        shutil.rmtree(folder, ignore_errors=True)
