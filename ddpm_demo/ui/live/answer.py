"""What comes of a request of the live panel: pictures on the stage, or a sentence beside it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr
from PIL import Image

from ...errors import UserError
from ...recipes.recipe import Recipe
from ...texts import LANGUAGES
from ..components.live_view import status_html
from ..context import Update
from ..errors import sentence
from ..request import start
from ..restoration.measures import shown_of
from ..runner import outcome_text
from ..sessions import RunRecord
from ..stage import scene
from ..stage.renditions import preview, whole
from ..stage_view import SHEET, StageView, in_all
from ..stream import Job, Snapshot, sheet_columns, sheet_of
from .asked import Asked, number_of, read_asked, recipes_of
from .draw import Drawn, SheetRecipe, draw, fast_info, fast_of


def answer(
    view: StageView,
    payload: Any,  # noqa: ANN401  any JSON
    values: Mapping[str, Any],
    language: str,
    session: str,
) -> list[Update]:
    """For the view's frame, the panel and the view's results: the pictures that are asked for, or
    a sentence in every language about why not, and the stage stays.

    Args:
        view: the tab's.
        payload: what the panel sent, any JSON.
        values: of the fields that the tab's controls say, with "checkpoint".
        language, session: the visitor's.
    """
    number, store = number_of(payload), view.ctx.store
    try:
        asked = read_asked(payload)
        record, corners = _drawn(view, asked, values, store.result(session, view.tab))
    except Exception as error:  # whatever went wrong is said; the page goes on
        told = {"number": number, **_refusal(view, error, values.get("checkpoint"))}
        return [*[gr.skip()] * len(view.frame_outputs), told, *view.skips()]
    store.show(session, view.tab, record)
    shown = _scene(record, asked)
    told = {"number": number, "corners": [preview(image)["data"] for image in corners]}
    status = status_html(outcome_text(language, record))
    return [shown, status, told, *view.results(record, language, session)]


def kept_of(record: RunRecord | None, index: Any) -> RunRecord | None:  # noqa: ANN401  any JSON
    """A picture that was drawn live as a result of its own, for the history; None for none.

    Args:
        record: what the stage shows.
        index: which of its pictures.
    """
    drawn = list(record.options.get("drawn", {}).items()) if record is not None else []
    if record is None or not isinstance(index, int) or isinstance(index, bool):
        return None
    if not 0 <= index < min(len(drawn), len(record.images)):
        return None
    recipe, found = drawn[index]
    kept = _record([recipe], [found])
    kept.phase, kept.frames, kept.seconds = "done", [], record.seconds
    return kept


def _drawn(
    view: StageView, asked: Asked, values: Mapping[str, Any], last: RunRecord | None
) -> tuple[RunRecord, Sequence[Image.Image]]:
    """(the pictures as a run's record, those of the corners)."""
    models, started = view.ctx.models, time.monotonic()
    if not values.get("checkpoint"):
        raise UserError("checkpoint_missing", "Choose a checkpoint first.", field="checkpoint")
    info = fast_info(models, values["checkpoint"])
    recipes = recipes_of([*asked.pictures, *asked.corners], values)
    recipes = [recipe.complete(info) for recipe in recipes]
    known = last.options.get("drawn", {}) if last is not None else {}
    found = draw(models, recipes, known)
    count = len(asked.pictures)
    record = _record(recipes[:count], found[:count])
    record.options["drawn"] = dict(zip(recipes, found, strict=True))
    record.seconds = time.monotonic() - started
    return record, [one.image for one in found[count:]]


def _record(recipes: Sequence[Any], found: Sequence[Drawn]) -> RunRecord:
    """As if a run had given them, so that downloads and other tabs take them as any."""
    recipe: Recipe = SheetRecipe.of(recipes)
    images = [one.image for one in found]
    columns = sheet_columns(len(images), images[0].size)
    grid, num_steps = sheet_of(images, columns), recipes[0].num_steps
    record = RunRecord(Job(recipe, start, on_stage=True))
    record.keep(
        Snapshot(
            index=num_steps,
            num_steps=num_steps,
            t=-1,
            num_evaluations=num_steps,
            x_t=grid,
            x0_hat=grid,
            num_shown=len(images),
            num_images=len(images),
            images=images,
            metadata=[dict(one.metadata) for one in found],
            columns=columns,
        )
    )
    return record


def _scene(record: RunRecord, asked: Asked) -> scene.Scene:
    """The pictures without steps: nobody reads them aloud while a point is dragged."""
    images, layers = record.images, {}
    if len(images) > 1:
        sheet = preview(sheet_of(images, record.columns))
        layers[SHEET] = (in_all("common.sheet"), {**sheet, "sheet": True})
    told = scene.result(
        [whole(image, made) for image, made in zip(images, record.metadata, strict=True)],
        layers=layers,
        layer=asked.layer,
        captions=shown_of(record).captions,
        chosen=asked.chosen,
        columns=record.columns if layers else 0,
    )
    return {**told, "live": asked.number}


def _refusal(view: StageView, error: Exception, chosen: Any) -> dict[str, Any]:  # noqa: ANN401
    """The sentence; whether it is worth asking again; which checkpoint can do it."""
    is_known = isinstance(error, UserError)
    said = {language: sentence(error, language, view.tab) for language in LANGUAGES}
    told: dict[str, Any] = {"said": said, "busy": is_known and error.key == "live_busy"}
    if is_known and error.key == "live_needs_fast":
        info = fast_of(view.ctx.models, chosen)
        if info is not None:
            told |= {"offer": info.name, "title": _titles(info)}
    return told


def _titles(info: Any) -> dict[str, str]:  # noqa: ANN401  a CheckpointInfo
    return {language: info.title_in(language) for language in LANGUAGES}
