"""Texts in the user's language, for every door.

Every text is in `<language>/<section>.json` as {"key": "text with {placeholders}"} and is named
"section.key".
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

LANGUAGES = {"en": "EN", "zh-CN": "中文"}
DEFAULT_LANGUAGE = "en"
_FOLDER = Path(__file__).parent


@lru_cache(maxsize=8)
def _locale(language: str) -> dict[str, dict[str, str]]:
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((_FOLDER / language).glob("*.json"))
    }


def add_section(language: str, section: str, path: Path) -> None:
    """Take the texts of a file as a section of their own, or on top of those there are."""
    known = _locale(language).setdefault(section, {})
    known.update(json.loads(path.read_text(encoding="utf-8")))


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


def section(language: str, name: str) -> dict[str, str]:
    """All texts of a section by name, placeholders unfilled, English where there is no other."""
    return {**_locale(DEFAULT_LANGUAGE)[name], **_locale(known_language(language)).get(name, {})}


def known_language(language: str | None) -> str:
    """The locale for `language` in any spelling ("zh", "zh_CN.UTF-8"), English for no such."""
    asked = language or ""
    if asked in LANGUAGES:
        return asked
    return negotiate(asked.replace("_", "-").replace(".", "-"))


def negotiate(accept_language: str) -> str:
    """The first language of an Accept-Language header that there is a locale for, else English."""
    for part in accept_language.split(","):
        tag = part.split(";")[0].strip().lower()
        if tag.split("-")[0] == "zh":
            return "zh-CN"
        if tag.split("-")[0] == "en":
            return "en"
    return DEFAULT_LANGUAGE
