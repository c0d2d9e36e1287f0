"""From an exception to one sentence in the visitor's language."""

from __future__ import annotations

import logging

from ..errors import UserError
from ..texts import has_text, text

_log = logging.getLogger(__name__)


def sentence(error: BaseException, language: str) -> str:
    """What to tell the visitor: a `UserError`'s own sentence, one general sentence for the rest.

    The rest goes to the log with its trace, and nothing of it to the page.
    """
    if not isinstance(error, UserError):
        _log.error("unexpected error", exc_info=error)
        return text(language, "errors.unexpected")
    if not has_text(f"errors.{error.key}"):
        return str(error)
    params = dict(error.params)
    field = params.get("name")
    if error.key in ("range", "recipe_value") and has_text(f"fields.{field}"):
        params["name"] = text(language, f"fields.{field}")
    return text(language, f"errors.{error.key}", **params)
