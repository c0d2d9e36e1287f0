"""The How it works tab: the diffusion process as something to hold and scrub through."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.components import Component

from ...components.form import Form
from ...components.notice import notice, notice_html
from ...components.seed import seed_row
from ...context import Context, Update
from ...errors import sentence
from ...models import Models
from ...restoration.pictures import example_path, picture_input
from ...spaces_gpu import gpu
from . import reverse
from .background import Background
from .forward import Forward
from .generation import build_generation
from .kept import Kept
from .reverse import Reverse
from .subject import subject_of
from .training import Training

TAB = "process"
DEFAULT_PICTURE = "face-1.png"


class Lessons:
    """The sections that follow the picture, the seed and the checkpoint."""

    def __init__(self, ctx: Context, said: gr.HTML):
        self.ctx, self.said = ctx, said
        self.kept = Kept()

    def build(self, inputs: list[Component]) -> None:
        """Make the sections before Generation here, each in a tab of its own."""
        ctx = self.ctx
        with ctx.make(gr.Tab, {"label": "process.background"}):
            self.background = Background(ctx)
        with ctx.make(gr.Tab, {"label": "process.forward"}):
            self.forward = Forward(ctx)
        with ctx.make(gr.Tab, {"label": "process.reverse"}):
            self.reverse = Reverse(ctx, self.kept, inputs)
        with ctx.make(gr.Tab, {"label": "process.training"}):
            self.training = Training(ctx, self.kept, inputs)

    @property
    def inputs(self) -> list[Component]:
        return [self.forward.t, *self.reverse.controls]

    @property
    def outputs(self) -> list[Component]:
        return [
            self.said,
            *self.background.outputs,
            *self.forward.outputs,
            *self.reverse.outputs,
            *self.training.outputs,
        ]

    def render(self, named: tuple[Any, ...], sliders: tuple[Any, ...], language: str) -> list[Any]:
        """For `outputs`: everything that needs no evaluation of the network.

        Args:
            named: checkpoint, path of the picture, seed.
            sliders: t of the forward section; t, x_0 and eps of the posterior.
            language: of the texts.
        """
        t, *posterior = sliders
        try:
            subject = subject_of(self.ctx.models, *named)
            return [
                "",
                *self.background.render(subject, language),
                *self.forward.render(subject, t, language),
                *reverse.render(subject.ddpm.schedule, *posterior, language),
                *self.training.render(subject, language),
            ]
        except Exception as error:
            return _failed(error, len(self.outputs), language)

    def move(self, named: tuple[Any, ...], t: float, language: str) -> list[Any]:
        """For the notice and what follows the forward section's slider."""
        try:
            subject = subject_of(self.ctx.models, *named)
            return ["", *self.forward.at(subject, t, language)]
        except Exception as error:
            return _failed(error, 1 + len(self.forward.moving), language)

    def posterior(
        self, named: tuple[Any, ...], sliders: tuple[Any, ...], language: str
    ) -> list[Any]:
        """For the notice and what follows the posterior's sliders."""
        try:
            subject = subject_of(self.ctx.models, *named)
            return ["", *reverse.render(subject.ddpm.schedule, *sliders, language)]
        except Exception as error:
            return _failed(error, 1 + len(self.reverse.outputs), language)


def build(ctx: Context) -> None:
    """Build the tab here."""
    page_tab = gr.context.Context.block
    form = Form(ctx, TAB)
    with gr.Row(elem_classes=["subject"]):
        with gr.Column(elem_classes=["subject-picture"], min_width=200):
            form.add_picture(
                "image", picture_input, value=example_path(DEFAULT_PICTURE), height=168
            )
        with gr.Column(elem_classes=["subject-controls"], min_width=240):
            seed_row(ctx, form, TAB)
            draw = ctx.make(gr.Button, {"value": "process.draw"}, size="sm", min_width=80)
            said = notice()
    lessons = Lessons(ctx, said)
    ctx.parts[TAB] = lessons
    inputs = [ctx.checkpoint, form.controls["image"], form.controls["seed"]]
    with gr.Tabs(overflow_behavior="wrap", elem_classes=["sections"]):
        lessons.build(inputs)
        with ctx.make(gr.Tab, {"label": "process.generation"}):
            build_generation(ctx, form, TAB)
    ctx.receive(TAB, form.controls["image"])
    _connect(ctx, lessons, inputs, page_tab)
    _connect_draw(ctx, draw, inputs, said)


def _connect(ctx: Context, lessons: Lessons, inputs: list[Component], page_tab: Any) -> None:  # noqa: ANN401  a gr.Tab
    visited = gr.State(False)

    def on_change(
        seen: bool,
        language: str,
        checkpoint: str,
        image: str | None,
        seed: float,
        *sliders: float,
    ) -> list[Any]:
        if not seen:  # nobody is looking, and the checkpoint need not be loaded
            return [gr.skip()] * len(lessons.outputs)
        return lessons.render((checkpoint, image, seed), sliders, language)

    def on_move(
        language: str, checkpoint: str, image: str | None, seed: float, t: float
    ) -> list[Any]:
        return lessons.move((checkpoint, image, seed), t, language)

    def on_posterior(
        language: str, checkpoint: str, image: str | None, seed: float, *sliders: float
    ) -> list[Any]:
        return lessons.posterior((checkpoint, image, seed), sliders, language)

    def on_visit(*inputs: Any) -> list[Any]:  # noqa: ANN401  the values of the controls
        return [True, *on_change(True, *inputs)]

    everything = [ctx.language, *inputs, *lessons.inputs]
    ctx.quick(page_tab.select, on_visit, everything, [visited, *lessons.outputs])
    _, image, seed = inputs
    for event in (image.change, seed.change, ctx.checkpoint.change, ctx.language.change):
        ctx.quick(event, on_change, [visited, *everything], lessons.outputs)
    named = [ctx.language, *inputs]
    forward, back = lessons.forward, lessons.reverse
    moving = [lessons.said, *forward.moving]
    ctx.quick(forward.t.input, on_move, [*named, forward.t], moving, trigger_mode="always_last")
    for slider in back.controls:
        ctx.quick(
            slider.input,
            on_posterior,
            [*named, *back.controls],
            [lessons.said, *back.outputs],
            trigger_mode="always_last",
        )

    def on_unload(request: gr.Request) -> None:
        lessons.kept.forget(request.session_hash or "")

    root = gr.context.Context.root_block
    assert root is not None
    root.unload(on_unload)


def _connect_draw(ctx: Context, draw: gr.Button, inputs: list[Component], said: gr.HTML) -> None:
    def on_draw(language: str, checkpoint: str, seed: float, request: gr.Request) -> list[Update]:
        folder = ctx.store.folder(request.session_hash or "")
        try:
            path = folder / f"sample-{int(seed or 0)}.png"
            drawn(ctx.models, checkpoint, seed).save(path)
        except Exception as error:
            return [gr.skip(), notice_html(sentence(error, language))]
        return [str(path), ""]

    checkpoint, image, seed = inputs
    ctx.heavy(draw.click, on_draw, [ctx.language, checkpoint, seed], [image, said])


@gpu
def drawn(models: Models, checkpoint: str, seed: float) -> Any:  # noqa: ANN401  a PIL picture
    """A sample of the checkpoint, with its own sampler.

    Raises:
        UserError: no such checkpoint, a seed out of range.
    """
    from ....tasks.generate import GenerateRecipe

    models.check(checkpoint or "")
    recipe = GenerateRecipe(checkpoint=checkpoint, num_images=1, seed=int(seed or 0))
    return models.load(checkpoint).generate(recipe).images()[0]


def _failed(error: Exception, num_outputs: int, language: str) -> list[Any]:
    said = notice_html(sentence(error, language))
    return [said, *[gr.skip()] * (num_outputs - 1)]
