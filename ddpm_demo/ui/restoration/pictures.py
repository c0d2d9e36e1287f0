"""The picture to restore: its box, what is said of it, and which prior suits it."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from ...errors import UserError
from ...texts import text
from ..components import header
from ..components.derived import derived
from ..components.form import Form
from ..components.notice import notice, notice_html
from ..context import Context, Update
from ..errors import sentence
from ..models import Models
from ..uploads import EXAMPLES_FOLDER

SOURCES = ["upload", "clipboard", "webcam"]

Size = tuple[int, int]

# (size of the upload, values of the fields it watches) -> size of the result
Target = Callable[[Size, Mapping[str, Any]], Size]


def example_path(name: str) -> str:
    """Path of a picture in `ui/examples`."""
    return str(EXAMPLES_FOLDER / name)


def _path_as_uploaded(self: gr.Image, payload: Any) -> Any:  # noqa: ANN401  Gradio's own types
    if payload is None or not payload.path:
        return gr.Image.preprocess(self, payload)
    return payload.path


_UploadedImage = derived(gr.Image, "_UploadedImage", __name__, preprocess=_path_as_uploaded)


def picture_input(**props: Any) -> gr.Image:  # noqa: ANN401  whatever gr.Image takes
    """An image component whose value is the path of the file as it was uploaded.

    Gradio would decode it on its own terms, and a file that it cannot read would never reach a
    handler that says so.
    """
    return _UploadedImage(
        type="filepath", format="png", image_mode=None, sources=SOURCES, buttons=[], **props
    )


def load_picture(path: str | None, field: str = "image") -> Image.Image:
    """The uploaded picture, upright and in 8 bits.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    from ...pictures.images import load_image

    if not path:
        raise UserError("picture_missing", "Give a picture first.", field=field)
    try:
        return load_image(path)
    except UserError as error:
        error.field = field
        raise


def picture_to_restore(path: str | None) -> Image.Image:
    """As `load_picture`, of a size that can be restored at all.

    Raises:
        UserError: there is none, it cannot be read, or it is too small.
    """
    from ...restoration.fit import check_side

    picture = load_picture(path)
    check_side(*picture.size)
    return picture


@dataclass(frozen=True)
class PictureBox:
    """A picture, what is said of it, and the prior that is proposed for it.

    Args:
        image: the upload; its value is a path.
        facts: size in words, or what is wrong.
        reduce: whether a picture that is too large is reduced; seen only with such a one.
        advice: why another checkpoint would do better.
        use: takes that checkpoint.
        proposed: its name, None for no proposal.
    """

    image: gr.Image
    facts: gr.HTML
    reduce: gr.Checkbox
    advice: gr.HTML
    use: gr.Button
    proposed: gr.State

    @property
    def outputs(self) -> list[Component]:
        return [self.facts, self.reduce, self.advice, self.use, self.proposed]


def picture_box(ctx: Context, form: Form, example: str, height: int = 220) -> PictureBox:
    """Make the box here, with an example in it; `connect_picture` makes it speak."""
    image = form.add_picture(
        "image",
        picture_input,
        value=example_path(example),
        height=height,
        elem_classes=["picture-in", "pixels"],
    )
    with Image.open(example_path(example)) as picture:
        size = picture.size
    facts = gr.HTML(facts_html(size_text(size, ctx.texts.language)), elem_classes=["notice"])
    reduce = form.add("reduce", gr.Checkbox, value=False, visible=False)
    advice = notice()
    use = gr.Button("", size="sm", visible=False, elem_classes=["use-prior"])
    return PictureBox(image, facts, reduce, advice, use, gr.State(None))


def connect_picture(
    ctx: Context, form: Form, box: PictureBox, target: Target, watched: tuple[str, ...] = ()
) -> None:
    """Say what the picture is and propose a prior whenever something changes.

    Args:
        ctx, form, box: of the tab.
        target: the size of the result.
        watched: fields that `target` looks at.
    """

    def on_change(
        language: str, checkpoint: str, path: str | None, *inputs: Update
    ) -> list[Update]:
        values = dict(zip(watched, inputs, strict=True))
        return picture_updates(ctx.models, path, values, checkpoint, target, language)

    controls = [form.controls[field] for field in watched]
    inputs = [ctx.language, ctx.checkpoint, box.image, *controls]
    triggers = [box.image.change, ctx.checkpoint.change, ctx.language.change]
    triggers += [control.change for control in controls]
    for trigger in triggers:
        ctx.quick(trigger, on_change, inputs, box.outputs, trigger_mode="always_last")

    def on_use(name: str | None) -> Update:
        return name or gr.skip()

    ctx.quick(box.use.click, on_use, [box.proposed], [ctx.checkpoint])


def picture_updates(
    models: Models,
    path: str | None,
    values: Mapping[str, Any],
    checkpoint: str,
    target: Target,
    language: str,
) -> list[Update]:
    """For `PictureBox.outputs`."""
    hidden = gr.update(visible=False)
    if not path:
        return ["", hidden, "", hidden, None]
    try:
        size = picture_to_restore(path).size
    except UserError as error:
        return [notice_html(sentence(error, language)), hidden, "", hidden, None]
    result = target(size, values)
    facts = size_text(size, language)
    too_large = _is_too_large(models, checkpoint, result)
    if too_large:
        facts = text(language, "restoration.too_large", size=facts, limit=f"{_limit():.1f}")
    advice, use, better = "", hidden, proposal(models, checkpoint, result)
    if better is not None:
        why, button = proposal_text(models, checkpoint, better, language)
        advice, use = notice_html(why, "info"), gr.update(value=button, visible=True)
    return [facts_html(facts), gr.update(visible=too_large), advice, use, better]


def facts_html(words: str) -> str:
    return f'<p class="hint">{html.escape(words)}</p>'


def proposal(models: Models, checkpoint: str, size: Size) -> str | None:
    """Name of the checkpoint that suits any picture, None where the one chosen takes that size.

    A prior of objects cuts other pictures to its own square; only then is another one proposed.
    """
    from ...restoration.fit import fit, suitable_checkpoint

    info = models.peek(checkpoint)
    if info is None or fit(info, *size).how != "square":
        return None
    better = suitable_checkpoint(models.infos())
    return None if better is None or better.name == checkpoint else better.name


def proposal_text(models: Models, checkpoint: str, better: str, language: str) -> tuple[str, str]:
    """(why, the button's text)."""
    chosen, other = models.info(checkpoint), models.info(better)
    name = header.title(other, language)
    key = "restoration.other_photo" if other.prior == "photo" else "restoration.other_object"
    chosen_name = header.title(chosen, language)
    why = text(language, key, size=chosen.size_px, chosen=chosen_name, better=name)
    return why, text(language, "restoration.use_prior", name=name)


def _is_too_large(models: Models, checkpoint: str, size: Size) -> bool:
    info = models.peek(checkpoint)
    if info is None or info.prior != "photo":
        return False
    return size[0] * size[1] > _limit() * 1e6


def _limit() -> float:
    """Megapixels that a single result may have."""
    from ...restoration.fit import max_pixels

    return max_pixels(1) / 1e6


def size_text(size: Size, language: str) -> str:
    """ "512 × 384 pixels, 0.2 megapixels"."""
    width, height = size
    key = "restoration.size" if width * height >= 1e5 else "restoration.size_small"
    megapixels = f"{width * height / 1e6:.1f}"
    return text(
        language,
        key,
        width=width,
        height=height,
        **({"megapixels": megapixels} if key == "restoration.size" else {}),
    )
