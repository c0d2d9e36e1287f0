"""The Fine-tune tab: pictures in, a training run beside the app, a checkpoint out."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr
from gradio.components import Component

from ....errors import UserError
from ....jobs import training_allowed
from ....texts import text
from ....training.limits import TRAINABLE_PARTS
from ...components import header
from ...components.form import Form
from ...components.notice import notice, notice_html
from ...context import Context, Update
from ...errors import sentence
from ...models import Models
from ...visitors import Visitor, visitor_of
from . import presets, views
from .desk import Desk
from .panel import Panel, connect_panel, watch_panel
from .time_needed import connect_time

TAB = "finetune"


def build(ctx: Context) -> None:
    """Build the tab here."""
    desk = Desk(ctx.models)
    form = Form(ctx, TAB)
    off = gr.HTML(_off_html(ctx.texts.language), elem_classes=["notice"])
    ctx.on_language(lambda language, session: [_off_html(language)], [off])
    with gr.Row(elem_classes=["two-columns"]):
        with gr.Column(elem_classes=["controls"], min_width=280):
            files = ctx.make(
                gr.File,
                {"label": "finetune.files"},
                file_count="multiple",
                file_types=["image", ".zip"],
                type="filepath",
                height=200,
                elem_classes=["drop"],
                interactive=training_allowed(),
            )
            _text(ctx, "finetune.files_help", "hint")
            said = notice()
            _controls(ctx, form)
            time_line = gr.HTML("")
            start_said = notice()  # above the button, which may be the last thing on the screen
            start = ctx.make(
                gr.Button,
                {"value": "finetune.start"},
                variant="primary",
                interactive=training_allowed(),
            )
        with gr.Column(elem_classes=["outputs"]):
            report = gr.HTML(views.report_html(None, ctx.texts.language), elem_classes=["live"])
            panel = watch_panel(ctx, desk)
    ctx.on_language(
        lambda language, session: [views.report_html(desk.drafts.get(session), language)], [report]
    )
    looked = _connect_upload(ctx, desk, form, files, report, said)
    # What was missing is there. A start that went well empties the files, too.
    ctx.quick(files.change, lambda paths: "" if paths else gr.skip(), [files], [start_said])
    connect_time(ctx, desk, form, time_line, looked)
    _connect_defaults(ctx, desk, form)
    refresh = connect_panel(ctx, desk, panel)
    _connect_start(ctx, desk, form, start, [files, report, start_said], panel, refresh)

    def on_unload(request: gr.Request) -> None:
        desk.drafts.forget(request.session_hash or "")

    root = gr.context.Context.root_block
    assert root is not None
    root.unload(on_unload)


def _controls(ctx: Context, form: Form) -> None:
    form.add(
        "base",
        gr.Dropdown,
        {"choices": lambda language: base_choices(ctx.models, language)},
        value=ctx.models.default,
    )
    form.add(
        "preset",
        gr.Radio,
        {"choices": preset_choices},
        value=presets.DEFAULT_PRESET,
        elem_classes=["presets"],
    )
    form.add("title", gr.Textbox, {"placeholder": "finetune.title_placeholder"}, max_lines=1)
    first = presets.PRESETS[presets.DEFAULT_PRESET]
    with form.more_settings():
        with gr.Row():
            form.add("max_steps", gr.Number, value=first.low, precision=0, min_width=80)
            form.add("minutes", gr.Number, value=first.minutes, min_width=80)
        with gr.Row():
            rate = presets.LEARNING_RATES["all"]
            form.add("learning_rate", gr.Number, value=rate, step=1e-5, min_width=80)
            form.add("batch_size", gr.Number, value=presets.BATCH_SIZE, precision=0, min_width=80)
        form.add("train_parts", gr.Dropdown, {"choices": parts_choices}, value="all")
        form.add("flips", gr.Checkbox, value=True)
        with gr.Row():
            form.add("ema_decay", gr.Number, value=0.9995, step=1e-4, min_width=80)
            form.add(
                "seed",
                gr.Number,
                {"info": "finetune.seed_help"},
                value=0,
                precision=0,
                min_width=80,
            )
        form.add(
            "sizes_px",
            gr.Number,
            value=presets.SCRATCH_SIZE_PX,
            precision=0,
            visible=False,
        )


def _connect_upload(
    ctx: Context, desk: Desk, form: Form, files: gr.File, report: gr.HTML, said: gr.HTML
) -> Any:  # noqa: ANN401  a Gradio event
    """Returns the event after which the report is there."""
    controls = form.controls
    outputs = [report, said, controls["max_steps"], controls["batch_size"], *form.error_outputs]

    def on_files(
        request: gr.Request, language: str, paths: list[str] | None, *inputs: Update
    ) -> list[Update]:
        session, values = request.session_hash or "", form.values(inputs)
        who = visitor_of(request)
        return uploaded(desk, form, session, paths or [], values, who, language)

    def on_base(request: gr.Request, language: str, *inputs: Update) -> list[Update]:
        session, values = request.session_hash or "", form.values(inputs)
        return looked_again(desk, form, session, values, language)

    def wait(language: str) -> str:
        return notice_html(text(language, "finetune.reading"), "info")

    told = ctx.quick(files.change, wait, [ctx.language], [said])
    looked = ctx.quick(told.then, on_files, [ctx.language, files, *form.inputs], outputs)
    for field in ("base", "sizes_px"):
        ctx.quick(controls[field].input, on_base, [ctx.language, *form.inputs], outputs)
    return looked


def uploaded(
    desk: Desk,
    form: Form,
    session: str,
    paths: list[str],
    values: Mapping[str, Any],
    who: Visitor,
    language: str,
) -> list[Update]:
    """The report, the notice, the number of steps, the batch and the form's errors after an
    upload."""
    if not paths:
        desk.drafts.forget(session)
        empty = views.report_html(None, language)
        return [empty, "", gr.skip(), gr.skip(), *form.error_updates(None, language)]
    try:
        desk.upload(session, paths, values, who)
    except Exception as error:
        desk.drafts.forget(session)
        return _failed(form, error, language, views.report_html(None, language))
    return _looked(desk, form, session, values, language)


def looked_again(
    desk: Desk, form: Form, session: str, values: Mapping[str, Any], language: str
) -> list[Update]:
    """The same after another checkpoint was chosen to start from."""
    try:
        desk.look_again(session, values)
    except Exception as error:
        return _failed(form, error, language, gr.skip())
    return _looked(desk, form, session, values, language)


def _looked(
    desk: Desk, form: Form, session: str, values: Mapping[str, Any], language: str
) -> list[Update]:
    draft = desk.drafts.get(session)
    steps, batch = gr.skip(), gr.skip()
    if draft is not None and draft.report is not None:
        count = draft.report.num_images
        if fits := draft.fit_batch(values["batch_size"]):
            batch = fits
        size = int(fits or values["batch_size"] or presets.BATCH_SIZE)
        steps = presets.step_budget(values["preset"], count, size)
    shown = views.report_html(draft, language)
    return [shown, "", steps, batch, *form.error_updates(None, language)]


def _failed(form: Form, error: Exception, language: str, shown: Update) -> list[Update]:
    beside = form.field_of(error) is not None
    note = "" if beside else notice_html(sentence(error, language))
    return [shown, note, gr.skip(), gr.skip(), *form.error_updates(error, language)]


def _connect_defaults(ctx: Context, desk: Desk, form: Form) -> None:
    controls = form.controls

    def on_preset(request: gr.Request, preset: str, batch_size: float | None) -> list[Update]:
        draft = desk.drafts.get(request.session_hash or "")
        count = draft.report.num_images if draft and draft.report else None
        chosen = presets.PRESETS.get(preset, presets.PRESETS[presets.DEFAULT_PRESET])
        size = int(batch_size or presets.BATCH_SIZE)
        return [presets.step_budget(preset, count, size), chosen.minutes]

    def on_start_from(base: str, parts: str) -> list[Update]:
        return [presets.learning_rate(base, parts), gr.update(visible=base == presets.SCRATCH)]

    ctx.quick(
        controls["preset"].input,
        on_preset,
        [controls["preset"], controls["batch_size"]],
        [controls["max_steps"], controls["minutes"]],
    )
    for field in ("base", "train_parts"):
        ctx.quick(
            controls[field].input,
            on_start_from,
            [controls["base"], controls["train_parts"]],
            [controls["learning_rate"], controls["sizes_px"]],
        )


def _connect_start(
    ctx: Context,
    desk: Desk,
    form: Form,
    start: gr.Button,
    places: list[Component],
    panel: Panel,
    refresh: Callable[[Any], Any],
) -> None:
    def on_start(
        request: gr.Request, language: str, visitor: str, *inputs: Update
    ) -> list[Update]:
        session = request.session_hash or ""
        who = visitor_of(request, visitor)
        return started(desk, form, session, form.values(inputs), who, language)

    inputs = [ctx.language, panel.key, *form.inputs]
    outputs = [panel.chosen, *places, *form.error_outputs]
    began = ctx.quick(start.click, on_start, inputs, outputs)
    refresh(began.then)


def started(
    desk: Desk,
    form: Form,
    session: str,
    values: Mapping[str, Any],
    who: Visitor,
    language: str,
) -> list[Update]:
    """The chosen run, the files, the report, the notice and the form's errors after Start."""
    try:
        name = desk.start(session, values, who, language)
    except Exception as error:
        note = "" if form.field_of(error) else notice_html(sentence(error, language))
        return [gr.skip(), gr.skip(), gr.skip(), note, *form.error_updates(error, language)]
    labels = list(desk.watch(name, who, language).labels)
    emptied = form.error_updates(None, language, {"title": ""})
    note = notice_html(text(language, "finetune.started"), "info")
    picked = gr.update(choices=labels, value=name)
    return [picked, None, views.report_html(None, language), note, *emptied]


def _text(ctx: Context, key: str, css: str) -> None:
    """A line that follows the language switch."""

    def line(language: str, session: str = "") -> list[str]:
        return [f'<p class="{css}">{html.escape(text(language, key))}</p>']

    shown = gr.HTML(line(ctx.texts.language)[0])
    ctx.on_language(line, [shown])


def base_choices(models: Models, language: str) -> list[tuple[str, str]]:
    """The checkpoints, and a network that knows nothing yet."""
    scratch = (text(language, "finetune.scratch"), presets.SCRATCH)
    return [*header.checkpoint_choices(models, language), scratch]


def preset_choices(language: str) -> list[tuple[str, str]]:
    """(title with its time, name) of the presets."""
    return [(text(language, f"finetune.preset_{name}"), name) for name in presets.PRESETS]


def parts_choices(language: str) -> list[tuple[str, str]]:
    """(title, name) of the parts of a network that can learn alone."""
    return [(text(language, f"finetune.parts_{name}"), name) for name in TRAINABLE_PARTS]


def _off_html(language: str) -> str:
    if training_allowed():
        return ""
    error = UserError(
        "training_off",
        "Fine-tuning is off on this public app; its owner can turn it on by setting "
        "DDPM_DEMO_ALLOW_TRAINING=1.",
    )
    return notice_html(sentence(error, language), "info")
