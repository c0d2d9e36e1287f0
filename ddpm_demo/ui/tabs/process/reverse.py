"""Reverse process: the posterior of a value, and one step of the network taken apart."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component

from ....texts import text
from ...components.live_view import pane_html, picture_html
from ...components.notice import notice, notice_html
from ...context import Context, Update
from ...errors import sentence
from ...models import Models
from ...spaces_gpu import gpu
from .explain import explanation
from .kept import Kept
from .plots import GREY, ORANGE, TEAL, line_plot, lines
from .subject import subject_of

if TYPE_CHECKING:
    from PIL import Image

    from ....core.schedule import Schedule

PRIOR, LIKELIHOOD, POSTERIOR = "q(xₜ₋₁|x₀)", "q(xₜ|xₜ₋₁)", "q(xₜ₋₁|xₜ,x₀)"
COLOURS = {PRIOR: GREY, LIKELIHOOD: ORANGE, POSTERIOR: TEAL}
NAME = "reverse"


class Reverse:
    """The section; `outputs` get the values of `render`."""

    def __init__(self, ctx: Context, kept: Kept, inputs: list[Component]):
        self.ctx, self.kept = ctx, kept
        with gr.Row(elem_classes=["lesson"]):
            with gr.Column(elem_classes=["lesson-text"], min_width=280):
                explanation(ctx, "reverse_text")
            with gr.Column(elem_classes=["lesson-view"], min_width=280):
                with gr.Row(elem_classes=["sliders"]):
                    self.t = _slider(ctx, "post_t", 2, 1000, 100, 1)
                    self.x_0 = _slider(ctx, "post_x0", -1, 1, 0.5, 0.05)
                    self.eps = _slider(ctx, "post_eps", -3, 3, 1.0, 0.1)
                self.plot = line_plot(ctx, "posterior", COLOURS, height=240, tooltip="none")
                self.numbers = gr.HTML("", elem_classes=["table"])
                self.button = ctx.make(
                    gr.Button, {"value": "process.reverse_button"}, variant="primary"
                )
                self.notice = notice()
                self.view = gr.HTML(step_html(None, ctx.texts.language), elem_classes=["live"])
        self._connect(inputs)

    @property
    def controls(self) -> list[Component]:
        return [self.t, self.x_0, self.eps]

    @property
    def outputs(self) -> list[Component]:
        return [self.plot, self.numbers]

    def _connect(self, inputs: list[Component]) -> None:
        ctx = self.ctx

        def on_step(
            checkpoint: str,
            image: str | None,
            seed: float,
            t: float,
            language: str,
            request: gr.Request,
        ) -> list[Update]:
            session = request.session_hash or ""
            return self.on_step((checkpoint, image, seed, t), language, session)

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


def render(schedule: Schedule, t: float, x_0: float, eps: float, language: str) -> list[Update]:
    """For `Reverse.outputs`: the densities for one value x_0 and the noise eps in its x_t."""
    from ....process.posterior import posterior_of_value

    steps = max(2, min(schedule.num_timesteps, int(t or 0)))
    abar = schedule.abar(steps - 1)
    x_t = abar**0.5 * x_0 + (1 - abar) ** 0.5 * eps
    found = posterior_of_value(schedule, x_0, x_t, steps - 1, num_places=121)
    series = {
        PRIOR: (found.x, found.prior),
        LIKELIHOOD: (found.x, found.likelihood),
        POSTERIOR: (found.x, found.posterior),
    }
    line = text(
        language,
        "process.posterior_numbers",
        t=steps,
        x_t=f"{x_t:.3f}",
        c_0=f"{found.c_0:.4f}",
        c_t=f"{found.c_t:.4f}",
        mean=f"{found.mean:.4f}",
        std=f"{found.std:.4f}",
    )
    return [lines(series), f'<p class="numbers">{html.escape(line)}</p>']


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


def _slider(
    ctx: Context, key: str, low: float, high: float, value: float, step: float
) -> gr.Slider:
    return ctx.make(
        gr.Slider,
        {"label": f"process.{key}"},
        minimum=low,
        maximum=high,
        value=value,
        step=step,
        min_width=140,
        elem_classes=["scrubber"],
    )
