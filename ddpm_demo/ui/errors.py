"""From an exception to one sentence in the visitor's language."""

from __future__ import annotations

import logging

from ..core.progress import Stopped
from ..errors import UserError, of_the_machine
from ..texts import text
from ..texts.naming import sentence_of

_log = logging.getLogger(__name__)


def sentence(error: BaseException, language: str, task: str = "", *, labels: bool = True) -> str:
    """What to tell the visitor: a `UserError`'s own sentence, one of memory or room where there is
    too little, one general sentence for the rest.

    The rest goes to the log with its trace, and nothing of it to the page. `labels` says whether
    a field is called as on the page, see `naming.sentence_of`.
    """
    if isinstance(error, Stopped):  # whoever asked has left
        return ""
    if not isinstance(error, UserError):
        known = of_the_machine(error)
        if known is not None:
            _log.warning("%s", error)
            return sentence_of(known, language, task, labels=labels)
        _log.error("unexpected error", exc_info=error)
        return text(language, "errors.unexpected")
    return sentence_of(error, language, task, labels=labels)
