"""How long something takes, in words."""

from __future__ import annotations

from . import text


def format_seconds(language: str, seconds: float) -> str:
    """ "1.4 s", "12 s", "3 min 20 s", "2 h 5 min"."""
    if seconds < 9.95:
        return text(language, "common.seconds", seconds=f"{seconds:.1f}")
    if seconds < 99.5:
        return text(language, "common.seconds", seconds=f"{seconds:.0f}")
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        hours, minutes = divmod(minutes, 60)
        return text(language, "common.hours", hours=hours, minutes=minutes)
    return text(language, "common.minutes", minutes=minutes, seconds=rest)
