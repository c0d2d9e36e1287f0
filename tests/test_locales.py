"""Every text in every language: the same keys and placeholders, and every error among them."""

import ast
import json
import string
from pathlib import Path

import pytest

from ddpm_demo.texts import text

PACKAGE = Path(__file__).resolve().parent.parent / "ddpm_demo"
LOCALES = sorted(path for path in (PACKAGE / "texts").iterdir() if any(path.glob("*.json")))
REFERENCE = PACKAGE / "texts" / "en"


def flat(value, prefix=""):
    """{"a": {"b": "text"}} as {"a.b": "text"}."""
    if isinstance(value, dict):
        return {
            key: text
            for name, inner in value.items()
            for key, text in flat(inner, f"{prefix}.{name}" if prefix else name).items()
        }
    return {prefix: value}


def texts(folder):
    """The texts of a language as {"section.key": text}."""

    def no_duplicates(pairs):
        names = [name for name, _ in pairs]
        assert len(names) == len(set(names)), f"{path} has a key twice"
        return dict(pairs)

    found = {}
    for path in sorted(folder.glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=no_duplicates)
        found |= flat(content, path.stem)
    return found


def placeholders(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def user_errors():
    """(place, key, message, names of the parameters) of every UserError in the sources."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "UserError":
                place = f"{path.relative_to(PACKAGE)}:{node.lineno}"
                literal = len(node.args) == 2 and all(
                    isinstance(arg, ast.Constant) and isinstance(arg.value, str)
                    for arg in node.args
                )
                assert literal, f"{place}: key and message must be string literals"
                key, message = (arg.value for arg in node.args)
                yield place, key, message, {word.arg for word in node.keywords} - {"field"}


def test_there_are_english_and_simplified_chinese():
    assert {"en", "zh-CN"} <= {path.name for path in LOCALES}


@pytest.mark.parametrize("path", LOCALES, ids=lambda path: path.stem)
def test_every_language_has_the_same_keys_and_placeholders(path):
    reference, translated = texts(REFERENCE), texts(path)
    assert set(translated) == set(reference)
    for key, words in translated.items():
        assert isinstance(words, str) and words.strip(), key
        assert placeholders(words) == placeholders(reference[key]), key


def test_chinese_is_chinese():
    errors = {
        key: words
        for key, words in texts(REFERENCE.with_name("zh-CN")).items()
        if key.startswith("errors.")
    }
    assert errors
    for key, words in errors.items():
        assert any("\u4e00" <= letter <= "\u9fff" for letter in words), key


def test_every_error_of_the_sources_is_in_the_locale_files():
    reference = texts(REFERENCE)
    missing = {
        key: message
        for _, key, message, _ in user_errors()
        if reference.get(f"errors.{key}") != message
    }
    assert not missing, "not in the English texts, or worded differently: " + json.dumps(
        missing, indent=2
    )


def test_the_sentences_of_errors_are_sentences_with_their_values():
    seen = {}
    for place, key, message, given in user_errors():
        missing = placeholders(message) - given
        assert not missing, f"{place}: {missing} not given"
        # A command to paste or the words of another program may come last.
        assert message.endswith((".", "}")) and "\n" not in message, place
        assert seen.setdefault(key, message) == message, f"{place}: {key} has two wordings"


def test_one_of_a_thing_is_not_many():
    said = [text("en", "common.status_steps", count=count) for count in (0, 1, 2)]
    assert said == ["0 steps", "1 step", "2 steps"]
    assert text("zh-CN", "common.status_steps", count=1) == "1 步"
    assert text("en", "errors.queue_full", count=1).startswith("1 training run is")
