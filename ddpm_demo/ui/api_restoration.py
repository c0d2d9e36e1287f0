"""The endpoints /denoise, /inpaint and /upscale."""

from __future__ import annotations

import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from ..errors import UserError
from .context import MODEL_SLOT
from .exports import write_extras, write_pictures
from .models import Models
from .restoration.comparison import pictures_beside
from .restoration.mask_controls import EXPAND, PICTURE, SIDES
from .restoration.pictures import picture_input
from .sessions import RunRecord
from .stream import Job, snapshots
from .tabs import denoise, inpaint, upscale

_ANSWER = """
Returns PNGs with their recipe inside; the pictures beside the result, by caption: observed,
original, mean and uncertainty (standard deviation of the samples), those that there are; and the
recipe with its defaults filled in and the metrics of the first picture: psnr in dB, ssim, and of
what a cheap method gives, where there is an original.
"""
_DENOISE = f"""Remove the noise of a picture.

The noise level is estimated unless sigma_255 says it.
{_ANSWER}"""
_INPAINT = f"""Make a part of a picture anew, or its surroundings.

White in the mask is filled; known pixels come back exactly. A mask is needed unless a side is
expanded.
{_ANSWER}"""
_UPSCALE = f"""Enlarge a picture 2, 3, 4 or 8 times.

At sigma_255 = 0 the result, reduced again, gives the picture back.
{_ANSWER}"""

# (picture paths, (path, caption) of the pictures beside, recipe)
Answer = tuple[list[str], list[tuple[str, str]], dict[str, Any]]


def add_restoration_endpoints(models: Models) -> None:
    """Add them to the page under construction."""
    _add_denoise(models)
    _add_inpaint(models)
    _add_upscale(models)


def answer(models: Models, job: Job, folder: Path) -> Answer:
    """Run the job and write its files into `folder`.

    Raises:
        UserError: something that was asked for cannot be done.
    """
    record = RunRecord(job)
    record.keep(deque(snapshots(models, job), maxlen=1)[0])
    paths = [str(path) for path in write_pictures(record, folder)]
    beside = write_extras(record, pictures_beside(record), folder)
    recipe = {k: v for k, v in record.metadata[0].items() if k != "image_index"}
    return paths, [(str(path), name) for name, path in beside.items()], recipe


def _answers(
    models: Models,
    prepare: Callable[[Models, Mapping[str, Any]], Job],
    values: Mapping[str, Any],
) -> Iterator[Answer]:
    """The one answer of an endpoint; its files go when Gradio has taken its copies."""
    folder = Path(tempfile.mkdtemp(prefix="ddpm_demo-"))
    try:
        yield answer(models, prepare(models, values), folder)
    except UserError as error:
        raise gr.Error(str(error), print_exception=False) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _add_denoise(models: Models) -> None:
    def run(
        image: str,
        checkpoint: str,
        sigma_255: float | None = None,
        add_noise_255: float | None = None,
        perception: float = 0.0,
        num_images: int = 1,
        seed: int = 0,
        num_steps: int | None = None,
        reduce: bool = False,
    ) -> Iterator[Answer]:
        values = {
            **locals(),
            "noise": denoise.ESTIMATED if sigma_255 is None else denoise.GIVEN,
            "make_noisy": add_noise_255 is not None,
        }
        yield from _answers(models, denoise.prepare, values)

    level = "standard deviation in 8-bit levels, 0.5 to 255"
    _add(
        run,
        [
            *_picture(models),
            gr.Number(None, label=f"Noise of the picture, {level}; none to estimate it"),
            gr.Number(None, label=f"Noise added first, {level}; none for none"),
            *_common(perception=0.0),
        ],
        "denoise",
        _DENOISE,
    )


def _add_inpaint(models: Models) -> None:
    def run(
        image: str,
        checkpoint: str,
        mask: str | None = None,
        expand_left: int = 0,
        expand_top: int = 0,
        expand_right: int = 0,
        expand_bottom: int = 0,
        method: str = inpaint.ENGINE,
        time_travel: int | None = None,
        feather_px: float = 0.0,
        perception: float = 1.0,
        num_images: int = 1,
        seed: int = 0,
        num_steps: int | None = None,
        reduce: bool = False,
    ) -> Iterator[Answer]:
        values = {
            **locals(),
            "mask": EXPAND if mask is None else PICTURE,
            "mask_image": mask,
            "expand_always": True,
            "invert": False,
        }
        yield from _answers(models, inpaint.prepare, values)

    pixels = "Pixels added at the {}, 0 to 1024"
    _add(
        run,
        [
            *_picture(models),
            picture_input(label="Mask of the picture's size, white is filled; none with expand_*"),
            *[gr.Number(0, label=pixels.format(side), precision=0) for side in SIDES],
            gr.Dropdown(
                [inpaint.ENGINE, inpaint.REPAINT],
                value=inpaint.ENGINE,
                label="Method; repaint takes thousands of evaluations",
            ),
            gr.Number(None, label="Time travel, 0 to 50; none for what suits", precision=0),
            gr.Number(0, label="Feather in pixels, 0 to 64; 0 keeps every known pixel"),
            *_common(perception=1.0),
        ],
        "inpaint",
        _INPAINT,
    )


def _add_upscale(models: Models) -> None:
    def run(
        image: str,
        checkpoint: str,
        factor: int = 4,
        sigma_255: float = 0.0,
        reduce_first: bool = False,
        perception: float = 0.0,
        num_images: int = 1,
        seed: int = 0,
        num_steps: int | None = None,
        reduce: bool = False,
    ) -> Iterator[Answer]:
        start_from = upscale.REDUCED if reduce_first else upscale.UPLOAD
        yield from _answers(models, upscale.prepare, {**locals(), "start_from": start_from})

    _add(
        run,
        [
            *_picture(models),
            gr.Number(4, label="Factor: 2, 3, 4 or 8", precision=0),
            gr.Number(0, label="Noise of the picture, sigma in 8-bit levels, 0 to 255"),
            gr.Checkbox(False, label="Reduce the picture first and compare with it"),
            *_common(perception=0.0),
        ],
        "upscale",
        _UPSCALE,
    )


def _picture(models: Models) -> list[Component]:
    return [
        picture_input(label="Picture"),
        gr.Textbox(models.default, label="Checkpoint: a name from /checkpoints, or a Hub id"),
    ]


def _common(perception: float) -> list[Component]:
    return [
        gr.Number(perception, label="Perception, 0 (posterior mean) to 1 (one sharp sample)"),
        gr.Number(1, label="Number of samples, 1 to 16", precision=0),
        gr.Number(0, label="Seed, 0 to 4294967295; sample i uses seed + i", precision=0),
        gr.Number(None, label="U-Net evaluations a sample; none for what suits", precision=0),
        gr.Checkbox(False, label="Reduce a picture that is too large instead of refusing it"),
    ]


def _add(
    run: Callable[..., Iterator[Answer]], inputs: list[Component], name: str, description: str
) -> None:
    gr.Button().click(
        run,
        inputs,
        [
            gr.Gallery(label="Pictures", format="png"),
            gr.Gallery(label="Beside the result", format="png"),
            gr.JSON(label="Recipe"),
        ],
        api_name=name,
        api_description=description,
        concurrency_limit=1,
        concurrency_id=MODEL_SLOT,
    )
