"""What a tab is asked to do with what is kept: show it again, take its settings, vary it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from ..components.run_flow import RunFlow
from ..context import Context, Update
from ..restoration.pictures import load_picture
from ..stage import Stage
from ..stage_view import StageView
from .home import Placed, Result
from .settings import usable

Answer = tuple[str | None, list[Update]]


def act(
    ctx: Context,
    flow: RunFlow,
    told: Any,  # noqa: ANN401  any JSON
    language: str,
    above: str,
    session: str,
) -> Answer:
    """Do what the page's script asks of a tab.

    Args:
        ctx, flow: the page and the tab.
        told: {"act": "restore", "settings": ...}, or {"act": ..., "id": ..., "sample": ...} to
            "show", "reuse", "vary" or "compare" a result of the visitor's own; else nothing.
        language, session: the visitor's.
        above: the checkpoint that is chosen above the tabs.

    Returns:
        (id of the run to follow, updates for the flow's `finish_outputs`, the checkpoint above the
        tabs, and the form's pictures other than the stage's).
    """
    tail: list[Update] = [gr.skip()] * (1 + len(_own_pictures(flow)))
    asked = told.get("act") if isinstance(told, dict) else None
    if asked == "restore":
        placed, record = ctx.keeper.on_tab(session, flow.tab)
        settings = usable(_settable(flow), told.get("settings"))
        run, updates = flow.on_again(record, language, session, settings)
        if placed is not None:
            _put(flow, updates, placed)
        if record is not None:
            tail[1:] = _pictures_of(flow, record.given)
        return run, [*updates, *tail]
    running = ctx.store.going_on(session, flow.tab)
    if asked is not None and running is not None:
        return running.id, [*flow.on_busy(language), *tail]
    result = ctx.keeper.result(session, told.get("id")) if isinstance(told, dict) else None
    if asked == "compare" and result is not None:
        return None, [*_compared(flow, result, told.get("sample"), session), *tail]
    if result is None or result.tab != flow.tab:
        return None, [*[gr.skip()] * len(flow.finish_outputs), *tail]
    if asked in ("reuse", "vary"):
        tail = [result.record.given.get("checkpoint") or gr.skip()]
        if "checkpoint" in flow.form.controls:
            tail = [gr.skip()]
        tail += _pictures_of(flow, result.record.given)
    if asked == "vary":
        return _varied(flow, result, language, above, session, tail)
    settings = {}
    if asked == "reuse":
        given = {**result.record.given, "seed": result.record.job.recipe.seed}
        settings = usable(_settable(flow), given)
    run, updates = flow.on_again(result.record, language, session, settings)
    _put(flow, updates, _placed(result))
    return run, [*updates, *tail]


def _varied(
    flow: RunFlow,
    result: Result,
    language: str,
    above: str,
    session: str,
    tail: list[Update],
) -> Answer:
    """Run again with the seeds that come after those of the result."""
    given, recipe = result.record.given, result.record.job.recipe
    seed = recipe.seed + len(result.record.images)
    plain = {name: str(v) if isinstance(v, Path) else v for name, v in given.items()}
    values = {"checkpoint": above, **plain, "seed": seed}
    run, updates = flow.on_run(values, language, session, usable(_settable(flow), given))
    if run is not None:
        _put(flow, updates, _placed(result))
    return run, [*updates, *tail]


def _compared(flow: RunFlow, result: Result, sample: Any, session: str) -> list[Update]:  # noqa: ANN401
    """What is on the stage now beside a result, which counts as what was before."""
    updates: list[Update] = [gr.skip()] * len(flow.finish_outputs)
    record = flow.ctx.store.result(session, flow.tab)
    if record is None or not isinstance(flow.view, StageView):
        return updates
    chosen = sample if isinstance(sample, int) and 0 <= sample < len(record.images) else 0
    at = flow.finish_outputs.index(flow.view.stage.component)
    updates[at] = flow.view.compared(record, result.record.images[0], chosen)
    return updates


def _settable(flow: RunFlow) -> dict[str, Any]:
    return {name: flow.form.controls[name] for name in flow.form.settable}


def _own_pictures(flow: RunFlow) -> list[str]:
    """The form's pictures that do not lie on a stage."""
    on_stage = isinstance(flow.view, StageView)
    return [name for name in flow.form.pictures if not (on_stage and name == "image")]


def _pictures_of(flow: RunFlow, given: Mapping[str, Any]) -> list[Update]:
    """For the form's pictures that do not lie on a stage: those that went into a run."""
    found = {name: given.get(name) for name in _own_pictures(flow)}
    return [str(p) if isinstance(p, Path) and p.is_file() else None for p in found.values()]


def _placed(result: Result) -> Placed | None:
    picture, mask = result.record.given.get("image"), result.record.given.get("painted")
    if not isinstance(picture, Path):
        return None
    return Placed(picture, mask if isinstance(mask, Path) else None, picture.name, result.made)


def _put(flow: RunFlow, updates: list[Update], placed: Placed | None) -> None:
    """Put the picture on the tab's stage, where it has one, in place of what `updates` say."""
    if placed is None or not isinstance(flow.view, StageView) or not placed.picture.is_file():
        return
    stage = flow.view.stage
    updates[flow.finish_outputs.index(stage.component)] = placed_scene(stage, placed)


def placed_scene(stage: Stage, placed: Placed) -> Update:
    """The visitor's picture and mask as they lay on the stage."""
    mask = None
    if placed.mask is not None and placed.mask.is_file():
        with Image.open(placed.mask) as image:
            mask = image.convert("L")
    picture = load_picture(str(placed.picture))
    path = _in_cache(placed.picture, stage.component.GRADIO_CACHE)
    return stage.show(picture, path=path, name=placed.name, mask=mask, clear_mask=mask is None)


def _in_cache(path: Path, cache: str) -> str:
    """A copy of our file where the page's files lie; the cache forgets it in an hour."""
    name = hashlib.sha256(str(path).encode()).hexdigest()
    target = Path(cache) / name / path.name
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.is_file():
        shutil.copyfile(path, target)
    return str(target)
