"""Texts of the interface in the visitor's language, and the register that relabels the page.

Every text is in `locales/*.json` as {"section": {"key": "text with {placeholders}"}} and is named
"section.key". Components are made through `Texts.make`, so that one switch can relabel them all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr
from gradio.blocks import Block

LANGUAGES = {"en": "EN", "zh-CN": "中文"}
DEFAULT_LANGUAGE = "en"
_FOLDER = Path(__file__).parent / "locales"

C = TypeVar("C", bound=Block)

# A text is a key, or a function of the language for what is put together (choices of a dropdown).
Text = str | Callable[[str], Any]


@lru_cache(maxsize=8)
def _locale(language: str) -> dict[str, dict[str, str]]:
    path = _FOLDER / f"{language}.json"
    return json.loads(path.read_text(encoding="utf-8"))


def has_text(key: str) -> bool:
    """Whether there is a text called "section.key"."""
    section, _, name = key.partition(".")
    return name in _locale(DEFAULT_LANGUAGE).get(section, {})


def text(language: str, key: str, **params: object) -> str:
    """The text "section.key" with its placeholders filled; "section.key_one" for a count of 1.

    Raises:
        KeyError: neither the language nor English has it.
    """
    section, _, name = key.partition(".")
    language = known_language(language)
    if str(params.get("count")) == "1" and has_text(f"{key}_one"):
        name = f"{name}_one"
    found = _locale(language).get(section, {}).get(name)
    if found is None:
        found = _locale(DEFAULT_LANGUAGE)[section][name]
    return found.format(**params) if params else found


def known_language(language: str | None) -> str:
    """`language` where there is a locale for it, else English."""
    return language if language in LANGUAGES else DEFAULT_LANGUAGE


def negotiate(accept_language: str) -> str:
    """The first language of an Accept-Language header that there is a locale for, else English."""
    for part in accept_language.split(","):
        tag = part.split(";")[0].strip().lower()
        if tag.split("-")[0] == "zh":
            return "zh-CN"
        if tag.split("-")[0] == "en":
            return "en"
    return DEFAULT_LANGUAGE


class Texts:
    """Makes components with texts and remembers which text stands where.

    Args:
        language: of the page as it is built; each visitor's own comes when the page loads.
    """

    def __init__(self, language: str = DEFAULT_LANGUAGE):
        self.language = known_language(language)
        self._entries: list[tuple[Block, dict[str, Text]]] = []

    def make(self, kind: Callable[..., C], texts: Mapping[str, Text], **props: object) -> C:
        """`kind(**props)` with the properties in `texts` taken from the locale."""
        component = kind(**_resolve(texts, self.language), **props)
        self._entries.append((component, dict(texts)))
        return component

    @property
    def components(self) -> list[Block]:
        return [component for component, _ in self._entries]

    def updates(self, language: str) -> list[dict[str, Any]]:
        """One update a component of `components`, with its texts in `language`."""
        return [gr.update(**_resolve(texts, language)) for _, texts in self._entries]


def _resolve(texts: Mapping[str, Text], language: str) -> dict[str, Any]:
    return {
        prop: value(language) if callable(value) else text(language, value)
        for prop, value in texts.items()
    }
