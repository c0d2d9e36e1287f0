"""What tasks, fields and errors are called: the task's own words first, then those for all."""

from __future__ import annotations

from ..errors import UserError
from . import has_text, text

# Errors whose {name} is that of a field.
ABOUT_FIELDS = (
    "choice",
    "compare_same_field",
    "compare_values_missing",
    "numbers_count",
    "range",
    "recipe_value",
)


def task_title(task: str, language: str = "en") -> str:
    """ "Denoise"."""
    key = f"tabs.{task}" if has_text(f"tabs.{task}") else f"{task}.title"
    return text(language, key) if has_text(key) else task


def task_description(task: str, language: str = "en") -> str:
    """What the task does in a sentence."""
    key = f"{task}.description"
    return text(language, key) if has_text(key) else ""


def field_key(task: str, field: str) -> str:
    """The key of the field's label."""
    own = f"{task}.{field}"
    return own if has_text(own) else f"fields.{field}"


def help_key(task: str, field: str) -> str:
    """The key of what the field means."""
    own = f"{task}.{field}_help"
    return own if has_text(own) else f"fields.{field}_help"


def field_label(task: str, field: str, language: str = "en") -> str:
    """ "Noise level"."""
    key = field_key(task, field)
    return text(language, key) if has_text(key) else field


def field_help(task: str, field: str, language: str = "en") -> str:
    """What the field means; "" where its label says it all."""
    key = help_key(task, field)
    return text(language, key) if has_text(key) else ""


def choice_title(task: str, field: str, choice: object, language: str = "en") -> str:
    """A choice in words; the choice itself where there are none."""
    for key in (f"{task}.{field}_{choice}", f"fields.{field}_{choice}"):
        if has_text(key):
            return text(language, key)
    return str(choice)


def unit_text(unit: str, language: str = "en") -> str:
    """ "px"; "" for no unit."""
    return text(language, f"units.{unit}") if unit else ""


def sentence_of(error: UserError, language: str, task: str = "", *, labels: bool = True) -> str:
    """The error in the user's language.

    Args:
        error: what was wrong.
        language: of the user.
        task: whose labels name the fields.
        labels: fields are called as on the page; False for the doors where one types their names.
    """
    if not has_text(f"errors.{error.key}"):
        return str(error)
    params = dict(error.params)
    name = params.get("name")
    if labels and error.key in ABOUT_FIELDS:
        params["name"] = field_label(task, str(name), language)
    elif error.key in ABOUT_FIELDS and language == "zh-CN":
        params["name"] = f"{name} "  # between Latin letters and Chinese words
    return text(language, f"errors.{error.key}", **params)
