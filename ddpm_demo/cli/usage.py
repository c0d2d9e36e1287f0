"""What argparse says of a command that it does not understand, in the user's language."""

from __future__ import annotations

import re

from ..texts import text
from .language import cli_language

# What argparse says, and the key of the same in our words.
_SAID = (
    (r"the following arguments are required: (?P<names>.+)", "usage_required"),
    (r"unrecognized arguments: (?P<names>.+)", "usage_unknown"),
    (r"argument (?P<name>[^:]+): expected one argument", "usage_no_value"),
    (r"argument (?P<name>[^:]+): expected at least one argument", "usage_no_value"),
    (r"argument (?P<name>[^:]+): invalid int value: (?P<value>.+)", "usage_no_whole_number"),
    (r"argument (?P<name>[^:]+): invalid float value: (?P<value>.+)", "usage_no_number"),
    (
        r"argument (?P<name>[^:]+): invalid choice: (?P<value>.+?) \((?:choose from|maybe) .*\)",
        "usage_choice",
    ),
)


def in_words(message: str) -> str:
    """A message of argparse as a sentence; as it is where nothing better is known."""
    for pattern, key in _SAID:
        found = re.fullmatch(pattern, message, re.S)
        if found:
            return text(cli_language(), f"cli.{key}", **found.groupdict())
    return message
