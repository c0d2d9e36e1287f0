"""Scripts that the head of the page gets once, with their texts in every language."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ..texts import LANGUAGES, section


def head_script(folder: Path, names: Sequence[str], **known: object) -> str:
    """The `<script>` of a folder's scripts, one after the other: each may use what comes before.

    Args:
        folder: its name is that of the section of the texts, which the scripts know as `WORDS`.
        names: of the scripts, without their ending.
        known: what else they know, by the name of the constant.
    """
    known["WORDS"] = {language: section(language, folder.name) for language in LANGUAGES}
    lines = [f"const {k} = {json.dumps(v, ensure_ascii=False)};" for k, v in known.items()]
    lines += [(folder / f"{name}.js").read_text(encoding="utf-8") for name in names]
    body = "\n".join(["(() => {", *lines, "})();"])
    return "<script>" + body.replace("</", "<\\/") + "</script>"
