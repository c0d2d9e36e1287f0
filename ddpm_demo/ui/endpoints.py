"""The endpoints for programs: one for each task, derived from its declaration, and /checkpoints.

They are events on components that are never shown, whose labels are the documentation. Everything
else on the page is hidden from the API. With `app.py --mcp` each is a tool.
"""

from __future__ import annotations

import inspect
import shutil
import tempfile
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from ..batch.sources import takes_many
from ..recipes.describe import describe
from ..recipes.field import TaskField, fields_of
from ..recipes.inputs import Alias, Picture
from ..recipes.recipe import Recipe
from ..tasks.registry import tasks
from ..texts import negotiate, text
from ..texts.naming import field_help, field_label, task_description
from .as_tool import as_tool, with_parameters
from .components.as_sent import checkbox, choice, number, plain_text
from .context import MODEL_SLOT
from .errors import sentence
from .exports import write_animation, write_extras, write_results
from .in_turn import last_in_turn
from .many_endpoint import add_many
from .models import Models
from .request import job_of
from .restoration.pictures import picture_input
from .sessions import RunRecord
from .stream import snapshots
from .writing import writing_of

NO_ANIMATION = "none"
ANIMATIONS = (NO_ANIMATION, "gif", "webp", "mp4")
_PYTHON = {"integer": int, "number": float, "boolean": bool, "choice": str, "text": str}


def add_endpoints(models: Models) -> None:
    """Add the endpoints to the page under construction."""
    with gr.Group(visible=False):
        _add_checkpoints(models)
        for task in tasks().values():
            _add_task(models, task)
        add_many(models)


def checkpoints(models: Models) -> list[dict[str, Any]]:
    """What there is to know of each checkpoint that a task takes; never a path."""
    return [info.brief() for info in models.infos()]


def answer(
    models: Models, task: type[Recipe], values: Mapping[str, Any], folder: Path
) -> Generator[None, None, list[Any]]:
    """What the endpoint of a task returns, for `yield from`: None comes while it works.

    The files are written into `folder`.

    Args:
        models: the checkpoints.
        task: whose endpoint it is.
        values: of its parameters.
        folder: for the files.

    Returns:
        paths of the pictures; (path, name) of each picture beside them, where the task has such;
        path of the animation or None, where the task has one; the recipe of the first picture.

    Raises:
        UserError: something that was asked for cannot be done.
    """
    named = ("format", "quality", "strip_metadata")
    how = writing_of(*(values.get(name) for name in named))
    record = RunRecord(job_of(models, task, values))
    last = yield from last_in_turn(lambda: snapshots(models, record.job))
    assert last is not None
    record.keep(last)
    found: list[Any] = [[str(path) for path in write_results(record, folder, how)]]
    if task.beside:
        pictures = {name: record.extras[name] for name in task.beside if name in record.extras}
        beside = write_extras(record, pictures, folder)
        found.append([(str(path), name) for name, path in beside.items()])
    if task.animates:
        kind = values.get("animation") or NO_ANIMATION
        there_and_back = bool(values.get("there_and_back"))
        path = None
        if kind != NO_ANIMATION:
            path = str(write_animation(record, kind, folder, there_and_back=there_and_back))
        found.append(path)
    return [*found, {k: v for k, v in record.metadata[0].items() if k != "image_index"}]


def _add_checkpoints(models: Models) -> None:
    def list_all() -> list[dict[str, Any]]:
        return checkpoints(models)

    gr.Button().click(
        as_tool(list_all, "checkpoints", {}),
        None,
        gr.JSON(label="Checkpoints"),
        api_name="checkpoints",
        api_description="The checkpoints there are; size_px is the side of their pictures in "
        "pixels, channels is 1 for grey and 3 for colour.",
        queue=False,
    )


def _add_task(models: Models, task: type[Recipe]) -> None:
    parameters, outputs = list(_parameters(models, task)), _outputs(task)

    def run(request: gr.Request, *values: Any) -> Iterator[Any]:  # noqa: ANN401  as sent
        folder: Path | None = None
        names = [parameter.name for parameter, _ in parameters]
        try:
            folder = Path(tempfile.mkdtemp(prefix="ddpm_demo-"))
            given = dict(zip(names, values, strict=True))
            # Gradio ends a handler whose caller has left at a yield, and nowhere else.
            found = yield from _nothing_yet(answer(models, task, given, folder), len(outputs))
            yield tuple(found)
        except Exception as error:
            language = negotiate((request.headers if request else {}).get("accept-language", ""))
            said = sentence(error, language, task.task, labels=False)
            raise gr.Error(said, print_exception=False) from error
        finally:
            # Gradio has taken its own copies of the files when it asks for more.
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)

    gr.Button().click(
        with_parameters(run, task.task, parameters),
        [component for _, component in parameters],
        outputs,
        api_name=task.task,
        api_description=f"{task_description(task.task)} {text('en', f'api.{_kind(task)}')}",
        concurrency_limit=1,
        concurrency_id=MODEL_SLOT,
    )


def _nothing_yet(
    work: Generator[None, None, list[Any]], num_outputs: int
) -> Generator[tuple[None, ...], None, list[Any]]:
    """The work with an empty answer for each None; its own answer is what it returns."""
    try:
        while True:
            try:
                next(work)
            except StopIteration as end:
                return end.value
            yield (None,) * num_outputs
    finally:
        work.close()


def _kind(task: type[Recipe]) -> str:
    """Which words say what comes back."""
    return "beside" if task.beside else "animation" if task.animates else "pictures"


def _outputs(task: type[Recipe]) -> list[Component]:
    outputs: list[Component] = [gr.Gallery(label="Pictures", format="png")]
    if task.beside:
        outputs.append(gr.Gallery(label="Beside the result", format="png"))
    if task.animates:
        outputs.append(gr.File(label="Animation"))
    return [*outputs, gr.JSON(label="Recipe")]


def _parameters(
    models: Models, task: type[Recipe]
) -> Iterator[tuple[inspect.Parameter, Component]]:
    """Each parameter with the component that documents it; required pictures come first."""
    for told in sorted(task.inputs, key=lambda told: not told.required):
        yield _picture(task, told)
    for alias in task.aliases:
        yield _alias(task, alias)
    for told in fields_of(task).values():
        yield _field(models, task, told)
    if takes_many(task):
        yield from _file_parameters()
    if task.animates:
        kinds = choice(ANIMATIONS, value=NO_ANIMATION, label=text("en", "api.animation_kind"))
        yield _parameter("animation", str, NO_ANIMATION), kinds
        back = checkbox(value=True, label=text("en", "api.there_and_back"))
        yield _parameter("there_and_back", bool, True), back


def _file_parameters() -> Iterator[tuple[inspect.Parameter, Component]]:
    """How results are written, where they are made from an upload."""
    label = text("en", "api.format")
    yield _parameter("format", str | None, None), plain_text(None, label=label)
    quality = number(None, precision=0, label=text("en", "api.quality"))
    yield _parameter("quality", int | None, None), quality
    strip = checkbox(value=True, label=text("en", "api.strip_metadata"))
    yield _parameter("strip_metadata", bool, True), strip


def _picture(task: type[Recipe], told: Picture) -> tuple[inspect.Parameter, Component]:
    label = field_help(task.task, told.name) or field_label(task.task, told.name)
    if told.several:
        files = gr.File(label=label, file_count="multiple", type="filepath")
        return _parameter(told.name, list[str] | None, None), files
    if told.required:
        return _parameter(told.name, str), picture_input(label=label)
    return _parameter(told.name, str | None, None), picture_input(label=label)


def _alias(task: type[Recipe], alias: Alias) -> tuple[inspect.Parameter, Component]:
    of = field_label(task.task, alias.of)
    label = f"{field_label(task.task, alias.name)} ({of})"
    if alias.kind == "picture":
        return _parameter(alias.name, str | None, None), picture_input(label=label)
    return _parameter(alias.name, int | None, None), number(None, precision=0, label=label)


def _field(
    models: Models, task: type[Recipe], told: TaskField
) -> tuple[inspect.Parameter, Component]:
    label = describe(task.task, told, "en")
    if told.name == "checkpoint":
        default = "" if task.needs_picture() else models.default
        return _parameter(told.name, str, default), plain_text(default, label=label)
    kind: Any = _PYTHON.get(told.kind, list)
    annotation = kind | None if told.optional else kind
    named = _parameter(told.name, annotation, _plain(told.default))
    if told.kind == "boolean":
        return named, checkbox(value=told.default, label=label)
    if told.kind == "choice":
        return named, choice(told.choices, value=told.default, label=label)
    if told.kind in ("integer", "number"):
        precision = 0 if told.kind == "integer" else None
        return named, number(told.default, precision=precision, label=label)
    return named, gr.JSON(_plain(told.default), label=label)


def _plain(default: Any) -> Any:  # noqa: ANN401  of any field
    return list(default) if isinstance(default, tuple) else default


def _parameter(
    name: str,
    annotation: Any,  # noqa: ANN401  a type
    default: Any = inspect.Parameter.empty,  # noqa: ANN401  of that type
) -> inspect.Parameter:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Parameter(name, kind, default=default, annotation=annotation)
