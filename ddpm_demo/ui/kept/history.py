"""The history as the page gets it: a line of JSON a result, and a zip of all of them."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from ...errors import UserError
from ...texts import LANGUAGES, text
from ...texts.naming import task_title
from ..exports import metadata_of, write_results
from ..head_script import head_script
from .home import Result
from .policy import keeps

_FOLDER = Path(__file__).parent
HISTORY_CSS_PATH = _FOLDER / "history.css"
THUMBNAIL_PX = 72
_SCRIPTS = ("browser", "history", "channels")


def kept_head() -> str:
    """The `<script>` for the head of the page."""
    return head_script(_FOLDER, _SCRIPTS, KEEPS=keeps())


def told(results: Sequence[Result]) -> list[dict[str, Any]]:
    """What the page shows of each result.

    Args:
        results: a visitor's own, the newest first.
    """
    return [
        {
            "id": result.record.id,
            "tab": result.tab,
            "made": round(result.made * 1000),
            "count": len(result.record.images),
            "seed": getattr(result.record.job.recipe, "seed", 0),
            "title": {language: _title(result, language) for language in LANGUAGES},
            "picture": thumbnail(result),
        }
        for result in results
    ]


def _title(result: Result, language: str) -> str:
    """The task's name; a sheet of comparisons is called one."""
    if result.record.job.counts == "cell":
        return text(language, "kept.sheet")
    return task_title(result.tab, language)


def thumbnail(result: Result) -> str:
    """The first picture as a data address; made once."""
    options = result.record.options
    if "thumbnail" not in options:
        small = result.record.images[0].convert("RGB")
        factor = THUMBNAIL_PX / max(small.size)
        size = tuple(max(1, round(side * factor)) for side in small.size)
        hard = factor > 1
        small = small.resize(size, Image.Resampling.NEAREST if hard else Image.Resampling.BOX)
        buffer = io.BytesIO()
        small.save(buffer, "JPEG", quality=82)
        options["thumbnail"] = base64.b64encode(buffer.getvalue()).decode()
    return f"data:image/jpeg;base64,{options['thumbnail']}"


def zip_of(results: Sequence[Result], folder: Path) -> Path:
    """Every picture of the results in a folder for each run, and the run's recipe beside them.

    Args:
        results: a visitor's own.
        folder: that the visitor downloads from.

    Raises:
        UserError: there is nothing.
    """
    if not results:
        raise UserError("nothing_to_download", "There is no result to download yet; run first.")
    target = folder / "ddpm_demo-history.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:  # pictures are packed
        for number, result in enumerate(reversed(results), 1):
            home = folder / "history" / result.record.id
            home.mkdir(parents=True, exist_ok=True)
            name = f"{number:02d}-{result.tab}"
            for path in write_results(result.record, home):
                archive.write(path, f"{name}/{path.name}")
                path.unlink(missing_ok=True)
            recipe = {k: v for k, v in metadata_of(result.record, 0).items() if k != "image_index"}
            content = json.dumps(recipe, indent=2, ensure_ascii=False) + "\n"
            archive.writestr(f"{name}/recipe.json", content)
    return target
