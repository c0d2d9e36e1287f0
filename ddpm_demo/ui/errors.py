"""From an exception to one sentence in the visitor's language."""

from __future__ import annotations

import logging

from ..errors import UserError
from ..texts import text
from ..texts.naming import sentence_of

_log = logging.getLogger(__name__)


def sentence(error: BaseException, language: str, task: str = "") -> str:
    """What to tell the visitor: a `UserError`'s own sentence, one general sentence for the rest.

    The rest goes to the log with its trace, and nothing of it to the page.
    """
    if not isinstance(error, UserError):
        _log.error("unexpected error", exc_info=error)
        return text(language, "errors.unexpected")
    return sentence_of(error, language, task)
