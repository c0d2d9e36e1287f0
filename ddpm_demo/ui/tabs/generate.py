"""The Generate tab: pictures from noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import gradio as gr

from ...errors import UserError
from ...samplers.table import SAMPLERS, SPACINGS, check_eta, sampler_info
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

if TYPE_CHECKING:
    from ...pipeline import DDPM
    from ...recipes.recipe import Recipe
    from ...recipes.run import Run

TAB = "generate"
AUTO = "auto"
DEFAULT_NUM_IMAGES = 16

_PLAIN = {"eta": 0.0, "spacing": AUTO}
# Those with a checkpoint and no sampler are made as that checkpoint's card says.
EXAMPLES = {
    "generate.example_quick": {**_PLAIN, "num_images": 4, "sampler": "dpmpp_2m", "num_steps": 10},
    "generate.example_faces": {**_PLAIN, "num_images": 16, "checkpoint": "faces-64"},
    "generate.example_garments": {**_PLAIN, "num_images": 36, "checkpoint": "fashion-32"},
    "generate.example_ddim": {**_PLAIN, "num_images": 4, "sampler": "ddim", "num_steps": 50},
    "generate.example_ddpm": {**_PLAIN, "num_images": 4, "sampler": "ddpm", "num_steps": 250},
}


def build(ctx: Context) -> None:
    """Build the tab here."""
    form = Form(ctx, TAB)
    defaults = default_values(ctx.models, ctx.models.default)
    with gr.Row(elem_classes=["two-columns"]):
        with gr.Column(elem_classes=["controls"], min_width=280):
            with gr.Row():
                form.add(
                    "num_images",
                    gr.Number,
                    value=DEFAULT_NUM_IMAGES,
                    precision=0,
                    min_width=80,
                    elem_classes=["narrow"],
                )
                seed_row(ctx, form, TAB)
            with gr.Row():
                form.add(
                    "sampler",
                    gr.Dropdown,
                    choices=sampler_choices(),
                    value=defaults["sampler"],
                    min_width=120,
                )
                form.add(
                    "num_steps",
                    gr.Number,
                    value=defaults["num_steps"],
                    precision=0,
                    min_width=80,
                    elem_classes=["narrow"],
                )
            with form.more_settings():
                form.add(
                    "eta",
                    gr.Slider,
                    minimum=0,
                    maximum=1,
                    step=0.05,
                    value=0,
                    visible=uses_eta(defaults["sampler"]),
                )
                form.add("spacing", gr.Dropdown, {"choices": spacing_choices}, value=AUTO)
            bar = run_bar(ctx)
            restore = restore_box(ctx)
        with gr.Column(elem_classes=["outputs"]):
            live = live_view(ctx)
            result = result_panel(ctx, TAB, live, bar.notice)
    presets_row(ctx, form, examples(ctx.models))
    connect_run(ctx, TAB, form, bar, live, result, lambda values: prepare(ctx.models, values))
    _connect_defaults(ctx, form)
    _connect_restore(ctx, form, restore, bar.notice)


def _connect_defaults(ctx: Context, form: Form) -> None:
    controls = form.controls
    dependent = [controls["num_steps"], controls["eta"]]

    def on_checkpoint(name: str) -> list[Update]:
        values = default_values(ctx.models, name)
        return [values["sampler"], values["num_steps"], eta_update(values["sampler"])]

    def on_sampler(sampler: str, name: str) -> list[Update]:
        return [default_num_steps(ctx.models, name, sampler), eta_update(sampler)]

    ctx.on_checkpoint(on_checkpoint, [], [controls["sampler"], *dependent])
    ctx.quick(
        controls["sampler"].input, on_sampler, [controls["sampler"], ctx.checkpoint], dependent
    )
    # Also when an example has set the sampler.
    ctx.quick(controls["sampler"].change, show_eta, [controls["sampler"]], [controls["eta"]])


def _connect_restore(ctx: Context, form: Form, restore: gr.File, notice: gr.HTML) -> None:
    outputs = [ctx.checkpoint, notice, restore, *form.error_outputs]

    def on_drop(path: str | None, language: str) -> list[Update]:
        if path is None:
            return [gr.skip()] * len(outputs)
        try:
            values, note = restored(ctx.models, path, language)
        except Exception as error:
            kept = [gr.skip()] * len(form.error_outputs)
            return [gr.skip(), notice_html(sentence(error, language)), None, *kept]
        updates = form.error_updates(None, language, values)
        updates[list(form.controls).index("eta")]["visible"] = uses_eta(values["sampler"])
        return [values["checkpoint"], notice_html(note, "info"), None, *updates]

    ctx.quick(restore.upload, on_drop, [restore, ctx.language], outputs)


def prepare(models: Models, values: Mapping[str, Any]) -> Job:
    """The job that the controls ask for.

    Raises:
        UserError: a value that cannot be, or a checkpoint or sampler that does not exist.
    """
    from ...tasks.generate import GenerateRecipe

    sampler = sampler_info(str(values["sampler"]))
    eta = float(values["eta"] or 0) if sampler.uses_eta else 0.0
    recipe = GenerateRecipe(
        checkpoint=values["checkpoint"] or "",
        num_images=_present("num_images", values["num_images"]),
        seed=_present("seed", values["seed"]),
        sampler=sampler.name,
        num_steps=_present("num_steps", values["num_steps"]),
        eta=eta,
        spacing=None if values["spacing"] in (AUTO, None) else values["spacing"],
    )
    check_eta(sampler, eta)
    models.check(recipe.checkpoint)
    return Job(recipe, start)


def start(ddpm: DDPM, recipe: Recipe, inputs: Mapping[str, Any]) -> Run:
    """Start the run of a prepared job."""
    return ddpm.generate(recipe)


def restored(models: Models, path: str, language: str) -> tuple[dict[str, Any], str]:
    """(the value of every control, a note for the visitor) from a picture made before.

    Raises:
        UserError: no PNG, no recipe in it, a recipe of another task, or an unknown checkpoint.
    """
    from ...pictures.png_recipe import read_recipe
    from ...tasks.generate import GenerateRecipe
    from ...tasks.registry import recipe_from_dict

    saved = read_recipe(path)
    recipe = recipe_from_dict(saved)
    if not isinstance(recipe, GenerateRecipe):
        raise UserError(
            "recipe_other_tab",
            "This picture was made on another tab ({task}); drop it there.",
            task=recipe.task,
        )
    models.check(recipe.checkpoint)
    info = models.peek(recipe.checkpoint)
    defaults = default_values(models, recipe.checkpoint)
    sampler = sampler_info(recipe.sampler or defaults["sampler"]).name
    note = text(language, "generate.restored", seed=recipe.seed)
    if info is not None and saved.get("weight_hash") not in (None, info.weight_hash):
        note = text(language, "generate.restored_other_weights", name=info.name)
    values = {
        "checkpoint": recipe.checkpoint,
        "num_images": recipe.num_images,
        "seed": recipe.seed,
        "sampler": sampler,
        "num_steps": recipe.num_steps or default_num_steps(models, recipe.checkpoint, sampler),
        "eta": recipe.eta,
        "spacing": recipe.spacing or AUTO,
    }
    return values, note


def default_values(models: Models, name: str) -> dict[str, Any]:
    """{"sampler", "num_steps"} that suit the checkpoint; those of any where it is not known."""
    info = models.peek(name)
    known = info is not None and info.default_sampler in SAMPLERS
    sampler = info.default_sampler if info is not None and known else next(iter(SAMPLERS))
    return {"sampler": sampler, "num_steps": default_num_steps(models, name, sampler)}


def default_num_steps(models: Models, name: str, sampler: str) -> int:
    """The number of steps that suits the sampler, and the checkpoint where it is its own."""
    info = models.peek(name)
    if info is not None and sampler == info.default_sampler:
        return info.default_num_steps
    return SAMPLERS.get(sampler, next(iter(SAMPLERS.values()))).num_steps


def examples(models: Models) -> dict[str, dict[str, Any]]:
    """Those of `EXAMPLES` whose checkpoints are here, with sampler and steps."""
    here = {"", *(info.name for info in models.infos())}
    return {
        key: {**default_values(models, values.get("checkpoint", "")), **values}
        for key, values in EXAMPLES.items()
        if values.get("checkpoint", "") in here
    }


def sampler_choices() -> list[tuple[str, str]]:
    """(title, name) of every sampler."""
    return [(info.title, info.name) for info in SAMPLERS.values()]


def spacing_choices(language: str) -> list[tuple[str, str]]:
    """(title, name) of every spacing, the sampler's own first."""
    own = (text(language, "generate.spacing_auto"), AUTO)
    return [own, *((text(language, f"generate.spacing_{name}"), name) for name in SPACINGS)]


def uses_eta(sampler: str) -> bool:
    return sampler in SAMPLERS and SAMPLERS[sampler].uses_eta


def show_eta(sampler: str) -> dict[str, Any]:
    """Shown only with a sampler that has it."""
    return gr.update(visible=uses_eta(sampler))


def eta_update(sampler: str, eta: float = 0.0) -> dict[str, Any]:
    """The value, shown only with a sampler that has it."""
    return gr.update(visible=uses_eta(sampler), value=eta)


def _present(field: str, value: Update) -> Update:
    """The value of a number box, which None leaves empty."""
    if value is None:
        raise UserError("number_missing", "Enter a number here.", field=field)
    return value
