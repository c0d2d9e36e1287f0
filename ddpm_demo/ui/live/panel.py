"""The panel beside the stage: a switch, the plane, what was kept; and what answers it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import gradio as gr
from gradio.components import Component

from ...checkpoints.library import CheckpointInfo
from ...samplers.table import few_steps_of
from ..context import Context, Update
from ..head_script import head_script
from ..stage_view import StageView
from .answer import answer, kept_of

_FOLDER = Path(__file__).parent
CSS_PATH = _FOLDER / f"{_FOLDER.name}.css"
_SCRIPTS = ("places", "parts", "panel", "mount")
_THERE = "window.ddpmLive"
# Of the tab's controls; the others are what a few-step checkpoint is for.
FIELDS = ("num_steps", "size_px", "precision")


def head() -> str:
    """The `<script>` for the head of the page."""
    return head_script(_FOLDER, _SCRIPTS)


def keep(view: StageView, asked: Update, session: str) -> None:
    """Put the picture that is to be kept into the visitor's history, with what makes it again."""
    ctx = view.ctx
    index = asked.get("keep") if isinstance(asked, dict) else None
    kept = kept_of(ctx.store.result(session, view.tab), index)
    if kept is None:
        return
    recipe = kept.job.recipe
    values = ctx.task_tabs[view.tab].control_values(recipe)
    kept.given = {**values, "checkpoint": recipe.checkpoint}
    ctx.keeper.add(session, view.tab, kept)


def taken(asked: Update, num_steps: Update, infos: Sequence[CheckpointInfo]) -> list[Update]:
    """[the checkpoint that was offered, the number of steps]: one that was set for another
    checkpoint, and that this one cannot take, is left to it again."""
    name = asked.get("offer") if isinstance(asked, dict) else None
    info = next((info for info in infos if info.name == name), None)
    if info is None:
        return [gr.skip(), gr.skip()]
    return [name, gr.skip() if num_steps in few_steps_of(info) else None]


class LivePanel:
    """Make it where it is to stand, then `connect` it when the tab's stage and controls are there.

    Args:
        ctx: the page.
        stage: name of the stage that shows the pictures.
    """

    def __init__(self, ctx: Context, stage: str):
        self.ctx = ctx
        options = json.dumps({"stage": stage})
        self.answer = gr.HTML(
            {},
            html_template='<div class="live-mount"></div>',
            js_on_load=f"{_THERE} && {_THERE}.mount(element, props, watch, {options});",
            apply_default_css=False,
            elem_id="live",
            elem_classes=["live-block"],
        )
        self.asked = gr.HTML(
            {},
            html_template='<div class="live-asked"></div>',
            # Gradio offers the events that this text names in quotation marks.
            js_on_load=f'{_THERE} && {_THERE}.listen(props, trigger, ["input", "select"]);',
            apply_default_css=False,
            visible="hidden",
            elem_id="live-asked",
        )

    def connect(self, view: StageView, controls: Mapping[str, Component]) -> None:
        """Let the panel's requests be answered.

        Args:
            view: the tab's stage and what stands below it.
            controls: of the tab, by field.
        """
        ctx, names = self.ctx, [name for name in FIELDS if name in controls]
        outputs = [*view.frame_outputs, self.answer, *view.result_outputs]

        def on_asked(
            request: gr.Request, language: str, asked: Update, checkpoint: str, *given: Update
        ) -> list[Update]:
            values = {"checkpoint": checkpoint, **dict(zip(names, given, strict=True))}
            return answer(view, asked, values, language, request.session_hash or "")

        inputs = [ctx.language, self.asked, ctx.checkpoint, *(controls[name] for name in names)]
        # The page sends one at a time itself.
        ctx.quick(self.asked.input, on_asked, inputs, outputs, trigger_mode="multiple")

        def on_offer(asked: Update, num_steps: Update) -> list[Update]:
            return taken(asked, num_steps, ctx.models.infos())

        steps = controls["num_steps"]
        ctx.quick(self.asked.select, on_offer, [self.asked, steps], [ctx.checkpoint, steps])

        def on_keep(request: gr.Request, asked: Update) -> None:
            keep(view, asked, request.session_hash or "")

        # The history is told of it as of the end of a run.
        ctx.after_run(ctx.quick(self.asked.select, on_keep, [self.asked], None))
        again = f"() => {{ if ({_THERE}) {_THERE}.again(); }}"
        for control in (ctx.checkpoint, *(controls[name] for name in names)):
            ctx.quick(control.change, None, None, None, js=again)
