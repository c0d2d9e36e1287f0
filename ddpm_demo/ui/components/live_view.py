"""The live view: x_t and x0_hat side by side, and the status line under them.

The page's `gr.HTML` changes only the attributes that differ, so from step to step the two `img`
elements stay and nothing flickers.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr
from PIL import Image

from ...texts import text
from ..context import Context

# Below this many pixels, single picture or grid cell, pixels are drawn hard.
SMOOTH_FROM_PX = 129
PANES = ("x_t", "x0_hat")


@dataclass(frozen=True)
class LiveView:
    """The components of a live view.

    Args:
        view: give it `live_html(...)`.
        status: give it `status_html(...)`.
        names: of its panes.
    """

    view: gr.HTML
    status: gr.HTML
    names: tuple[str, ...] = PANES


def live_view(ctx: Context, names: Sequence[str] = PANES) -> LiveView:
    """Make the view and the status line here, empty, with a line that says what will come."""
    view = gr.HTML(empty_html(ctx.texts.language, names), elem_classes=["live"])
    status = gr.HTML(status_html(""), elem_classes=["status"])
    return LiveView(view, status, tuple(names))


def empty_html(language: str, names: Sequence[str] = PANES) -> str:
    """The view before the first run."""
    panes = []
    for name in names:
        hint = html.escape(text(language, f"common.hint_{name}"))
        caption = text(language, f"common.{name}")
        panes.append(_pane(caption, "", f'<p class="live-hint">{hint}</p>', name))
    return f'<div class="{_panes_class(len(panes))}">{"".join(panes)}</div>'


def live_html(
    language: str,
    x_t: Image.Image,
    x0_hat: Image.Image,
    *,
    eps: Image.Image | None = None,
    num_shown: int = 1,
    num_images: int = 1,
    smooth: bool | None = None,
) -> str:
    """The view with two pictures.

    Args:
        language: of the captions.
        x_t, x0_hat: 8-bit pictures or grids.
        eps: the predicted noise, as a third picture.
        num_shown, num_images: "first 64 of 256" is said when they differ.
        smooth: enlarge smoothly; None to judge by the size of one picture in the grid.
    """
    if smooth is None:
        columns = -(-(num_shown**0.5) // 1)
        smooth = x_t.width / columns >= SMOOTH_FROM_PX
    note = ""
    if num_shown < num_images:
        note = text(language, "common.first_of", shown=num_shown, total=num_images)
    panes = [
        _pane(text(language, "common.x_t"), note, _img(x_t, smooth), "x_t"),
        _pane(text(language, "common.x0_hat"), note, _img(x0_hat, smooth), "x0_hat"),
    ]
    if eps is not None:
        panes.append(_pane(text(language, "common.eps"), note, _img(eps, smooth), "eps"))
    return f'<div class="{_panes_class(len(panes))}">{"".join(panes)}</div>'


def status_html(line: str, busy: bool = False) -> str:
    """The status line; `busy` shows that work is going on."""
    state = "busy" if busy else "idle" if line else "idle empty"
    return f'<p class="status-line {state}" role="status">{html.escape(line) or "&nbsp;"}</p>'


def picture_html(image: Image.Image, alt: str = "", smooth: bool | None = None) -> str:
    """One picture, enlarged by the largest whole factor that fits what is around it."""
    if smooth is None:
        smooth = max(image.size) >= SMOOTH_FROM_PX
    return _img(image, smooth, alt)


def pane_html(caption: str, content: str, name: str = "") -> str:
    """A caption over a stage with one picture of `picture_html`."""
    return _pane(caption, "", content, name)


def _panes_class(count: int) -> str:
    return "panes" if count == 2 else f"panes panes-{count}"


def data_uri(image: Image.Image) -> str:
    """The picture as a PNG in a data: address, made fast rather than small."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _pane(caption: str, note: str, picture: str, name: str) -> str:
    note = f' <span class="pane-note">{html.escape(note)}</span>' if note else ""
    caption = f"<figcaption>{html.escape(caption)}{note}</figcaption>"
    stage = f'<div class="stage">{picture}</div>'
    return f'<figure class="pane" data-pane="{name}">{caption}{stage}</figure>'


def _img(image: Image.Image, smooth: bool, alt: str = "") -> str:
    kind = "smooth" if smooth else "hard"
    size = f"--w:{image.width};--h:{image.height}"
    source, alt = data_uri(image), html.escape(alt)
    return f'<img class="px {kind}" style="{size}" src="{source}" alt="{alt}">'
