"""Forward process: any x_t of the picture, the schedule, the values' histogram, two ways to t."""

from __future__ import annotations

import html
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component

from ....texts import text
from ...components.live_view import pane_html, picture_html
from ...context import Context, Update
from .explain import explanation
from .plots import MARKER, ORANGE, TEAL, line_plot, lines, upright
from .subject import Subject

if TYPE_CHECKING:
    from ....core.schedule import Schedule
    from ....process.forward import Agreement

STRIP_PICTURES = 9
CURVE_POINTS = 101
CHECKED = (1, 10, 50, 100, 250, 500, 750, 1000)
X_T, NORMAL = "x_t", "N(0, 1)"
BETA, ABAR, LOG_SNR = "β", "ᾱ", "log₁₀ SNR"


class Forward:
    """The section; `outputs` get the values of `render`."""

    def __init__(self, ctx: Context):
        with gr.Row(elem_classes=["lesson"]):
            with gr.Column(elem_classes=["lesson-text"], min_width=280):
                explanation(ctx, "forward_text")
            with gr.Column(elem_classes=["lesson-view"], min_width=280):
                self.t = ctx.make(
                    gr.Slider,
                    {"label": "process.t", "info": "process.t_help"},
                    minimum=0,
                    maximum=1000,
                    value=250,
                    step=1,
                    elem_classes=["scrubber"],
                )
                self.view = gr.HTML(loading_html(ctx.texts.language), elem_classes=["live"])
                self.histogram = line_plot(
                    ctx, "histogram", {X_T: TEAL, NORMAL: ORANGE}, tooltip="none"
                )
                with gr.Row(elem_classes=["plots"]):
                    colours = {BETA: TEAL, ABAR: TEAL, LOG_SNR: TEAL, MARKER: ORANGE}
                    self.curves = [
                        line_plot(ctx, key, colours, height=190, min_width=180)
                        for key in ("beta", "abar", "snr")
                    ]
                self.strip = gr.HTML("", elem_classes=["live"])
                self.table = gr.HTML("", elem_classes=["table"])

    @property
    def outputs(self) -> list[Component]:
        return [self.view, self.histogram, *self.curves, self.strip, self.table]

    @property
    def moving(self) -> list[Component]:
        """What follows the slider."""
        return self.outputs[:5]

    def render(self, subject: Subject, t: float, language: str) -> list[Update]:
        """For `outputs`, at t noising steps."""
        return [
            *self.at(subject, t, language),
            strip_html(subject, language),
            agreement_html(subject, language),
        ]

    def at(self, subject: Subject, t: float, language: str) -> list[Update]:
        """For `moving`."""
        schedule = subject.ddpm.schedule
        steps = max(0, min(schedule.num_timesteps, int(t or 0)))
        jump, chain = two_ways(subject, steps)
        return [
            views_html(jump, chain, subject, steps, language),
            histogram_value(jump),
            *curve_values(schedule, steps),
        ]


def loading_html(language: str) -> str:
    """Before the checkpoint is there."""
    hint = html.escape(text(language, "common.status_loading"))
    return f'<div class="stage hint"><p class="live-hint">{hint}</p></div>'


def two_ways(subject: Subject, steps: int) -> tuple[Any, Any]:
    """x_t [1, C, H, W] after `steps` noising steps, by the closed form and by the chain."""
    from itertools import islice

    from ....core.noise import NoiseSource
    from ....process.forward import markov_chain

    schedule, x_0 = subject.ddpm.schedule, subject.x_0
    if steps == 0:
        return x_0, x_0
    noise = NoiseSource([subject.seed]).randn(x_0.shape[1:])
    jump = schedule.q_sample(x_0, steps - 1, noise)
    other = NoiseSource([(subject.seed + 1) % 2**32])
    *_, chain = islice(markov_chain(schedule, x_0, other), steps)
    return jump, chain


def views_html(jump: Any, chain: Any, subject: Subject, steps: int, language: str) -> str:  # noqa: ANN401  tensors
    """x_t by both ways beside each other, with the numbers at t."""
    from ....pictures.images import to_pil

    panes = [
        pane_html(caption, picture_html(to_pil(x_t)[0], caption), name)
        for caption, x_t, name in (
            (text(language, "process.closed_form"), jump, "closed"),
            (text(language, "process.chain"), chain, "chain"),
        )
    ]
    schedule = subject.ddpm.schedule
    abar = schedule.abar(steps - 1)
    snr = "∞" if abar >= 1 else f"{schedule.snr(steps - 1):.3g}"
    beta = f"{float(schedule.betas[steps - 1]):.3g}" if steps else "0"
    line = text(
        language,
        "process.numbers",
        t=steps,
        beta=beta,
        abar=f"{abar:.4g}",
        signal=f"{abar**0.5:.3g}",
        noise=f"{(1 - abar) ** 0.5:.3g}",
        snr=snr,
    )
    return f'<div class="panes low">{"".join(panes)}</div><p class="numbers">{line}</p>'


def histogram_value(x_t: Any) -> dict[str, Any]:  # noqa: ANN401  a tensor
    """The densities of the values of x_t and of the standard normal."""
    from ....process.forward import value_histogram

    found = value_histogram(x_t)
    return lines({X_T: (found.centres, found.density), NORMAL: (found.centres, found.normal)})


def curve_values(schedule: Schedule, steps: int) -> list[dict[str, Any]]:
    """beta, alphas_cumprod and the logarithm of the SNR over t, each with a marker."""
    import numpy as np

    from ....process.forward import schedule_curves

    curves = schedule_curves(schedule)
    last = schedule.num_timesteps - 1
    chosen = np.unique(np.linspace(0, last, CURVE_POINTS).round().astype(int))
    log_snr = np.log10(np.maximum(curves.snr, 1e-12))
    found = []
    for name, y in ((BETA, curves.beta), (ABAR, curves.alphas_cumprod), (LOG_SNR, log_snr)):
        marker = upright(steps, float(y.min()), float(y.max()))
        found.append(lines({name: (chosen + 1, y[chosen]), MARKER: marker}))
    return found


def strip_html(subject: Subject, language: str, key: str = "process.strip") -> str:
    """x_0 to x_T in one row, the same noise growing."""
    from ....core.noise import NoiseSource
    from ....pictures.images import make_grid, to_pil
    from ....process.forward import strip_timesteps

    schedule, x_0 = subject.ddpm.schedule, subject.x_0
    noise = NoiseSource([subject.seed]).randn(x_0.shape[1:])
    timesteps = strip_timesteps(schedule.num_timesteps, STRIP_PICTURES)
    row = [to_pil(schedule.q_sample(x_0, t, noise))[0] for t in timesteps]
    caption = text(language, key, t=", ".join(str(t + 1) for t in timesteps))
    picture = picture_html(make_grid(row, columns=len(row)), caption, row[0].width > 128)
    return f'<div class="film wide">{pane_html(caption, picture, "strip")}</div>'


def agreement_html(subject: Subject, language: str) -> str:
    """Mean and standard deviation of one value's x_t: exact, by the jump, by the chain."""
    x_0 = subject.x_0
    value = float(x_0[0, 0, x_0.shape[-2] // 2, x_0.shape[-1] // 2])
    schedule = subject.ddpm.schedule
    rows = _agreement(schedule.betas.numpy().tobytes(), round(value, 3), subject.seed)
    heads = [
        text(language, f"process.{key}")
        for key in ("table_t", "table_mean", "table_closed", "table_chain")
    ]
    heads += [text(language, "process.table_std"), *heads[2:]]
    head = "".join(f"<th>{html.escape(words)}</th>" for words in heads)
    cells_of_rows = ["".join(f"<td>{cell}</td>" for cell in _cells(row)) for row in rows]
    body = "".join(f"<tr>{cells}</tr>" for cells in cells_of_rows)
    title = html.escape(
        text(language, "process.agreement", value=f"{value:.3f}", count=f"{rows[0].num_draws:,}")
    )
    return (
        f'<p class="list-title">{title}</p><div class="scroll"><table class="figures">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(row: Agreement) -> Sequence[str]:
    means = (row.mean, row.closed_mean, row.chain_mean)
    stds = (row.std, row.closed_std, row.chain_std)
    return [str(row.t + 1), *(f"{number:.4f}" for number in (*means, *stds))]


@lru_cache(maxsize=32)
def _agreement(betas: bytes, x_0: float, seed: int) -> list[Agreement]:
    import numpy as np
    import torch

    from ....core.schedule import Schedule
    from ....process.forward import closed_form_and_chain

    schedule = Schedule(torch.from_numpy(np.frombuffer(betas).copy()))
    timesteps = [t - 1 for t in CHECKED if t <= schedule.num_timesteps]
    return closed_form_and_chain(schedule, x_0, timesteps, seed=seed % (2**32 - 1))
