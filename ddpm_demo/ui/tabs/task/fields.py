"""The controls of a task's fields: those for everybody, and the rest below "More settings"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from ....recipes.field import TaskField, fields_of
from ....recipes.recipe import Recipe
from ...components import header
from ...components.form import Form
from ...components.seed import seed_row
from ...context import Context, Update
from .arrangement import Arrangement


def add_fields(ctx: Context, form: Form, this: Arrangement) -> None:
    """Make the controls here."""
    shown = [told for told in fields_of(this.task).values() if _is_shown(told, this)]
    for told in shown:
        if not told.advanced and told.name not in ("seed", "checkpoint"):
            _add(ctx, form, this.task, told)
    seed_row(ctx, form, form.tab)
    with form.more_settings():
        if this.task.needs_picture():
            checkpoint_control(ctx, form)
        if this.more is not None:
            this.more(ctx, form)
        # Precision comes last: it is about the machine, not about the picture.
        for told in sorted(shown, key=lambda told: told.name == "precision"):
            if told.advanced and told.name != "checkpoint":
                _add(ctx, form, this.task, told)
    _connect_applies(ctx, form, this.task)
    _connect_suits(ctx, form, this.task)


def checkpoint_control(ctx: Context, form: Form) -> gr.Dropdown:
    """The tab's own checkpoint: what suits the picture, unless one is chosen."""
    return form.add(
        "checkpoint",
        gr.Dropdown,
        {"choices": lambda language: checkpoint_choices(ctx, language)},
        value="",
        allow_custom_value=True,
    )


def checkpoint_choices(ctx: Context, language: str) -> list[tuple[str, str]]:
    """(words, name), what suits first."""
    return [
        (ctx.text_in(language, "common.automatic"), ""),
        *header.checkpoint_choices(ctx.models, language),
    ]


def _is_shown(told: TaskField, this: Arrangement) -> bool:
    return told.name not in this.instead_of and told.kind != "integers"


def _add(ctx: Context, form: Form, task: type[Recipe], told: TaskField) -> None:
    applies = told.applies is None or told.applies(defaults_of(task))
    applies = applies and _suits(ctx, told, ctx.models.default)
    form.add_field(task.task, told, **({} if applies else {"visible": False}))


def defaults_of(task: type[Recipe]) -> dict[str, Any]:
    """The fields' defaults by name."""
    return {name: told.default for name, told in fields_of(task).items()}


def _connect_applies(ctx: Context, form: Form, task: type[Recipe]) -> None:
    """Show a control only while its field matters."""
    told = fields_of(task)
    choices = [n for n, f in told.items() if f.kind == "choice" and n in form.controls]
    dependent = [n for n, f in told.items() if f.applies is not None and n in form.controls]
    if not choices or not dependent:
        return

    def on_choice(*values: Update) -> Update | list[Update]:
        chosen = dict(zip(choices, values, strict=True))
        found = [gr.update(visible=visible) for visible in shown_with(task, chosen, dependent)]
        return found if len(found) > 1 else found[0]  # a list would be the one output's value

    inputs = [form.controls[name] for name in choices]
    outputs = [form.controls[name] for name in dependent]
    for control in inputs:
        ctx.quick(control.change, on_choice, inputs, outputs)


def shown_with(task: type[Recipe], chosen: Mapping[str, Any], names: list[str]) -> list[bool]:
    """Whether each of the fields `names` matters with these choices."""
    values, told = {**defaults_of(task), **chosen}, fields_of(task)
    return [bool(told[name].applies(values)) for name in names if told[name].applies]


def _suits(ctx: Context, told: TaskField, checkpoint: str) -> bool:
    """Whether that checkpoint takes the field; of one that is not here yet nobody knows."""
    if told.suits is None:
        return True
    info = ctx.models.peek(checkpoint)
    return info is None or told.suits(info)


def _connect_suits(ctx: Context, form: Form, task: type[Recipe]) -> None:
    """Show a control only with checkpoints that can take it; with others it is at its default,
    so that nobody is refused for what they do not see."""
    if task.needs_picture():
        return  # the checkpoint above the tabs is not theirs
    for name, told in fields_of(task).items():
        if told.suits is None or name not in form.controls:
            continue

        def on_checkpoint(checkpoint: str, told: TaskField = told) -> Update:
            suits = _suits(ctx, told, checkpoint)
            return gr.update(visible=suits, **({} if suits else {"value": told.default}))

        ctx.quick(ctx.checkpoint.change, on_checkpoint, [ctx.checkpoint], [form.controls[name]])


def control_values(this: Arrangement, recipe: Recipe) -> dict[str, Any]:
    """What the controls of a tab say that makes this recipe; pictures are not among them."""
    told = fields_of(this.task)
    values = {name: getattr(recipe, name) for name, f in told.items() if _is_shown(f, this)}
    for name, value in values.items():
        if value is None and told[name].kind == "choice":
            values[name] = ""
        elif told[name].kind == "texts":
            values[name] = " ".join(value)
    return {**values, **this.to_controls(recipe)}
