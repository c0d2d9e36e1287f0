"""Explanations with rendered formulas. The formulas are here, the words in the locales."""

from __future__ import annotations

import re
from collections.abc import Callable

import gradio as gr

from ....texts import text
from ...context import Context

DELIMITERS = [
    {"left": "$$", "right": "$$", "display": True},
    {"left": "$", "right": "$", "display": False},
]

# Ho et al. 2020 (arXiv:2006.11239): q_step is eq. 2, q_jump and x_t eq. 4, bound eq. 5, posterior
# eq. 6 and 7, kl eq. 8, loss eq. 14, ancestral line 4 of algorithm 2, all with the posterior's
# variance for p_theta, as samplers/ddpm.py has it; kl's second line is Kingma et al. 2021
# (arXiv:2107.00630). v, v_back and factor are Salimans & Ho 2022 (arXiv:2202.00512), ddim eq. 12
# and 16 of Song et al. 2020 (arXiv:2010.02502), ahead Lu et al. 2022 (arXiv:2211.01095), algorithm
# 2 with r = 1, rescaled and score as in samplers/langevin.py: sigma is this noise level alone.
# tests/test_story_formulas.py holds them to the package.
FORMULAS = {
    "chain": r"$$x_0 \to x_1 \to \dots \to x_{t-1} \to x_t \to \dots \to x_T$$",
    "q_step": r"$$q(x_t \mid x_{t-1}) = \mathcal{N}\big(\sqrt{1-\beta_t}\,x_{t-1},"
    r"\ \beta_t I\big)$$",
    "two_steps": r"$$\begin{aligned} x_2 &= \sqrt{\alpha_2}\,x_1"
    r" + \sqrt{\beta_2}\,\varepsilon_2 \\"
    r" &= \sqrt{\alpha_2\alpha_1}\,x_0 + \sqrt{\alpha_2\beta_1}\,\varepsilon_1"
    r" + \sqrt{\beta_2}\,\varepsilon_2 \end{aligned}$$",
    "q_jump": r"$$q(x_t \mid x_0) = \mathcal{N}\big(\sqrt{\bar\alpha_t}\,x_0,"
    r"\ (1-\bar\alpha_t)\,I\big)$$",
    "alpha_bar": r"$\bar\alpha_t = \alpha_1 \alpha_2 \cdots \alpha_t$",
    "x_t": r"$$x_t = \sqrt{\bar\alpha_t}\,x_0 + \sqrt{1-\bar\alpha_t}\;\varepsilon,"
    r"\qquad \varepsilon \sim \mathcal{N}(0, I)$$",
    "snr": r"$\mathrm{SNR}_t = \bar\alpha_t / (1-\bar\alpha_t)$",
    "posterior": r"$$\begin{aligned} q(x_{t-1} \mid x_t, x_0) &\propto q(x_t \mid x_{t-1})\,"
    r"q(x_{t-1} \mid x_0) = \mathcal{N}(\tilde\mu_t,\ \tilde\beta_t I)"
    r" \\ \tilde\mu_t &= \tfrac{\sqrt{\bar\alpha_{t-1}}\,\beta_t}"
    r"{1-\bar\alpha_t}\,x_0 + \tfrac{\sqrt{\alpha_t}\,(1-\bar\alpha_{t-1})}{1-\bar\alpha_t}\,x_t"
    r" \\ \tilde\beta_t &= \tfrac{1-\bar\alpha_{t-1}}{1-\bar\alpha_t}\,\beta_t"
    r" \end{aligned}$$",
    "p_step": r"$$\begin{aligned} p_\theta(x_{t-1} \mid x_t) &= q(x_{t-1} \mid x_t, \hat{x}_0) \\"
    r" &= \mathcal{N}\big(\mu_\theta(x_t, t),\ \tilde\beta_t I\big) \end{aligned}$$",
    "x0_hat": r"$$\hat{x}_0 = \frac{x_t - \sqrt{1-\bar\alpha_t}\;\varepsilon_\theta(x_t, t)}"
    r"{\sqrt{\bar\alpha_t}}$$",
    "loss": r"$$L = \mathbb{E}_{x_0,\,t,\,\varepsilon}\,"
    r"\big\|\varepsilon - \varepsilon_\theta(x_t, t)\big\|^2$$",
    "v": r"$$v = \sqrt{\bar\alpha_t}\,\varepsilon - \sqrt{1-\bar\alpha_t}\,x_0$$",
    "v_back": r"$$\begin{aligned} \varepsilon &= \sqrt{1-\bar\alpha_t}\,x_t"
    r" + \sqrt{\bar\alpha_t}\,v \\"
    r" x_0 &= \sqrt{\bar\alpha_t}\,x_t - \sqrt{1-\bar\alpha_t}\,v \end{aligned}$$",
    "factor": r"$$\|\varepsilon - \varepsilon_\theta\|^2 = \mathrm{SNR}_t"
    r"\,\|x_0 - \hat{x}_0\|^2$$",
    "bound": r"$$\begin{aligned} -\log p_\theta(x_0) \le\;& \mathbb{E}\Big["
    r"\mathrm{KL}\big(q(x_T|x_0)\,\|\,p(x_T)\big)"
    r" \\ &+ \textstyle\sum_{t>1} \mathrm{KL}\big(q(x_{t-1}|x_t,x_0)\,\|\,"
    r"p_\theta(x_{t-1}|x_t)\big) \\ &- \log p_\theta(x_0|x_1)\Big] \end{aligned}$$",
    "kl": r"$$\begin{aligned} \mathrm{KL}_t &= \frac{1}{2\tilde\beta_t}\,"
    r"\big\|\tilde\mu_t - \mu_\theta(x_t, t)\big\|^2 \\ &= \tfrac{1}{2}\,(\mathrm{SNR}_{t-1}"
    r" - \mathrm{SNR}_t)\,\|x_0 - \hat{x}_0\|^2 \end{aligned}$$",
    "ancestral": r"$$x_{t-1} = \tfrac{1}{\sqrt{\alpha_t}}\Big(x_t - \tfrac{\beta_t}"
    r"{\sqrt{1-\bar\alpha_t}}\,\varepsilon_\theta(x_t, t)\Big) + \sqrt{\tilde\beta_t}\,z$$",
    "ddim": r"$$\begin{aligned} x_s &= \sqrt{\bar\alpha_s}\;\hat{x}_0"
    r" + \sqrt{1-\bar\alpha_s-\eta^2\tilde\beta}\;\varepsilon_\theta + \eta\sqrt{\tilde\beta}\,z"
    r" \\ \tilde\beta &= \tfrac{1-\bar\alpha_s}{1-\bar\alpha_t}"
    r"\big(1 - \tfrac{\bar\alpha_t}{\bar\alpha_s}\big) \end{aligned}$$",
    "ahead": r"$\hat{x}_0 + \tfrac{1}{2}(\hat{x}_0 - \hat{x}'_0)$",
    "rescaled": r"$$x = \frac{x_t}{\sqrt{\bar\alpha_t}} = x_0 + \sigma\,\varepsilon, \qquad"
    r" \sigma = \frac{\sqrt{1-\bar\alpha_t}}{\sqrt{\bar\alpha_t}}$$",
    "score": r"$$\begin{aligned} \nabla_x \log p_\sigma(x)"
    r" &= \frac{\mathbb{E}[x_0 \mid x] - x}{\sigma^2} \\ &\approx"
    r" \frac{\hat{x}_0 - x}{\sigma^2} = -\frac{\varepsilon_\theta}{\sigma} \end{aligned}$$",
}

# One colour a symbol, in formulas, panes, curves and sliders: dark enough for white. story.css
# has their partners for the dark theme.
SYMBOLS = {
    "net": "#be123c",
    "x0": "#0f766e",
    "xt": "#1d4ed8",
    "eps": "#b45309",
    "abar": "#a21caf",
    "t": "#7c3aed",
}
# Longest first: what the network says contains the noise's own letter.
_PATTERNS = (
    ("net", r"\\hat\{x\}'?_0|\\varepsilon_\\theta(?:\(x_t, t\))?|\\mu_\\theta(?:\(x_t, t\))?"),
    ("abar", r"\\bar\\alpha_(?:\{[^}]*\}|\w)"),
    ("eps", r"\\varepsilon"),
    ("x0", r"x_0"),
    ("xt", r"x_(?:\{[^}]*\}|\w)"),
    ("t", r"(?<=\$)t(?=[.,]?\$)|(?<=, )t(?=\))"),
)
_SYMBOL = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _PATTERNS))
_MATH = re.compile(r"\$\$.*?\$\$|\$.*?\$", re.DOTALL)
# Browsers take a formula for a picture and may begin a line with the full stop after it, or end
# one with the bracket before it.
_INLINE = re.compile(
    r"\$\$.*?\$\$|(?P<open>[（(]?)\$(?P<math>[^$]+)\$"
    r"(?P<stop>[，。：；、）]+|\)?[.,;:]?(?=\s|$)|)",
    re.DOTALL,
)
_APART = "\u200b"  # of no width: two dollars side by side would begin a formula on its own line


def explanation(ctx: Context, key: str, *classes: str) -> gr.Markdown:
    """The text "process.<key>" with its formulas, here."""
    return rendered(ctx, lambda language: explained(key, language), *classes)


def rendered(ctx: Context, value: Callable[[str], str], *classes: str) -> gr.Markdown:
    """Markdown with formulas, here; `value` makes it of the language."""
    return ctx.make(
        gr.Markdown,
        {"value": value},
        latex_delimiters=DELIMITERS,
        elem_classes=["explanation", *classes],
    )


def explained(key: str, language: str) -> str:
    """Markdown of the text "process.<key>", the symbols of its formulas in their colours."""
    return coloured(text(language, f"process.{key}", **FORMULAS))


def coloured(markdown: str) -> str:
    """The same with each symbol inside $...$ in its colour of `SYMBOLS`."""
    markdown = _MATH.sub(lambda math: _SYMBOL.sub(_in_colour, math[0]), markdown)
    return _INLINE.sub(_with_marks, markdown)


def _with_marks(found: re.Match[str]) -> str:
    """An inline formula with the punctuation that must not be torn from it."""
    before, math, after = found["open"], found["math"], found["stop"]
    if math is None:
        return found[0]
    words = [rf"\text{{{marks}}}" if marks else "" for marks in (before, after)]
    text_before, text_after = found.string[: found.start()], found.string[found.end() :]
    apart = [_APART if text_before.endswith("$") else "", _APART if text_after[:1] == "$" else ""]
    return f"{apart[0]}${words[0]}{math}{words[1]}${apart[1]}"


def _in_colour(found: re.Match[str]) -> str:
    return rf"\textcolor{{{SYMBOLS[str(found.lastgroup)]}}}{{{found[0]}}}"
