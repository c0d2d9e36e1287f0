"""The line under the stage: how long what is set would take here, where that is long."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable
from typing import Any

import gradio as gr
from PIL import Image

from ....errors import UserError
from ....texts import text
from ....texts.durations import format_seconds
from ...components.form import Form
from ...context import Context
from ...spaces_gpu import has_spaces
from ...stage import Stage
from ...stream import Job

LONG_SECONDS = 20
# A start on a part of the picture tells what the whole costs, by its area: with one, two or four
# chains the tiles of this side are 1.18 times as long as it, of whole photographs 1.1 to 1.25.
PART_PX = 896
# What is filled is looked at with this much around it.
AROUND_PX = 192
PROBE_SECONDS = 0.6

# One at a time: what is told beforehand must not be in the way of what runs.
_turn = threading.Lock()

_log = logging.getLogger(__name__)

Prepare = Callable[[dict[str, Any]], Job]


def connect_time(
    ctx: Context,
    form: Form,
    stage: Stage,
    run: gr.Button,
    line: gr.HTML,
    prepare: Prepare,
    takes_mask: bool,
) -> None:
    """Say it when a picture or a mask has come, and when something changes that it depends on.

    Args:
        ctx, form, stage, run: the tab's; a run tells its time itself.
        line: where it is said.
        prepare: values of the form -> the job that they ask for.
        takes_mask: whether it waits for a mask.
    """
    inputs = [ctx.language, ctx.checkpoint, *form.inputs]

    def on_change(language: str, checkpoint: str, *values: Any) -> str:  # noqa: ANN401
        asked = {"checkpoint": checkpoint, **form.values(values)}
        return time_html(ctx, prepare, asked, language)

    changed = [
        control.change
        for name, control in form.controls.items()
        if control is not stage.said and name != "seed" and hasattr(control, "change")
    ]
    arrived = stage.on_mask if takes_mask else stage.on_upload
    for trigger in (arrived, ctx.language.change, *changed):
        # Gradio repeats all that hangs on an event where one handler of it comes late; so the
        # late one hangs on an event of its own.
        heard = ctx.quick(trigger, None, js="() => []", trigger_mode="multiple")
        ctx.quick(heard.then, on_change, inputs, [line], trigger_mode="always_last")
    for trigger in (stage.on_clear, run.click, *([stage.on_upload] if takes_mask else [])):
        ctx.quick(trigger, lambda: "", None, [line])


def time_html(ctx: Context, prepare: Prepare, values: dict[str, Any], language: str) -> str:
    """ "As set, about 2 min 20 s on this machine."; "" where it is short, or cannot be told."""
    if has_spaces():  # on ZeroGPU nothing is measured outside of a run
        return ""
    try:
        with _turn:
            seconds = seconds_of(ctx, prepare(values))
    except UserError:  # told beside its control when it is run
        return ""
    except Exception:  # a line less is no reason to disturb anybody
        _log.warning("the time of a run could not be told", exc_info=True)
        return ""
    if seconds is None or seconds < LONG_SECONDS:
        return ""
    words = text(language, "common.time_ahead", time=format_seconds(language, seconds))
    return f'<p class="hint">{words}</p>'


def seconds_of(ctx: Context, job: Job) -> float | None:
    """What the network will need for a restoration; None for what is no restoration of a picture,
    or by a checkpoint that is not here yet.

    Raises:
        UserError: as when it is run.
    """
    image, mask = job.inputs.get("image"), job.inputs.get("mask")
    if job.counts != "step" or not isinstance(image, Image.Image):
        return None
    if ctx.models.peek(job.recipe.checkpoint) is None:  # it would be downloaded first
        return None
    from ....restoration.effort import seconds
    from ....restoration.fit import as_part_of

    box = _box(image, mask)
    cut = {name: given.crop(box) for name, given in job.inputs.items() if _is_picture(given)}
    part = dataclasses.replace(job, inputs={**job.inputs, **cut})
    ddpm = ctx.models.load(job.recipe.checkpoint)
    share = 1.0  # a hole costs what it costs, whatever is far from it
    if mask is None:
        share = (box[2] - box[0]) * (box[3] - box[1]) / (image.width * image.height)
    with as_part_of(share):
        run = part.start(ddpm, part.recipe, part.inputs)
    return seconds(ddpm.denoiser, round(run.progress.expected / share), PROBE_SECONDS)


def _is_picture(given: Any) -> bool:  # noqa: ANN401  what a job is given
    return isinstance(given, Image.Image)


def _box(image: Image.Image, mask: Image.Image | None) -> tuple[int, int, int, int]:
    """The middle of the picture, or where it is filled."""
    filled = mask.getbbox() if mask is not None else None
    if filled is not None:
        left, top = (max(0, edge - AROUND_PX) for edge in filled[:2])
        right = min(image.width, filled[2] + AROUND_PX)
        return left, top, right, min(image.height, filled[3] + AROUND_PX)
    left, top = max(0, image.width - PART_PX) // 2, max(0, image.height - PART_PX) // 2
    return left, top, min(image.width, left + PART_PX), min(image.height, top + PART_PX)
