"""The More tab: colours for a grey picture, and a blurred one made sharp."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import gradio as gr

from ...texts import text
from ..components.form import Form
from ..context import Context, Update
from ..models import Models
from ..restoration.outcome import extras
from ..restoration.pictures import picture_to_restore
from ..restoration.tab import (
    Restoration,
    build_restoration,
    common_fields,
    common_settings,
    common_values,
    number,
    perception_slider,
    samples_row,
    show,
)
from ..stream import Job

if TYPE_CHECKING:
    from ...pipeline import DDPM
    from ...recipes.recipe import Recipe
    from ...recipes.run import Run

TAB = "more"
COLOURISE, DEBLUR = "colourise", "deblur"
GAUSSIAN, MOTION = "gaussian", "motion"
_BLUR = ("kind", "radius_px", "length_px", "angle_degrees", "sigma_255", "blur_first")

_PLAIN = {"perception": 0.0, "num_images": 1, "num_steps": None}
EXAMPLES = {
    "more.example_colourise": {
        **_PLAIN,
        "image": "face-1.png",
        "checkpoint": "faces-64",
        "what": COLOURISE,
    },
    "more.example_focus": {
        **_PLAIN,
        "image": "cat.png",
        "checkpoint": "photos",
        "what": DEBLUR,
        "kind": GAUSSIAN,
        "radius_px": 1.5,
        "sigma_255": 2.0,
        "blur_first": True,
    },
    "more.example_motion": {
        **_PLAIN,
        "image": "coffee.png",
        "checkpoint": "photos",
        "what": DEBLUR,
        "kind": MOTION,
        "length_px": 9,
        "angle_degrees": 30,
        "sigma_255": 2.0,
        "blur_first": True,
    },
}


def build(ctx: Context) -> None:
    """Build the tab here."""
    build_restoration(
        ctx,
        Restoration(
            TAB, (COLOURISE, DEBLUR), "face-1.png", EXAMPLES, _controls, prepare, control_values
        ),
    )


def _controls(ctx: Context, form: Form) -> None:
    form.add(
        "what", gr.Radio, {"choices": what_choices}, value=COLOURISE, elem_classes=["choices"]
    )
    form.add(
        "kind",
        gr.Radio,
        {"choices": kind_choices},
        value=GAUSSIAN,
        visible=False,
        elem_classes=["choices"],
    )
    hidden = {"visible": False}
    form.add("radius_px", gr.Slider, minimum=0.3, maximum=6, step=0.1, value=1.5, **hidden)
    form.add("length_px", gr.Slider, minimum=1, maximum=31, step=1, value=9, **hidden)
    form.add("angle_degrees", gr.Slider, minimum=0, maximum=180, step=1, value=0, **hidden)
    form.add("sigma_255", gr.Slider, minimum=0.25, maximum=50, step=0.25, value=2, **hidden)
    form.add("blur_first", gr.Checkbox, value=True, **hidden)
    perception_slider(form, 0.0)
    samples_row(ctx, form)
    with form.more_settings():
        common_settings(form)
    _connect_kind(ctx, form)


def _connect_kind(ctx: Context, form: Form) -> None:
    controls = form.controls
    choice = [controls["what"], controls["kind"]]

    def on_kind(what: str, kind: str) -> list[Update]:
        return [show(visible) for visible in shown(what, kind).values()]

    for control in choice:
        ctx.quick(control.change, on_kind, choice, [controls[field] for field in _BLUR])
    # A picture of one's own is blurred already.
    ctx.quick(controls["image"].upload, lambda: False, None, [controls["blur_first"]])


def shown(what: str, kind: str) -> dict[str, bool]:
    """Which controls of the blur apply, by field."""
    deblur = what == DEBLUR
    applies = {"radius_px": kind == GAUSSIAN, "length_px": kind == MOTION}
    applies["angle_degrees"] = kind == MOTION
    return {field: deblur and applies.get(field, True) for field in _BLUR}


def prepare(models: Models, values: Mapping[str, Any]) -> Job:
    """The job that the controls ask for.

    Raises:
        UserError: no picture, or a value that cannot be.
    """
    from ...tasks.colourise import ColouriseRecipe
    from ...tasks.deblur import DeblurRecipe

    common = common_fields(values)
    if values["what"] == DEBLUR:
        recipe = DeblurRecipe(
            **common,
            kind=values["kind"],
            radius_px=float(number(values, "radius_px")),
            length_px=float(number(values, "length_px")),
            angle_degrees=float(number(values, "angle_degrees")),
            sigma_255=float(number(values, "sigma_255")),
            blur_first=bool(values["blur_first"]),
        )
    else:
        recipe = ColouriseRecipe(**common)
    models.check(recipe.checkpoint)
    return Job(recipe, start, {"image": picture_to_restore(values["image"])}, extras)


def start(ddpm: DDPM, recipe: Recipe, inputs: Mapping[str, Any]) -> Run:
    """Start the run of a prepared job."""
    run = ddpm.deblur if recipe.task == DEBLUR else ddpm.colourise
    return run(recipe, inputs["image"])


def control_values(recipe: Any) -> dict[str, Any]:  # noqa: ANN401  of either task
    """The controls that make this recipe."""
    own = _BLUR if recipe.task == DEBLUR else ()
    values = {field: getattr(recipe, field) for field in own}
    return {"what": recipe.task, **values, **common_values(recipe)}


def what_choices(language: str) -> list[tuple[str, str]]:
    """(words, name) of what can be done."""
    return [(text(language, f"more.what_{name}"), name) for name in (COLOURISE, DEBLUR)]


def kind_choices(language: str) -> list[tuple[str, str]]:
    """(words, name) of the blurs."""
    return [(text(language, f"more.kind_{name}"), name) for name in (GAUSSIAN, MOTION)]
