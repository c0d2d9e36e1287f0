"""Run and Cancel, in the same place on every tab, with room for a sentence under them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from ..context import Context
from .notice import notice


@dataclass(frozen=True)
class RunBar:
    """Run, Cancel and the notice under them."""

    run: gr.Button
    cancel: gr.Button
    notice: gr.HTML


def run_bar(ctx: Context, run_key: str = "common.run") -> RunBar:
    """Make the bar here."""
    with gr.Row(elem_classes=["run-bar"]):
        run = ctx.make(gr.Button, {"value": run_key}, variant="primary", min_width=80)
        cancel = ctx.make(
            gr.Button, {"value": "common.cancel"}, interactive=False, variant="stop", min_width=80
        )
    return RunBar(run, cancel, notice())


def buttons(running: bool) -> list[dict[str, Any]]:
    """Updates for [run, cancel]."""
    return [gr.update(interactive=not running), gr.update(interactive=running)]
