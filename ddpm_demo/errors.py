"""The one error type for mistakes that a user can mend."""

from __future__ import annotations


class UserError(ValueError):
    """Something the user asked for cannot be done, said in one sentence.

    `key` names the sentence in the interface's locale files (``errors.<key>``) and `params` fill
    its placeholders, so that the interface can say it in the user's language; ``str(error)`` is
    the English sentence, for the command line and for Python.

    Args:
        key: stable name, snake_case.
        message: English sentence with ``{name}`` placeholders: what was wrong and what to do.
        field: the control it is about (``"num_steps"``), None when it is about no single one.
        params: values of the placeholders.
    """

    def __init__(self, key: str, message: str, *, field: str | None = None, **params: object):
        self.key = key
        self.field = field
        self.params = params
        super().__init__(message.format(**params))
