"""/restore_many: a task on a list of files; the endpoints of one picture stay as they are."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from ..batch.sources import takes_many
from ..errors import UserError
from ..tasks.registry import task_named, tasks
from ..texts import negotiate, text
from ..texts.naming import sentence_of
from .as_tool import as_tool
from .components.as_sent import checkbox, choice, number, plain_text
from .context import MODEL_SLOT
from .many import restore_many
from .models import Models
from .restoration.pictures import picture_input
from .writing import writing_of


def add_many(models: Models) -> None:
    """Add the endpoint to the page under construction."""

    def restore(
        task: str,
        images: list[str] | None,
        fields: dict[str, Any] | None = None,
        mask: str | None = None,
        format: str | None = None,
        quality: int | None = None,
        strip_metadata: bool = True,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> Iterator[tuple[list[str] | None, dict[str, Any]]]:
        language = negotiate((request.headers if request else {}).get("accept-language", ""))
        folder = Path(tempfile.mkdtemp(prefix="ddpm_demo-"))
        try:
            if fields is not None and not isinstance(fields, dict):
                raise UserError(
                    "recipe_invalid",
                    "This is not a recipe that this version understands; set the controls by "
                    "hand.",
                    field="fields",
                )
            how = writing_of(format, quality, strip_metadata)
            chosen = task_named(task)
            stream = restore_many(
                models, chosen, fields or {}, images or [], folder, language, how, mask
            )
            for state in stream:
                told = {"done": state.num_done, "of": state.num_pictures, "pictures": state.rows}
                if state.archive is None:
                    yield None, {**told, "share": round(state.share, 4)}
                else:
                    yield [str(path) for path in state.files], {**told, "share": 1.0}
        except UserError as error:
            said = sentence_of(error, language, "", labels=False)
            raise gr.Error(said, print_exception=False) from error
        finally:
            # Gradio has taken its own copies of the files when it asks for more.
            shutil.rmtree(folder, ignore_errors=True)

    names = [name for name, task in tasks().items() if takes_many(task)]
    said = {
        "task": text("en", "api.many_task"),
        "images": text("en", "api.many_images"),
        "fields": text("en", "api.many_fields"),
        "mask": text("en", "api.many_mask"),
        "format": text("en", "api.format"),
        "quality": text("en", "api.quality"),
        "strip_metadata": text("en", "api.strip_metadata"),
    }
    gr.Button().click(
        as_tool(restore, "restore_many", said),
        [
            choice(names, value=names[0], label=said["task"]),
            gr.File(label=said["images"], file_count="multiple", type="filepath"),
            gr.JSON(None, label=said["fields"]),
            picture_input(label=said["mask"]),
            plain_text("", label=said["format"]),
            number(None, precision=0, label=said["quality"]),
            checkbox(value=True, label=said["strip_metadata"]),
        ],
        [gr.File(label="Pictures", file_count="multiple"), gr.JSON(label="Report")],
        api_name="restore_many",
        api_description=text("en", "api.many"),
        concurrency_limit=1,
        concurrency_id=MODEL_SLOT,
    )
