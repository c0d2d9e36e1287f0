"""The register of texts on the page: what is labelled how, so that one switch relabels it all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import gradio as gr
from gradio.blocks import Block

from ..texts import DEFAULT_LANGUAGE, known_language, text

C = TypeVar("C", bound=Block)

# A text is a key, or a function of the language for what is put together (choices of a dropdown).
Text = str | Callable[[str], Any]


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
