"""The language of the command line: `DDPM_DEMO_LANGUAGE`, else that of the shell."""

from __future__ import annotations

import os

from ..errors import UserError
from ..texts import DEFAULT_LANGUAGE, known_language
from ..texts.naming import sentence_of

VARIABLE = "DDPM_DEMO_LANGUAGE"


def cli_language() -> str:
    """ "en" or "zh-CN"."""
    for name in (VARIABLE, "LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(name):
            return known_language(os.environ[name])
    return DEFAULT_LANGUAGE


def sentence(error: UserError) -> str:
    """What went wrong, or a note; fields are called what one types."""
    return sentence_of(error, cli_language(), labels=False)
