"""Buttons that make a file when pressed and hand it to the browser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from ..context import Context, Update
from ..errors import sentence
from .notice import notice_html

# The file's address is known only when it has been made, so a link is made and clicked then.
SAVE = """(file) => {
  if (!file || !file.url) return;
  const link = document.createElement("a");
  link.href = file.url;
  link.download = file.orig_name || "";
  document.body.append(link);
  link.click();
  link.remove();
}"""

MakeFile = Callable[[str, str], Path]


@dataclass(frozen=True)
class Downloads:
    """Download buttons, off until there is something to download."""

    buttons: Sequence[gr.Button]

    def updates(self, available: bool) -> list[dict[str, Any]]:
        """One update a button."""
        return [gr.update(interactive=available) for _ in self.buttons]


def downloads(
    ctx: Context, kinds: dict[str, str], make_file: MakeFile, notice: Component
) -> Downloads:
    """Make a row of buttons here.

    Args:
        ctx: the page.
        kinds: text key of each button by the kind that `make_file` gets.
        make_file: (kind, session) -> path of the new file; may raise `UserError`.
        notice: where a sentence goes when no file could be made.
    """
    with gr.Row(elem_classes=["downloads"]):
        buttons = {
            kind: ctx.make(gr.Button, {"value": key}, size="sm", interactive=False, min_width=60)
            for kind, key in kinds.items()
        }
        # One for each button: two downloads at a time must not swap their files.
        files = {kind: gr.File(visible=False) for kind in kinds}
    for kind, button in buttons.items():

        def on_click(language: str, request: gr.Request, kind: str = kind) -> tuple[Update, str]:
            try:
                return str(make_file(kind, request.session_hash or "")), ""
            except Exception as error:
                return None, notice_html(sentence(error, language))

        made = ctx.quick(button.click, on_click, [ctx.language], [files[kind], notice])
        ctx.quick(made.then, None, [files[kind]], None, js=SAVE)
    return Downloads(list(buttons.values()))
