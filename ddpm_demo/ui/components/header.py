"""The line above the tabs: name, checkpoint, its card, device, language."""

from __future__ import annotations

import html
from collections.abc import Iterable

import gradio as gr

from ...checkpoints.hub import parse_hub_id
from ...checkpoints.library import CheckpointInfo, list_checkpoints
from ...texts import LANGUAGES, text
from ..errors import sentence
from ..models import Models
from ..relabel import Texts
from .notice import notice_html


def brand(texts: Texts) -> gr.HTML:
    """The name of the program, as the page's heading, and what it is in one line."""
    return texts.make(gr.HTML, {"value": brand_html}, elem_classes=["brand"], min_width=0)


def brand_html(language: str) -> str:
    """Name and line."""
    return f"<h1>ddpm_demo</h1><p>{html.escape(text(language, 'common.tagline'))}</p>"


def language_switch(texts: Texts) -> gr.Radio:
    """EN | 中文."""
    return texts.make(
        gr.Radio,
        {"label": "common.language"},
        choices=[(name, code) for code, name in LANGUAGES.items()],
        value=texts.language,
        show_label=False,
        container=False,
        elem_classes=["language"],
        min_width=0,
        interactive=True,
    )


def checkpoint_picker(texts: Texts, models: Models) -> gr.Dropdown:
    """The checkpoints by title; a Hub id can be typed."""
    return texts.make(
        gr.Dropdown,
        {
            "label": "common.checkpoint",
            "choices": lambda language: checkpoint_choices(models, language),
        },
        value=models.default,
        allow_custom_value=True,
        filterable=True,
        elem_classes=["checkpoint"],
        min_width=220,
    )


def picker_css(tabs: Iterable[str]) -> str:
    """Hides the checkpoint and its card on these tabs, which have a checkpoint of their own: what
    suits the picture. A rule and no handler: it holds at once, however a tab was opened."""
    opened = ",".join(f'[role=tab][aria-selected=true][data-tab-id="{tab}"]' for tab in tabs)
    hidden = (".form:has(> .checkpoint)", ".card-slot")
    rules = ",".join(f"body:has({opened}) .header {part}" for part in hidden)
    return f"{rules}{{display:none!important}}"


def checkpoint_choices(models: Models, language: str) -> list[tuple[str, str]]:
    """("Drawn faces, 64 × 64 colour", "faces-64") for each checkpoint."""
    return [
        (f"{info.title_in(language)} · {_takes(info, language)}", info.name)
        for info in models.infos()
    ]


def title_of(name: str, language: str) -> str:
    """The title of the checkpoint of that name; the name where there is none here."""
    found = next((info for info in list_checkpoints() if info.name == name), None)
    return found.title_in(language) if found is not None else name


def _takes(info: CheckpointInfo, language: str) -> str:
    """The size of its pictures; what takes any size has none, whatever it was trained at."""
    if info.prior != "photo":
        return shape(info, language)
    key = "common.shape_any_grey" if info.channels == 1 else "common.shape_any_colour"
    return text(language, key)


def shape(info: CheckpointInfo, language: str) -> str:
    """ "64 × 64 colour"."""
    key = "common.shape_grey" if info.channels == 1 else "common.shape_colour"
    return text(language, key, size=info.size_px)


def announce(models: Models, name: str, language: str) -> tuple[str, str]:
    """(card, notice) before `look_up`: says so when the Hub will be asked."""
    if models.peek(name) is None and parse_hub_id(name) is not None:
        return "", notice_html(text(language, "common.looking_up", name=name), "info")
    return card_html(models, name, language), ""


def look_up(models: Models, name: str, before: str, language: str) -> tuple[str, str, str]:
    """(card, notice, the name that is chosen now) for the name chosen or typed; a Hub id is
    fetched, which takes its time. What is no checkpoint does not stay chosen: `before` does."""
    try:
        models.info(name)
    except Exception as error:
        said = sentence(error, language)
        kept = models.peek(before)
        if kept is None:
            return "", notice_html(said), name
        stays = text(language, "common.checkpoint_stays", title=kept.title_in(language))
        space = "" if language == "zh-CN" else " "
        return card_html(models, before, language), notice_html(said + space + stays), before
    return card_html(models, name, language), "", name


def card_html(models: Models, name: str, language: str) -> str:
    """The chosen checkpoint's card, folded; empty when there is no such checkpoint."""
    info = models.peek(name)
    if info is None:
        return ""
    unknown = text(language, "common.card_unknown")
    seen = f"{info.samples_seen:,}" if info.samples_seen is not None else unknown
    rows = {
        "card_name": info.name,
        "card_size": shape(info, language),
        "card_data": info.data or unknown,
        "card_license": info.license or unknown,
        "card_samples_seen": seen,
        "card_parameters": f"{info.num_parameters:,}",
        "card_weights": info.weight_hash,
    }
    items = "".join(
        f"<dt>{html.escape(text(language, f'common.{key}'))}</dt><dd>{html.escape(value)}</dd>"
        for key, value in rows.items()
    )
    summary = html.escape(text(language, "common.card"))
    heading = html.escape(info.title_in(language))
    others = html.escape(text(language, "common.card_others"))
    return (
        f'<details class="card"><summary>{summary}</summary><div class="card-body">'
        f"<h2>{heading}</h2><dl>{items}</dl><p>{others}</p></div></details>"
    )


def device_html(language: str) -> str:
    """ "Device: CPU, 2 threads". Loads torch."""
    import torch

    from ...core.device import default_device, describe

    device = default_device()
    words = describe(device)
    if device.type == "cpu":
        words = text(language, "common.device_cpu", count=torch.get_num_threads())
    line = text(language, "common.device", name=words)
    return f'<span class="device-text">{html.escape(line)}</span>'
