"""What every tab of restoration is built of besides its own controls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ...errors import UserError
from ...texts import text
from ..components.form import Form
from ..components.live_view import live_view
from ..components.notice import notice_html
from ..components.presets import presets_row
from ..components.restore import restore_box
from ..components.result import result_panel
from ..components.run_bar import run_bar
from ..components.run_flow import connect_run
from ..components.seed import seed_row
from ..context import Context, Update
from ..errors import sentence
from ..models import Models
from ..stream import Job
from .comparison import comparison, connect_comparison
from .pictures import Target, connect_picture, example_path, picture_box

Examples = Mapping[str, Mapping[str, Any]]

# (the saved recipe) -> values of the tab's controls, by field
Values = Callable[[Any], dict[str, Any]]


@dataclass(frozen=True)
class Restoration:
    """A tab of restoration.

    Args:
        tab: its name.
        tasks: of the recipes that it takes back.
        example: file of `ui/examples` that is loaded when the page opens.
        examples: values of the controls, "image" and "checkpoint" by the text key of the button.
        controls: makes the tab's own controls, given the page and the form.
        prepare: (models, values by field) -> what to run.
        control_values: the controls that make a recipe.
        target: size of the result; by default that of the picture.
        watched: the fields that `target` looks at.
        classes: of the column of controls.
    """

    tab: str
    tasks: tuple[str, ...]
    example: str
    examples: Examples
    controls: Callable[[Context, Form], None]
    prepare: Callable[[Models, Mapping[str, Any]], Job]
    control_values: Values
    target: Target = lambda size, values: size
    watched: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()


def build_restoration(ctx: Context, this: Restoration) -> None:
    """Build the tab here."""
    form = Form(ctx, this.tab)
    with gr.Row(elem_classes=["two-columns"]):
        with gr.Column(elem_classes=["controls", *this.classes], min_width=280):
            box = picture_box(ctx, form, this.example)
            this.controls(ctx, form)
            bar = run_bar(ctx)
            restore = restore_box(ctx)
        with gr.Column(elem_classes=["outputs"]):
            live = live_view(ctx)
            found = comparison(ctx, this.tab)
            result = result_panel(
                ctx, this.tab, live, bar.notice, strip=True, below=found.beside.render
            )
    examples_row(ctx, form, this.examples)
    connect_run(
        ctx,
        this.tab,
        form,
        bar,
        live,
        result,
        lambda values: this.prepare(ctx.models, values),
        found.outputs,
        found.values,
    )
    connect_comparison(found, result)
    connect_picture(ctx, form, box, this.target, this.watched)
    connect_restore(ctx, form, restore, bar.notice, this.control_values, this.tasks)
    ctx.receive(this.tab, box.image)


def perception_slider(form: Form, value: float) -> None:
    """Make the slider from faithful to sharp here."""
    form.add("perception", gr.Slider, minimum=0, maximum=1, step=0.05, value=value)


def samples_row(ctx: Context, form: Form, num_images: int = 1) -> None:
    """Make the controls of the number of samples and of the seed here."""
    with gr.Row():
        form.add(
            "num_images",
            gr.Number,
            value=num_images,
            precision=0,
            min_width=80,
            elem_classes=["narrow"],
        )
        seed_row(ctx, form, form.tab)


def common_settings(form: Form) -> None:
    """Make the controls here that few people need."""
    form.add_optional_number("num_steps")


def common_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """What all recipes of restoration share, from the controls.

    Raises:
        UserError: a number box is empty.
    """
    return {
        "checkpoint": values["checkpoint"] or "",
        "seed": number(values, "seed"),
        "perception": float(number(values, "perception")),
        "num_images": number(values, "num_images"),
        "num_steps": values["num_steps"],
        "reduce": bool(values["reduce"]),
    }


def common_values(recipe: Any) -> dict[str, Any]:  # noqa: ANN401  of any restoration
    """The shared controls that make this recipe."""
    fields = ("perception", "num_images", "num_steps", "seed", "reduce")
    return {field: getattr(recipe, field) for field in fields}


def examples_row(ctx: Context, form: Form, examples: Examples) -> None:
    """A row of example pictures, each with its name: "image" is a file of `ui/examples`."""
    here = {info.name for info in ctx.models.infos()}
    shown = {
        key: {**values, "image": example_path(values["image"])}
        for key, values in examples.items()
        if values.get("checkpoint", "") in {"", *here}
    }
    icons = {key: values["image"] for key, values in shown.items()}
    with gr.Column(elem_classes=["picture-examples"]):
        presets_row(ctx, form, shown, icons)


def connect_restore(
    ctx: Context,
    form: Form,
    restore: gr.File,
    notice: gr.HTML,
    values_of: Values,
    tasks: tuple[str, ...],
) -> None:
    """A picture made on this tab, dropped into the box, sets the controls (not the picture)."""
    outputs = [ctx.checkpoint, notice, restore, *form.error_outputs]

    def on_drop(path: str | None, language: str) -> list[Update]:
        if path is None:
            return [gr.skip()] * len(outputs)
        try:
            values, note = restored(ctx.models, path, language, values_of, tasks)
        except Exception as error:
            kept = [gr.skip()] * len(form.error_outputs)
            return [gr.skip(), notice_html(sentence(error, language)), None, *kept]
        updates = form.error_updates(None, language, values)
        return [values["checkpoint"], notice_html(note, "info"), None, *updates]

    ctx.quick(restore.upload, on_drop, [restore, ctx.language], outputs)


def restored(
    models: Models, path: str, language: str, values_of: Values, tasks: tuple[str, ...]
) -> tuple[dict[str, Any], str]:
    """(values of the controls with "checkpoint", a note) from a picture made before.

    Raises:
        UserError: no PNG, no recipe in it, a recipe of another task, or an unknown checkpoint.
    """
    from ...pictures.png_recipe import read_recipe
    from ...tasks.registry import recipe_from_dict

    saved = read_recipe(path)
    recipe = recipe_from_dict(saved)
    if recipe.task not in tasks:
        raise UserError(
            "recipe_other_tab",
            "This picture was made on another tab ({task}); drop it there.",
            task=recipe.task,
        )
    models.check(recipe.checkpoint)
    note = text(language, "restoration.restored")
    info = models.peek(recipe.checkpoint)
    if info is not None and saved.get("weight_hash") not in (None, info.weight_hash):
        note = text(language, "generate.restored_other_weights", name=info.name)
    return {"checkpoint": recipe.checkpoint, **values_of(recipe)}, note


def number(values: Mapping[str, Any], field: str) -> Any:  # noqa: ANN401  int or float
    """The value of a number box, which None leaves empty.

    Raises:
        UserError: it is empty.
    """
    if values[field] is None:
        raise UserError("number_missing", "Enter a number here.", field=field)
    return values[field]


def show(visible: bool) -> dict[str, Any]:
    """The update that shows or hides a control."""
    return gr.update(visible=visible)
