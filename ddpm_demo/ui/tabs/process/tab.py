"""The How it works tab: a story on one page that scrolls, with what is worked with in between."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any

import gradio as gr
from gradio.components import Component

from ....core.progress import Stopped
from ....texts.naming import task_title
from ...components.form import Form
from ...components.notice import notice, notice_html
from ...components.seed import roll, seed_row
from ...context import Context, Update
from ...errors import sentence
from ...in_turn import stop_with_caller, updates_in_turn
from ...models import Models
from ...restoration.pictures import example_path, picture_input
from ...spaces_gpu import gpu
from . import story
from .explain import explanation
from .forward import agreement_html
from .generation import build_generation
from .kept import Kept
from .numbers import start_value
from .reverse import Reverse
from .subject import subject_of
from .training import Measure, Step, drawing_html

TAB = "process"
DEFAULT_PICTURE = "face-1.png"


def _title_html(language: str) -> str:
    return f"<h2>{html.escape(task_title(TAB, language))}</h2>"


class Lessons:
    """What follows the picture, the seed and the checkpoint without the network."""

    def __init__(self, ctx: Context, start: gr.HTML, said: gr.HTML):
        self.ctx, self.start, self.said = ctx, start, said
        self.kept = Kept()

    def build(self, inputs: list[Component], form: Form) -> None:
        """The whole story here."""
        ctx = self.ctx
        # The headings below are of the third rank: one of the second for whoever reads by them.
        ctx.make(gr.HTML, {"value": _title_html}, elem_classes=["unseen"])
        ctx.make(
            gr.HTML,
            {"value": story.nav_html},
            apply_default_css=False,
            elem_classes=["story-nav-slot"],
        )
        story.section(ctx, "why")
        story.section(ctx, "forward")
        with story.lab(ctx, "lab_forward"):
            self.agreement = gr.HTML("", elem_classes=["table"])
        story.section(ctx, "reverse")
        with story.lab(ctx, "lab_reverse"):
            self.reverse = Reverse(ctx, self.kept, inputs)
        story.section(ctx, "training")
        with story.lab(ctx, "lab_training"):
            self.step = Step(ctx, self.kept, inputs)
        with story.lab(ctx, "lab_network"):
            explanation(ctx, "unet_text")
            self.drawing = gr.HTML("", elem_classes=["drawing"])
        with story.lab(ctx, "lab_measure"):
            self.measure = Measure(ctx, self.kept, inputs)
        story.section(ctx, "generation")
        with story.lab(ctx, "lab_generation"):
            build_generation(ctx, form, TAB)
        story.wide_section(ctx, "playground")
        story.section(ctx, "came")
        with gr.Column(elem_classes=["story-section", "wide", "section-summary"], min_width=0):
            story.beats(ctx, story.SECTIONS["summary"])
            ctx.make(gr.HTML, {"value": story.ways_on_html}, apply_default_css=False)

    @property
    def outputs(self) -> list[Component]:
        return [self.said, self.start, self.agreement, self.drawing]

    def render(self, named: tuple[Any, ...], language: str) -> list[Any]:
        """For `outputs`: everything that needs no evaluation of the network.

        Args:
            named: checkpoint, path of the picture, seed.
            language: of the texts.
        """
        try:
            subject = subject_of(self.ctx.models, *named)
            return [
                "",
                start_value(language, subject),
                agreement_html(subject, language),
                drawing_html(subject, language),
            ]
        except Exception as error:
            # The panes keep the picture that they have, and speak the language all the same.
            said = notice_html(sentence(error, language))
            return [said, start_value(language), gr.skip(), gr.skip()]


def build(ctx: Context) -> None:
    """Build the tab here."""
    page_tab = gr.context.Context.block
    form = Form(ctx, TAB)
    with gr.Column(elem_classes=["story"], min_width=0):
        begin = story.start(ctx)
        with gr.Row(elem_classes=["subject"]):
            with gr.Column(elem_classes=["subject-picture"], min_width=200):
                form.add_picture(
                    "image", picture_input, value=example_path(DEFAULT_PICTURE), height=168
                )
            with gr.Column(elem_classes=["subject-controls"], min_width=240):
                seed_row(ctx, form, TAB)
                draw = ctx.make(gr.Button, {"value": "process.draw"}, size="sm", min_width=80)
                said = notice()
        lessons = Lessons(ctx, begin, said)
        ctx.parts[TAB] = lessons
        inputs = [ctx.checkpoint, form.controls["image"], form.controls["seed"]]
        lessons.build(inputs, form)
    ctx.receive(TAB, form.controls["image"])
    _connect(ctx, lessons, inputs, page_tab)
    _connect_draw(ctx, draw, inputs, said)


def _connect(ctx: Context, lessons: Lessons, inputs: list[Component], page_tab: Any) -> None:  # noqa: ANN401  a gr.Tab
    visited = gr.State(False)

    def on_change(
        seen: bool, language: str, checkpoint: str, image: str | None, seed: float
    ) -> list[Any]:
        if not seen:  # nobody is looking, and the checkpoint need not be loaded
            return [gr.skip()] * len(lessons.outputs)
        return lessons.render((checkpoint, image, seed), language)

    def on_visit(*inputs: Any) -> list[Any]:  # noqa: ANN401  the values of the controls
        return [True, *on_change(True, *inputs)]

    everything = [ctx.language, *inputs]
    ctx.quick(page_tab.select, on_visit, everything, [visited, *lessons.outputs])
    _, image, seed = inputs
    for event in (image.change, seed.change, ctx.checkpoint.change, ctx.language.change):
        ctx.quick(event, on_change, [visited, *everything], lessons.outputs)

    def on_unload(request: gr.Request) -> None:
        lessons.kept.forget(request.session_hash or "")

    root = gr.context.Context.root_block
    assert root is not None
    root.unload(on_unload)


def _connect_draw(ctx: Context, draw: gr.Button, inputs: list[Component], said: gr.HTML) -> None:
    def on_draw(
        language: str, checkpoint: str, seed: float, request: gr.Request
    ) -> Iterator[list[Update]]:
        session = request.session_hash or ""
        yield from updates_in_turn(
            lambda: iter([_draw(ctx, language, checkpoint, seed, session)]),
            [gr.skip(), gr.skip()],
        )

    checkpoint, image, seed = inputs
    ctx.heavy(draw.click, on_draw, [ctx.language, checkpoint, seed], [image, said])


def _draw(
    ctx: Context, language: str, checkpoint: str, seed: float | None, session: str
) -> list[Update]:
    """[path of a new sample, ""] or [nothing, what went wrong]."""
    try:
        seed = roll() if seed is None else seed
        path = ctx.store.folder(session) / f"sample-{int(seed)}.png"
        drawn(ctx.models, checkpoint, seed).save(path)
    except Exception as error:
        return [gr.skip(), notice_html(sentence(error, language))]
    return [str(path), ""]


@gpu
def drawn(models: Models, checkpoint: str, seed: float) -> Any:  # noqa: ANN401  a PIL picture
    """A sample of the checkpoint, with its own sampler.

    Raises:
        UserError: no such checkpoint, a seed out of range.
    """
    from ....tasks.generate import GenerateRecipe

    models.check(checkpoint or "")
    recipe = GenerateRecipe(checkpoint=checkpoint, num_images=1, seed=int(seed or 0))
    run = models.load(checkpoint).generate(recipe)
    stop_with_caller(run.stop)
    pictures = run.images()
    if run.progress.is_stopped:  # it has ended early, and nobody is there
        raise Stopped
    return pictures[0]
