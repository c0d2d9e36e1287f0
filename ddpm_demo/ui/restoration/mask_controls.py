"""The mask of the Inpaint tab: painted, a box, a preset, a picture, or the surroundings."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import gradio as gr
from PIL import Image

from ...errors import UserError
from ...pictures import masks
from ...texts import text
from ..components.form import Form
from ..components.live_view import picture_html
from ..components.notice import notice_html
from ..context import Context, Update
from ..errors import sentence
from .pictures import example_path, load_picture, picture_input

PAINT, BOX, PRESET, PICTURE, EXPAND = "paint", "box", "preset", "picture", "expand"
WAYS = (PAINT, PRESET, BOX, PICTURE, EXPAND)
SIDES = ("left", "top", "right", "bottom")
_BOX_EDGES = {"left": 30, "top": 30, "right": 70, "bottom": 70}

CANVAS_PX = 512
# Seen on light and on dark pictures; which colour it is does not matter to the mask.
PAINT_COLOUR = "#e6007e"
_BRUSH_PX = 24
_PREVIEW_PX = 512

# Which controls belong to which way.
_OF_WAY = {
    PAINT: ("painted",),
    BOX: tuple(f"box_{side}" for side in SIDES),
    PRESET: ("preset",),
    PICTURE: ("mask_image",),
    EXPAND: tuple(f"expand_{side}" for side in SIDES),
}


def mask_controls(ctx: Context, form: Form, example: str) -> None:
    """Make the controls here and connect them; the picture's control is there already."""
    form.add("mask", gr.Radio, {"choices": way_choices}, value=PRESET, elem_classes=["choices"])
    with Image.open(example_path(example)) as file:
        picture = file.convert("RGB")
    with gr.Column(visible=False, elem_classes=["editor-slot"]) as editor_slot:
        form.add_picture("painted", _editor, value=canvas_value(picture))
    form.add("preset", gr.Dropdown, {"choices": preset_choices}, value="centre")
    edge = {"minimum": 0, "maximum": 100, "step": 1, "visible": False, "min_width": 100}
    for pair in (SIDES[::2], SIDES[1::2]):
        with gr.Row():
            for side in pair:
                form.add(f"box_{side}", gr.Slider, value=_BOX_EDGES[side], **edge)
    with gr.Column(visible=False) as picture_slot:
        form.add_picture("mask_image", picture_input, height=160)
    added = {"value": 0, "precision": 0, "minimum": 0, "visible": False, "min_width": 60}
    with gr.Row():
        for side in SIDES:
            form.add(f"expand_{side}", gr.Number, **added)
    form.add("invert", gr.Checkbox, value=False)
    first = {"mask": PRESET, "preset": "centre", "invert": False, "seed": 0}
    preview = gr.HTML(
        preview_html(picture, first, ctx.texts.language), elem_classes=["mask-preview"]
    )
    _connect(ctx, form, {"painted": editor_slot, "mask_image": picture_slot}, preview)


def _editor(**props: Any) -> gr.ImageEditor:  # noqa: ANN401  whatever gr.ImageEditor takes
    return gr.ImageEditor(
        type="pil",
        image_mode="RGBA",
        format="png",
        sources=(),
        transforms=(),
        layers=False,
        canvas_size=(CANVAS_PX, CANVAS_PX),
        fixed_canvas=True,
        brush=gr.Brush(default_size=_BRUSH_PX, colors=[PAINT_COLOUR], color_mode="fixed"),
        eraser=gr.Eraser(default_size=_BRUSH_PX),
        buttons=[],
        elem_classes=["mask-editor"],
        **props,
    )


def canvas_value(picture: Image.Image | None) -> dict[str, Any] | None:
    """The editor's value with that picture and nothing painted."""
    if picture is None:
        return None
    background = masks.on_canvas(picture, CANVAS_PX)
    return {"background": background, "layers": [], "composite": None}


def _connect(ctx: Context, form: Form, slots: Mapping[str, gr.Column], preview: gr.HTML) -> None:
    controls = form.controls
    own = [field for fields in _OF_WAY.values() for field in fields if field not in slots]
    fields = ["mask", *own, "mask_image", "invert"]
    inputs = [controls[field] for field in ("image", *fields)]

    def on_way(way: str) -> list[Update]:
        shown = {field: field in _OF_WAY[way] for field in [*own, *slots]}
        return [
            *[gr.update(visible=value) for value in shown.values()],
            gr.update(visible=way != EXPAND),
        ]

    def on_picture(path: str | None, canvas: _Canvas) -> Update:
        return canvas_value(_picture_or_none(path)) if canvas.is_new(path) else gr.skip()

    def on_change(language: str, path: str | None, *inputs: Update) -> str:
        values = {"seed": 0, **dict(zip(fields, inputs, strict=True))}
        return preview_html(_picture_or_none(path), values, language)

    outputs = [*[controls[field] for field in own], *slots.values(), controls["invert"]]
    ctx.quick(controls["mask"].change, on_way, [controls["mask"]], outputs)
    canvas = [controls["image"], gr.State(_Canvas())]
    ctx.quick(controls["image"].change, on_picture, canvas, [controls["painted"]])
    for control in [*inputs, ctx.language]:
        ctx.quick(
            control.change,
            on_change,
            [ctx.language, *inputs],
            [preview],
            trigger_mode="always_last",
        )


class _Canvas:
    """Which picture a visitor's canvas shows.

    An upload makes the box say up to three times that it has changed. The canvas may be set once
    only: a second time, what has been painted meanwhile would be gone.
    """

    def __init__(self) -> None:
        self._path: str | None = None

    def is_new(self, path: str | None) -> bool:
        """Whether this is another picture than at the last call."""
        before, self._path = self._path, path
        return path != before


def mask_of(values: Mapping[str, Any], size: masks.Size) -> Image.Image:
    """The mask that the controls say, for a picture of that size; not checked for being empty.

    Raises:
        UserError: a number is missing, or the uploaded mask cannot be used.
    """
    way = values["mask"]
    if way == EXPAND:
        return masks.nothing(size)
    if way == BOX:
        mask = masks.box(size, *(_number(values, f"box_{side}") for side in SIDES))
    elif way == PRESET:
        mask = masks.preset(values["preset"], size, int(values["seed"] or 0))
    elif way == PICTURE:
        mask = masks.from_picture(load_picture(values["mask_image"], "mask_image"), size)
    else:
        layers = (values["painted"] or {}).get("layers") or []
        mask = masks.from_canvas(layers[0], size) if layers else masks.nothing(size)
    return masks.invert(mask) if values["invert"] else mask


def expand_of(values: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """Pixels added on each side; beside another mask only where "expand_always" says so.

    Raises:
        UserError: a number is missing.
    """
    if values["mask"] != EXPAND and not values.get("expand_always"):
        return (0, 0, 0, 0)
    return tuple(int(_number(values, f"expand_{side}")) for side in SIDES)


def preview_html(picture: Image.Image | None, values: Mapping[str, Any], language: str) -> str:
    """The picture with what will be filled in colour; nothing where it is being painted."""
    if picture is None or values["mask"] == PAINT:
        return ""
    if values["mask"] == PICTURE and not values["mask_image"]:
        return ""
    try:
        mask = mask_of(values, picture.size)
        left, top, right, bottom = expand_of(values)
    except UserError as error:
        return notice_html(sentence(error, language))
    size = (picture.width + left + right, picture.height + top + bottom)
    framed, hole = Image.new("RGB", size), Image.new("L", size, masks.FILL)
    framed.paste(picture.convert("RGB"), (left, top))
    hole.paste(mask, (left, top))
    percent = f"{100 * masks.share(hole):.0f}"
    shown = masks.overlay(framed, hole, PAINT_COLOUR)
    if max(size) > _PREVIEW_PX:
        shown.thumbnail((_PREVIEW_PX, _PREVIEW_PX), Image.Resampling.BOX)
    words = text(language, "inpaint.filled", percent=percent)
    if values["mask"] == EXPAND:
        words = text(language, "inpaint.expanded", width=size[0], height=size[1])
    stage = f'<div class="stage low">{picture_html(shown, words)}</div>'
    return f'{stage}<p class="hint">{html.escape(words)}</p>'


def _picture_or_none(path: str | None) -> Image.Image | None:
    try:
        return load_picture(path)
    except UserError:
        return None


def way_choices(language: str) -> list[tuple[str, str]]:
    """(words, name) of the ways to give a mask."""
    return [(text(language, f"inpaint.way_{name}"), name) for name in WAYS]


def preset_choices(language: str) -> list[tuple[str, str]]:
    """(words, name) of the presets."""
    return [(text(language, f"inpaint.preset_{name}"), name) for name in masks.PRESETS]


def _number(values: Mapping[str, Any], field: str) -> Any:  # noqa: ANN401  int or float
    if values[field] is None:
        raise UserError("number_missing", "Enter a number here.", field=field)
    return values[field]
