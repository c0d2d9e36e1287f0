"""The Denoise tab: a noisy picture in, a clean one out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import gradio as gr

from ...texts import text
from ..components.form import Form
from ..context import Context, Update
from ..models import Models
from ..restoration.comparison import measured
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
    from ...recipes.run import Run
    from ...tasks.denoise import DenoiseRecipe

TAB = "denoise"
ESTIMATED, GIVEN = "estimated", "given"
DEFAULT_SIGMA_255 = 25.0
EXAMPLE_SIGMA_255 = 50.0

_PLAIN = {
    "noise": ESTIMATED,
    "make_noisy": True,
    "perception": 0.0,
    "num_images": 1,
    "num_steps": None,
}
_FACE = {**_PLAIN, "checkpoint": "faces-64", "add_noise_255": EXAMPLE_SIGMA_255}
_PHOTO = {**_PLAIN, "checkpoint": "photos", "add_noise_255": DEFAULT_SIGMA_255}
EXAMPLES = {
    "restoration.face": {**_FACE, "image": "face-1.png"},
    "restoration.face_sharp": {
        **_FACE,
        "image": "face-2.png",
        "add_noise_255": 75.0,
        "perception": 1.0,
        "num_images": 4,
    },
    "restoration.cat": {**_PHOTO, "image": "cat.png"},
    "restoration.astronaut": {**_PHOTO, "image": "astronaut.png"},
    "restoration.boot": {**_FACE, "image": "boot.png", "checkpoint": "fashion-32"},
}


def build(ctx: Context) -> None:
    """Build the tab here."""
    build_restoration(
        ctx,
        Restoration(TAB, ("denoise",), "face-1.png", EXAMPLES, _controls, prepare, control_values),
    )


def _controls(ctx: Context, form: Form) -> None:
    form.add(
        "noise",
        gr.Radio,
        {"choices": noise_choices},
        value=ESTIMATED,
        elem_classes=["choices"],
    )
    level = {"minimum": 0.5, "maximum": 150, "step": 0.5}
    form.add("sigma_255", gr.Slider, value=DEFAULT_SIGMA_255, visible=False, **level)
    form.add("make_noisy", gr.Checkbox, value=True)
    form.add("add_noise_255", gr.Slider, value=EXAMPLE_SIGMA_255, **level)
    perception_slider(form, 0.0)
    samples_row(ctx, form)
    with form.more_settings():
        common_settings(form)
    _connect_noise(ctx, form)


def _connect_noise(ctx: Context, form: Form) -> None:
    noise, sigma, noisy, added, image = (
        form.controls[field]
        for field in ("noise", "sigma_255", "make_noisy", "add_noise_255", "image")
    )

    def on_choice(noise: str, request: gr.Request) -> Update:
        """Whoever gives the level starts from what was estimated."""
        record = ctx.store.result(request.session_hash or "", TAB)
        estimate = measured(record, 0).get("sigma_255") if record is not None else None
        if noise != GIVEN or estimate is None:
            return gr.skip()
        return gr.update(value=round(2 * float(estimate)) / 2)

    ctx.quick(noise.change, lambda noise: show(noise == GIVEN), [noise], [sigma])
    ctx.quick(noise.input, on_choice, [noise], [sigma])
    ctx.quick(noisy.change, show, [noisy], [added])
    # A picture of one's own is to be cleaned, not to be made noisy first.
    ctx.quick(image.upload, lambda: False, None, [noisy])


def prepare(models: Models, values: Mapping[str, Any]) -> Job:
    """The job that the controls ask for.

    Raises:
        UserError: no picture, or a value that cannot be.
    """
    from ...tasks.denoise import DenoiseRecipe

    given, noisy = values["noise"] == GIVEN, bool(values["make_noisy"])
    recipe = DenoiseRecipe(
        **common_fields(values),
        sigma_255=float(number(values, "sigma_255")) if given else None,
        add_noise_255=float(number(values, "add_noise_255")) if noisy else None,
    )
    models.check(recipe.checkpoint)
    return Job(recipe, start, {"image": picture_to_restore(values["image"])}, extras)


def start(ddpm: DDPM, recipe: DenoiseRecipe, inputs: Mapping[str, Any]) -> Run:
    """Start the run of a prepared job."""
    return ddpm.denoise(recipe, inputs["image"])


def control_values(recipe: DenoiseRecipe) -> dict[str, Any]:
    """The controls that make this recipe."""
    return {
        "noise": ESTIMATED if recipe.sigma_255 is None else GIVEN,
        "sigma_255": recipe.sigma_255 or DEFAULT_SIGMA_255,
        "make_noisy": recipe.add_noise_255 is not None,
        "add_noise_255": recipe.add_noise_255 or DEFAULT_SIGMA_255,
        **common_values(recipe),
    }


def noise_choices(language: str) -> list[tuple[str, str]]:
    """(words, name) of where the noise level comes from."""
    return [(text(language, f"denoise.noise_{name}"), name) for name in (ESTIMATED, GIVEN)]
