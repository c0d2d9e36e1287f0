"""What `--help` says of the options, in the user's language: a command's own words first, then
those for all commands."""

from __future__ import annotations

import argparse

from ..texts import has_text, text
from .language import cli_language


def tell_options(parser: argparse.ArgumentParser, command: str = "") -> None:
    """Give every option that has no words yet those of the texts: `commands.<command>_<option>`,
    else `cli.<option>`. In them "{default}" is the option's."""
    for action in parser._actions:
        keys = (f"commands.{command}_{action.dest}", f"cli.{action.dest}")
        key = next(filter(has_text, keys), None)
        if action.help is None and key is not None:
            words = text(cli_language(), key)
            action.help = plain(words).replace("{default}", "%(default)s")


def plain(words: str) -> str:
    """argparse takes a per cent sign for a placeholder."""
    return words.replace("%", "%%")
