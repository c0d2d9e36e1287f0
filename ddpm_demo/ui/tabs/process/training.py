"""Training: one step in slow motion, the network's drawing, the loss at each t, the bound."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component

from ....texts import text
from ...components.live_view import status_html
from ...components.notice import notice, notice_html
from ...context import Context, Update
from ...errors import sentence
from ...in_turn import updates_in_turn
from ...models import Models
from ...spaces_gpu import gpu
from .explain import explanation
from .kept import Kept
from .measure import Measured, measure
from .plots import GREY, ORANGE, TEAL, bar_plot, bars, line_plot, lines, log10_of
from .reverse import pictures_html
from .subject import Subject, subject_of

if TYPE_CHECKING:
    from collections.abc import Mapping

STEP, MEASURED = "training_step", "measured"
EPS, X_0, V = "ε", "x₀", "v"
SERIES = {"epsilon": EPS, "sample": X_0, "v_prediction": V}


class Step:
    """One training step on the picture: mixed, asked, compared."""

    def __init__(self, ctx: Context, kept: Kept, inputs: list[Component]):
        self.ctx, self.kept = ctx, kept
        self.draws = gr.State(0)
        with gr.Row(elem_classes=["sliders"]):
            self.button = _button(ctx, "training_button")
            self.terms = ctx.make(
                gr.Radio,
                {"label": "process.training_terms"},
                choices=[(words, name) for name, words in SERIES.items()],
                value="epsilon",
                elem_classes=["choices"],
            )
        self.notice = notice()
        self.view = gr.HTML(step_html(None, "epsilon", ctx.texts.language), elem_classes=["live"])

        def on_press(
            checkpoint: str,
            image: str | None,
            seed: float,
            draw: int,
            terms: str,
            language: str,
            request: gr.Request,
        ) -> Iterator[list[Update]]:
            named = (checkpoint, image, seed, draw)
            session = request.session_hash or ""
            yield from updates_in_turn(
                lambda: iter([[draw + 1, *self.on_step(named, terms, language, session)]]),
                _skips(3),
            )

        def on_terms(terms: str, language: str, request: gr.Request) -> Update:
            return step_html(kept.get(request.session_hash or "", STEP), terms, language)

        pressed = [*inputs, self.draws, self.terms, ctx.language]
        ctx.heavy(self.button.click, on_press, pressed, [self.draws, self.notice, self.view])
        shown = [self.terms, ctx.language]
        ctx.quick(self.terms.input, on_terms, shown, [self.view])
        ctx.quick(ctx.language.change, on_terms, shown, [self.view])

    def on_step(
        self, named: tuple[Any, ...], terms: str, language: str, session: str
    ) -> list[Update]:
        """(notice, view) after one evaluation of the network.

        Args:
            named: checkpoint, path of the picture, seed, how many steps were drawn before.
            terms: what the answers are compared in, a key of `SERIES`.
            language, session: the visitor's.
        """
        try:
            found = draw_step(self.ctx.models, *named)
        except Exception as error:
            return [notice_html(sentence(error, language)), gr.skip()]
        self.kept.put(session, STEP, found)
        return ["", step_html(found, terms, language)]


class Measure:
    """The loss at each t and the bound, measured with the loaded checkpoint."""

    def __init__(self, ctx: Context, kept: Kept, inputs: list[Component]):
        self.ctx, self.kept = ctx, kept
        self.measure_button = _button(ctx, "measure_button")
        self.measure_notice = notice()
        self.status = gr.HTML(status_html(""), elem_classes=["status"])
        self.losses = line_plot(ctx, "losses", {EPS: ORANGE, X_0: GREY, V: TEAL}, height=260)
        explanation(ctx, "bits_text")
        self.bars = bar_plot(ctx, "terms", x_label_angle=-50, height=300)
        self.bits = gr.HTML("", elem_classes=["table"])

        def on_measure(
            checkpoint: str, image: str | None, seed: float, language: str, request: gr.Request
        ) -> Iterator[list[Update]]:
            named = (checkpoint, image, seed)
            session = request.session_hash or ""
            yield from updates_in_turn(
                lambda: self.on_measure(named, language, session), _skips(5)
            )

        ctx.heavy(
            self.measure_button.click, on_measure, [*inputs, ctx.language], self.measure_outputs
        )
        ctx.on_language(self._relabelled, [self.status, self.bits])

    @property
    def measure_outputs(self) -> list[Component]:
        return [self.measure_notice, self.status, self.losses, self.bars, self.bits]

    def on_measure(
        self, named: tuple[Any, ...], language: str, session: str
    ) -> Iterator[list[Update]]:
        """Values for `measure_outputs` as the measurement goes on.

        Args:
            named: checkpoint, path of the picture, seed.
        """
        yield ["", status_html(text(language, "common.status_loading"), busy=True), *_skips(3)]
        try:
            for found in measure(self.ctx.models, *named):
                self.kept.put(session, MEASURED, found)
                bits = bits_html(found, language)
                yield ["", progress_html(found, language), *plot_values(found), bits]
        except Exception as error:
            yield [notice_html(sentence(error, language)), status_html(""), *_skips(3)]

    def _relabelled(self, language: str, session: str) -> list[Update]:
        measured = self.kept.get(session, MEASURED)
        return [progress_html(measured, language), bits_html(measured, language)]


@gpu
def draw_step(
    models: Models, checkpoint: str, image: str | None, seed: float, draw: int
) -> dict[str, Any]:
    """One training step as pictures by name, and its numbers; another for each `draw`.

    Raises:
        UserError: no such checkpoint, no picture, a seed out of range.
    """
    from ....pictures.images import to_pil
    from ....process.training_step import compared, training_step

    subject = subject_of(models, checkpoint, image, seed)
    x_0 = subject.x_0.to(subject.ddpm.device)
    schedule = subject.ddpm.schedule
    found = training_step(subject.ddpm.denoiser, x_0, (subject.seed + draw) % 2**32)
    mixed = {"x_0": found.x_0, "drawn_eps": found.eps, "x_t": found.x_t}
    terms: dict[str, Any] = {}
    for kind in SERIES:
        output, target, weight = compared(schedule, found, kind)
        off = output - target
        # Grey is no difference; its own scale, so that a small one is seen, too.
        scale = max(float(off.abs().max()), 1e-6)
        shown = {"output": output, "target": target, "difference": off / scale}
        terms[kind] = {
            "pictures": {name: to_pil(x)[0] for name, x in shown.items()},
            "loss": float(off.square().mean()),
            "weight": weight,
            "scale": scale,
        }
    return {
        "t": found.t + 1,
        "prediction_type": found.prediction_type,
        "pictures": {name: to_pil(x)[0] for name, x in mixed.items()},
        "terms": terms,
    }


def step_html(found: Mapping[str, Any] | None, terms: str, language: str) -> str:
    """The training step's pictures in their order, with its numbers; a hint before any.

    Args:
        found: of `draw_step`.
        terms: what the answers are compared in, a key of `SERIES`.
        language: of the words.
    """
    if found is None:
        hint = html.escape(text(language, "process.training_hint"))
        return f'<div class="stage hint"><p class="live-hint">{hint}</p></div>'
    shown = found["terms"][terms]
    line = text(
        language,
        "process.training_numbers",
        t=found["t"],
        own=SERIES[found["prediction_type"]],
        terms=SERIES[terms],
        loss=f"{shown['loss']:.4g}",
        weight=f"{shown['weight']:.3g}",
        scale=f"{shown['scale']:.3g}",
    )
    pictures = pictures_html({**found["pictures"], **shown["pictures"]}, language)
    return f'{pictures}<p class="numbers">{html.escape(line)}</p>'


def drawing_html(subject: Subject, language: str) -> str:
    """The U-Net of the loaded checkpoint."""
    from ....process.unet_diagram import unet_blocks
    from ....process.unet_svg import LABELS, unet_svg

    names = [name for name in LABELS if name not in ("picture", "title")]
    words = {name: text(language, f"process.unet_{name}") for name in names}
    blocks = unet_blocks(subject.ddpm.denoiser.unet.config, subject.x_0.shape[-1])
    count = f"{subject.ddpm.info.num_parameters / 1e6:.1f}"
    line = html.escape(text(language, "process.unet_parameters", count=count))
    return f'{unet_svg(blocks, words)}<p class="numbers">{line}</p>'


def progress_html(found: Measured | None, language: str) -> str:
    """How far the measurement is."""
    if found is None:
        return status_html("")
    key = "process.sample_heldout" if found.is_heldout else "process.sample_own"
    parts = [
        text(language, "common.status_step", index=found.done, total=found.total),
        text(language, key, count=found.num_images),
    ]
    line = text(language, "common.status_join").join(parts)
    return status_html(line, busy=found.done < found.total)


def plot_values(found: Measured) -> list[Update]:
    """(curve of the losses, bars of the bound's terms)."""
    t = [loss[0] for loss in found.losses]
    curves = {
        name: (t, [log10_of(loss[column]) for loss in found.losses])
        for column, name in ((1, EPS), (2, X_0), (3, V))
    }
    if found.bound is None:
        return [lines(curves), gr.skip()]
    named = {"1": found.bound.decoder}
    for first, last, bits in found.strata:
        named[str(first) if first == last else f"{first}–{last}"] = bits
    return [lines(curves), gr.update(value=bars(named), sort=list(named))]


def bits_html(found: Measured | None, language: str) -> str:
    """The bound in bits per dimension and its three parts."""
    if found is None or found.bound is None:
        return ""
    bound = found.bound
    total = f"{bound.total:.3f}"
    if bound.standard_error == bound.standard_error:  # not nan, as for a single picture
        total += f" ± {bound.standard_error:.3f}"
    line = text(
        language,
        "process.bits",
        total=total,
        prior=f"{bound.prior:.2g}",
        transitions=f"{bound.transitions:.3f}",
        decoder=f"{bound.decoder:.3f}",
    )
    return f'<p class="numbers">{html.escape(line)}</p>'


def _button(ctx: Context, key: str) -> gr.Button:
    return ctx.make(gr.Button, {"value": f"process.{key}"}, variant="primary", min_width=80)


def _skips(count: int) -> list[Update]:
    return [gr.skip()] * count
