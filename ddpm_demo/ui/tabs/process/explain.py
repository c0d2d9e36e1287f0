"""Explanations with rendered formulas. The formulas are here, the words in the locales."""

from __future__ import annotations

import re

import gradio as gr

from ....texts import text
from ...context import Context

DELIMITERS = [
    {"left": "$$", "right": "$$", "display": True},
    {"left": "$", "right": "$", "display": False},
]

# Ho et al. 2020 (arXiv:2006.11239): q_step is eq. 2, q_jump and x_t eq. 4, bound eq. 5, posterior
# eq. 6 and 7, kl eq. 8, loss eq. 14, ancestral line 4 of algorithm 2. v is Salimans & Ho 2022
# (arXiv:2202.00512), ddim eq. 12 of Song et al. 2020 (arXiv:2010.02502) without noise.
FORMULAS = {
    "chain": r"$$x_0 \to x_1 \to \dots \to x_{t-1} \to x_t \to \dots \to x_T$$",
    "q_step": r"$$q(x_t \mid x_{t-1}) = \mathcal{N}\big(\sqrt{1-\beta_t}\,x_{t-1},"
    r"\ \beta_t I\big)$$",
    "q_jump": r"$$q(x_t \mid x_0) = \mathcal{N}\big(\sqrt{\bar\alpha_t}\,x_0,"
    r"\ (1-\bar\alpha_t)\,I\big)$$",
    "alpha_bar": r"$\bar\alpha_t = \prod_{s=1}^{t} (1-\beta_s)$",
    "x_t": r"$$x_t = \sqrt{\bar\alpha_t}\,x_0 + \sqrt{1-\bar\alpha_t}\;\varepsilon,"
    r"\qquad \varepsilon \sim \mathcal{N}(0, I)$$",
    "snr": r"$\mathrm{SNR}_t = \bar\alpha_t / (1-\bar\alpha_t)$",
    "posterior": r"$$\begin{aligned} q(x_{t-1} \mid x_t, x_0) &= \mathcal{N}(\tilde\mu_t,"
    r"\ \tilde\beta_t I) \\ \tilde\mu_t &= \tfrac{\sqrt{\bar\alpha_{t-1}}\,\beta_t}"
    r"{1-\bar\alpha_t}\,x_0 + \tfrac{\sqrt{\alpha_t}\,(1-\bar\alpha_{t-1})}{1-\bar\alpha_t}\,x_t"
    r" \\ \tilde\beta_t &= \tfrac{1-\bar\alpha_{t-1}}{1-\bar\alpha_t}\,\beta_t"
    r" \end{aligned}$$",
    "p_step": r"$$p_\theta(x_{t-1} \mid x_t) = \mathcal{N}\big(\mu_\theta(x_t, t),"
    r"\ \sigma_t^2 I\big)$$",
    "x0_hat": r"$$\hat{x}_0 = \frac{x_t - \sqrt{1-\bar\alpha_t}\;\varepsilon_\theta(x_t, t)}"
    r"{\sqrt{\bar\alpha_t}}$$",
    "loss": r"$$L = \mathbb{E}_{x_0,\,t,\,\varepsilon}\,"
    r"\big\|\varepsilon - \varepsilon_\theta(x_t, t)\big\|^2$$",
    "v": r"$v = \sqrt{\bar\alpha_t}\,\varepsilon - \sqrt{1-\bar\alpha_t}\,x_0$",
    "bound": r"$$\begin{aligned} -\log p_\theta(x_0) \le\;& \mathrm{KL}\big(q(x_T|x_0)\,\|\,"
    r"p(x_T)\big) \\ +\;& \textstyle\sum_{t>1} \mathrm{KL}\big(q(x_{t-1}|x_t,x_0)\,\|\,"
    r"p_\theta(x_{t-1}|x_t)\big) \\ -\;& \log p_\theta(x_0|x_1) \end{aligned}$$",
    "kl": r"$$\mathrm{KL}_t = \frac{1}{2\sigma_t^2}\,"
    r"\big\|\tilde\mu_t - \mu_\theta(x_t, t)\big\|^2 + \text{const.}$$",
    "ancestral": r"$$x_{t-1} = \tfrac{1}{\sqrt{\alpha_t}}\Big(x_t - \tfrac{\beta_t}"
    r"{\sqrt{1-\bar\alpha_t}}\,\varepsilon_\theta(x_t, t)\Big) + \sigma_t z$$",
    "ddim": r"$$x_s = \sqrt{\bar\alpha_s}\;\hat{x}_0"
    r" + \sqrt{1-\bar\alpha_s}\;\varepsilon_\theta$$",
    "score": r"$$\nabla_x \log p_\sigma(x) = \frac{\hat{x}_0 - x}{\sigma_t^2}"
    r" = -\frac{\varepsilon_\theta}{\sigma_t}$$",
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
    ("net", r"\\hat\{x\}_0|\\varepsilon_\\theta(?:\(x_t, t\))?|\\mu_\\theta(?:\(x_t, t\))?"),
    ("abar", r"\\bar\\alpha_(?:\{[^}]*\}|\w)"),
    ("eps", r"\\varepsilon"),
    ("x0", r"x_0"),
    ("xt", r"x_(?:\{[^}]*\}|\w)"),
    ("t", r"(?<=\$)t(?=\$|\.\$)|(?<=, )t(?=\))"),
)
_SYMBOL = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _PATTERNS))
_MATH = re.compile(r"\$\$.*?\$\$|\$.*?\$", re.DOTALL)


def explanation(ctx: Context, key: str, *classes: str) -> gr.Markdown:
    """The text "process.<key>" with its formulas, here."""
    return ctx.make(
        gr.Markdown,
        {"value": lambda language: explained(key, language)},
        latex_delimiters=DELIMITERS,
        elem_classes=["explanation", *classes],
    )


def explained(key: str, language: str) -> str:
    """Markdown of the text "process.<key>", the symbols of its formulas in their colours."""
    return coloured(text(language, f"process.{key}", **FORMULAS))


def coloured(markdown: str) -> str:
    """The same with each symbol inside $...$ in its colour of `SYMBOLS`."""
    return _MATH.sub(lambda math: _SYMBOL.sub(_in_colour, math[0]), markdown)


def _in_colour(found: re.Match[str]) -> str:
    return rf"\textcolor{{{SYMBOLS[str(found.lastgroup)]}}}{{{found[0]}}}"
