"""Below a task's stage: its settings varied along two axes, as a sheet on that stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from ....compare.axes import MOST_SUGGESTED, axis_from_dict, comparable, suggested, typed
from ....recipes.field import fields_of
from ....recipes.recipe import Recipe
from ....recipes.run import AXES
from ....texts import text
from ....texts.naming import field_label
from ...components.form import Form
from ...components.run_flow import RunFlow, start_run
from ...context import Context, Update
from .arrangement import Arrangement

# The value of the form by which a sheet is asked for: the language of its captions.
ASKED = "compare"
# What most people would vary, and what says little side by side.
_FIRST, _NOT_FIRST = "num_steps", ("checkpoint", "seed", "num_images")

# A sheet is made where it can be seen.
_AT_THE_STAGE = """async (...inputs) => {
  window.scrollTo({ top: 0, behavior: "smooth" });
  return await (%s)(...inputs);
}"""


def add_compare(ctx: Context, form: Form, this: Arrangement) -> gr.Button:
    """Make the controls here; the button that makes the sheet."""
    first = first_axis(this.task)
    with form.fold("compare.title", elem_classes=["compare"]):
        ctx.make(gr.Markdown, {"value": "compare.note"})
        with gr.Row():
            _axis(ctx, form, this.task, "compare_x", first)
            _axis(ctx, form, this.task, "compare_y", "")
        with gr.Row():
            return ctx.make(gr.Button, {"value": "compare.run"}, scale=0, min_width=200)


def connect_compare(
    ctx: Context, form: Form, this: Arrangement, flow: RunFlow, button: gr.Button, js: str
) -> None:
    """Let the button start the run of a sheet.

    Args:
        ctx, form, this, flow: the tab's.
        button: of `add_compare`.
        js: of the tab's own run.
    """
    names = list(form.controls)

    def on_run(
        request: gr.Request, language: str, above: str, *inputs: Update
    ) -> tuple[str | None, list[Update]]:
        values = {"checkpoint": above, **dict(zip(names, inputs, strict=True)), ASKED: language}
        return flow.on_run(values, language, request.session_hash or "")

    inputs = [ctx.language, ctx.checkpoint, *form.inputs]
    start_run(flow, button.click, on_run, inputs, flow.finish_outputs, _AT_THE_STAGE % js)


def _axis(ctx: Context, form: Form, task: type[Recipe], name: str, chosen: str) -> None:
    def choices(language: str) -> list[tuple[str, str]]:
        named = [(field_label(task.task, one, language), one) for one in comparable(task)]
        nothing = [(text(language, "compare.nothing"), "")] if not chosen else []
        return [*nothing, *named]

    with gr.Column(min_width=240):
        field = form.add(name, gr.Dropdown, {"choices": choices}, value=chosen)
        values = form.add(
            f"{name}_values", gr.Textbox, value=values_for(ctx, task, chosen), max_lines=1
        )

    def on_field(wanted: str | None, typed_before: str | None) -> Any:  # noqa: ANN401
        return new_values(ctx, task, wanted or "", typed_before or "")

    ctx.quick(field.input, on_field, [field, values], [values])


def axes_of(task: type[Recipe], saved: Mapping[str, Any]) -> dict[str, str]:
    """What the controls of a sheet say that has this recipe; {} for any other recipe.

    Raises:
        UserError: its axes are damaged.
    """
    axes = saved.get(AXES)
    if not isinstance(axes, Mapping):
        return {}
    values = {}
    for place in ("x", "y"):
        axis = axis_from_dict(task, axes[place], place) if place in axes else None
        values[f"compare_{place}"] = axis.field if axis is not None else ""
        values[f"compare_{place}_values"] = typed(axis.values) if axis is not None else ""
    return values


def first_axis(task: type[Recipe]) -> str:
    """The field that a visitor finds chosen."""
    told = fields_of(task)
    shown = [n for n in comparable(task) if not told[n].advanced and n not in _NOT_FIRST]
    return _FIRST if _FIRST in shown or not shown else shown[0]


def values_for(ctx: Context, task: type[Recipe], field: str) -> str:
    """What is put into the box of values for a field."""
    if field == "checkpoint":
        return typed([info.name for info in ctx.models.infos()][:MOST_SUGGESTED])
    return typed(suggested(fields_of(task)[field])) if field else ""


def new_values(ctx: Context, task: type[Recipe], field: str, before: str) -> Update:
    """The values for another field; those that somebody has typed stay."""
    own = {values_for(ctx, task, name) for name in comparable(task)}
    return values_for(ctx, task, field) if not before.strip() or before in own else gr.skip()
