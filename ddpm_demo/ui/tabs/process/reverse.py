"""Reverse process: one step of the network taken apart."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component

from ....texts import text
from ...components.live_view import pane_html, picture_html
from ...components.notice import notice, notice_html
from ...context import Context, Update
from ...errors import sentence
from ...in_turn import updates_in_turn
from ...models import Models
from ...spaces_gpu import gpu
from .kept import Kept
from .subject import subject_of

if TYPE_CHECKING:
    from PIL import Image

NAME = "reverse"


class Reverse:
    """Noise the picture to t, ask the network once, go one step back."""

    def __init__(self, ctx: Context, kept: Kept, inputs: list[Component]):
        self.ctx, self.kept = ctx, kept
        with gr.Row(elem_classes=["sliders"]):
            self.t = ctx.make(
                gr.Slider,
                {"label": "process.t"},
                minimum=1,
                maximum=1000,
                value=300,
                step=1,
                min_width=140,
                elem_classes=["scrubber"],
            )
            self.button = ctx.make(
                gr.Button, {"value": "process.reverse_button"}, variant="primary"
            )
        self.notice = notice()
        self.view = gr.HTML(step_html(None, ctx.texts.language), elem_classes=["live"])
        self._connect(inputs)

    def _connect(self, inputs: list[Component]) -> None:
        ctx = self.ctx

        def on_step(
            checkpoint: str,
            image: str | None,
            seed: float,
            t: float,
            language: str,
            request: gr.Request,
        ) -> Iterator[list[Update]]:
            session, named = request.session_hash or "", (checkpoint, image, seed, t)
            yield from updates_in_turn(
                lambda: iter([self.on_step(named, language, session)]), [gr.skip(), gr.skip()]
            )

        pressed = [*inputs, self.t, ctx.language]
        ctx.heavy(self.button.click, on_step, pressed, [self.notice, self.view])
        ctx.on_language(
            lambda language, session: [step_html(self.kept.get(session, NAME), language)],
            [self.view],
        )

    def on_step(self, named: tuple[Any, ...], language: str, session: str) -> list[Update]:
        """(notice, view) after one evaluation of the network.

        Args:
            named: checkpoint, path of the picture, seed, t in noising steps.
        """
        try:
            found = one_step(self.ctx.models, *named)
        except Exception as error:
            return [notice_html(sentence(error, language)), gr.skip()]
        self.kept.put(session, NAME, found)
        return ["", step_html(found, language)]


@gpu
def one_step(
    models: Models, checkpoint: str, image: str | None, seed: float, t: float
) -> dict[str, Any]:
    """One reverse step as pictures by name, and its numbers.

    Raises:
        UserError: no such checkpoint, no picture, t or seed out of range.
    """
    from ....pictures.images import to_pil
    from ....process.reverse_step import reverse_step

    subject = subject_of(models, checkpoint, image, seed)
    ddpm = subject.ddpm
    found = reverse_step(ddpm.denoiser, subject.x_0.to(ddpm.device), int(t) - 1, subject.seed)
    tensors = {"x_t": found.x_t, "eps": found.eps, "x0_hat": found.x0_hat, "x_prev": found.x_prev}
    pictures = {name: to_pil(x)[0] for name, x in tensors.items()}
    return {"t": found.t + 1, "std": found.std, "pictures": pictures}


def step_html(found: dict[str, Any] | None, language: str) -> str:
    """The step's pictures side by side; a hint before there are any."""
    if found is None:
        hint = html.escape(text(language, "process.reverse_hint"))
        return f'<div class="stage hint"><p class="live-hint">{hint}</p></div>'
    line = text(language, "process.reverse_numbers", t=found["t"], std=f"{found['std']:.4f}")
    return pictures_html(found["pictures"], language) + f'<p class="numbers">{line}</p>'


def pictures_html(pictures: dict[str, Image.Image], language: str) -> str:
    """Pictures side by side, each under "process.pane_<name>"."""
    panes = []
    for name, picture in pictures.items():
        caption = text(language, f"process.pane_{name}")
        panes.append(pane_html(caption, picture_html(picture, caption), name))
    return f'<div class="panes small">{"".join(panes)}</div>'
