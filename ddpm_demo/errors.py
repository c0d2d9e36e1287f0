"""The one error type for mistakes that a user can mend."""

from __future__ import annotations

import errno


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

    Attributes:
        others: further mistakes found at the same time, each about another control.
        path: of the file that it is about, where one was named at the command line; else "".
    """

    def __init__(self, key: str, message: str, *, field: str | None = None, **params: object):
        self.key = key
        self.field = field
        self.params = {name: _printable(value) for name, value in params.items()}
        self.others: tuple[UserError, ...] = ()
        self.path = ""
        super().__init__(message.format(**self.params))


def _printable(value: object) -> object:
    """Words of a visitor may have half a character in them, which no answer can carry."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Raise a `UserError` about the control `name` unless low <= value <= high."""
    wrong_type = isinstance(value, bool) or not isinstance(value, int | float)
    # Comparisons alone: a whole number may be larger than any float, and "not a number" fails all.
    if wrong_type or not low <= value <= high:
        raise UserError(
            "range",
            "{name} must be between {low} and {high}, not {value}.",
            field=name,
            name=name,
            low=low,
            high=high,
            value=value,
        )


_FULL = (errno.ENOSPC, errno.EDQUOT)
_MEMORY_WORDS = ("out of memory", "not enough memory", "can't allocate memory")


def of_the_machine(error: BaseException) -> UserError | None:
    """The sentence for what the machine has not enough of; None for any other error."""
    words = str(error).lower()
    no_memory = isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(said in words for said in _MEMORY_WORDS)
    )
    if no_memory or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return UserError(
            "out_of_memory",
            "This machine has too little memory for that; take a smaller picture or fewer of "
            "them at a time.",
        )
    if isinstance(error, OSError) and error.errno in _FULL:
        return UserError(
            "disk_full",
            "There is too little room left on the disk of this machine; make some first.",
        )
    if isinstance(error, OSError) and error.errno == errno.EROFS:
        return UserError("disk_read_only", "The disk of this machine takes no files at present.")
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return UserError(
            "too_many_open", "Too many files are open on this machine; try again in a minute."
        )
    return None
