"""The line above Start: how long the run will take on this machine."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import gradio as gr

from ....errors import UserError
from ....texts import text
from ...components.form import Form
from ...context import Context
from .desk import Desk
from .views import duration


def connect_time(ctx: Context, desk: Desk, form: Form, line: gr.HTML, looked: Any) -> None:  # noqa: ANN401
    """Measure after an upload (`looked`) and whenever something changes that a step depends on.

    Args:
        ctx, desk, form: the tab's.
        line: where it is said.
        looked: the event after which there is a report.
    """
    controls = form.controls
    inputs = [ctx.language, *form.inputs]

    def announce(request: gr.Request, language: str, *values: Any) -> str:  # noqa: ANN401
        return time_html(desk, request.session_hash or "", form.values(values), language)

    def measure(request: gr.Request, language: str, *values: Any) -> str:  # noqa: ANN401
        session = request.session_hash or ""
        return measured_html(desk, session, form.values(values), language)

    triggers = [looked.then, controls["base"].input, controls["train_parts"].input]
    triggers += [controls["batch_size"].blur, controls["sizes_px"].blur]
    for trigger in triggers:
        announced = ctx.quick(trigger, announce, inputs, [line])
        ctx.quick(announced.then, measure, inputs, [line])
    for field in ("max_steps", "minutes"):
        ctx.quick(controls[field].change, announce, inputs, [line])
    ctx.quick(ctx.language.change, announce, inputs, [line])


def time_html(desk: Desk, session: str, values: Mapping[str, Any], language: str) -> str:
    """The time by what has been measured; that it is being measured where nothing has been."""
    if desk.drafts.get(session) is None:
        return ""
    try:
        config = desk.config(values)
    except UserError:  # told beside its control when the run is started
        return ""
    seconds = desk.estimates.known(config)
    if seconds is None:
        return _hint(text(language, "finetune.time_measuring"))
    steps, limit_s = config.max_steps or 0, 3600 * (config.max_hours or 0)
    params = {
        "steps": f"{steps:,}",
        "time": duration(language, steps * seconds),
        "step": f"{seconds:.2g}",
    }
    said = text(language, "finetune.time_needed", **params)
    if limit_s and steps * seconds > limit_s:
        done = f"{int(limit_s / seconds):,}"
        limit = duration(language, limit_s)
        said += " " + text(language, "finetune.time_limit", steps=done, time=limit)
    return _hint(said)


def measured_html(desk: Desk, session: str, values: Mapping[str, Any], language: str) -> str:
    """The same after measuring what is not known yet, or that it cannot be measured now."""
    if desk.drafts.get(session) is None:
        return ""
    try:
        if desk.estimates.measure(desk.config(values)) is None:
            return _hint(text(language, "finetune.time_unknown"))
    except UserError:
        return ""
    return time_html(desk, session, values, language)


def _hint(said: str) -> str:
    return f'<p class="hint">{html.escape(said)}</p>'
