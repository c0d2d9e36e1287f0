"""The visitor's picture on a stage: read when it arrives, sent from another tab, or an example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from ...errors import UserError
from ...recipes.recipe import Recipe
from ...texts import text
from ..components.form import Form
from ..components.header import title_of
from ..components.live_view import status_html
from ..components.notice import notice_html
from ..context import Context, Update
from ..errors import sentence
from ..stage import Said, Stage
from ..uploads import EXAMPLES_FOLDER
from .pictures import load_picture, size_text

MASK = "painted"


def stage_values(stage: Stage, said: Any) -> dict[str, str | None]:  # noqa: ANN401  any JSON
    """{"image", "painted"} that a form's values have: paths of the picture and of its mask.

    Raises:
        UserError: it names a file that is no upload and no example.
    """
    told = stage.read(said)
    return {
        "image": str(told.upload) if told.upload else None,
        MASK: str(told.mask) if told.mask else None,
    }


def scene_of(stage: Stage, path: str, mask: Image.Image | None = None) -> Update:
    """The scene of an example or a result of another tab, its mask as given and no other.

    Raises:
        UserError: the file is no picture.
    """
    picture = load_picture(path)
    own = path if Path(path).parent == EXAMPLES_FOLDER else None
    name = Path(path).name
    return stage.show(picture, path=own, name=name, mask=mask, clear_mask=mask is None)


def connect_upload(
    ctx: Context,
    stage: Stage,
    form: Form,
    task: type[Recipe],
    status: gr.HTML,
    own_picture: Mapping[str, Any],
    of_result: Sequence[gr.Button],
) -> None:
    """Show what the visitor brings, or say what is wrong with it.

    Args:
        ctx, stage, form, task, status: the tab's; `form` has the stage as its "image".
        own_picture: values that controls take when a visitor brings a picture.
        of_result: buttons that are about the result, which has left the stage then.
    """
    controls = [form.controls[name] for name in own_picture]
    outputs = [stage.component, status, form.notice_of("image"), *controls, *of_result]
    off = [gr.update(interactive=False)] * len(of_result)

    def on_upload(said: Any, language: str) -> list[Update]:  # noqa: ANN401  any JSON
        told = arrived(stage, stage.read(said), language, prior_text(task, language))
        if told[2]:  # refused, and all that is there stays
            return [*told, *[gr.skip()] * (len(controls) + len(off))]
        return [*told, *own_picture.values(), *off]

    # The last of several files is the one that is meant: Gradio drops what comes while it waits.
    latest = {"trigger_mode": "always_last"}
    ctx.quick(stage.on_upload, on_upload, [stage.said, ctx.language], outputs, **latest)
    # What was said of the picture goes with it.
    ctx.quick(
        stage.on_clear,
        lambda: [status_html(""), "", *off],
        None,
        [status, form.notice_of("image"), *of_result],
    )


def prior_text(task: type[Recipe], language: str) -> str:
    """Which checkpoint a picture of one's own goes to; "" where there is none."""
    try:
        name = task.suitable_checkpoint({}, {})
    except UserError:
        return ""
    return text(language, "restoration.goes_to", title=title_of(name, language))


def arrived(stage: Stage, said: Said, language: str, prior: str = "") -> Sequence[Update]:
    """(stage, status, notice) for a picture that has been uploaded; one that is refused takes
    nothing away. `prior` is said beside the size."""
    if said.upload is None:
        return gr.skip(), gr.skip(), ""
    from ...pictures import decode

    try:
        photograph = decode.read(said.upload)
    except UserError as error:
        # The page goes back to what was there before.
        return stage.show(None, turn=said.turn), gr.skip(), notice_html(sentence(error, language))
    notes = [sentence(note, language) for note in photograph.notes]
    told = " · ".join(filter(None, [size_text(photograph.size, language), prior, *notes]))
    shown = {"path": str(said.upload), "name": said.upload_name, "turn": said.turn}
    scene = stage.show(photograph.image, **shown)
    return scene, status_html(told), ""
