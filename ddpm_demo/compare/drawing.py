"""A sheet as one picture: cells on white, what they are above and beside, what they took below."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from ..recipes.field import fields_of
from ..texts import DEFAULT_LANGUAGE, text
from ..texts.naming import sentence_of, task_title
from .axes import Axis, label, value_words
from .cell import Cell
from .fonts import Font, any_font, font_for
from .sheet import Place, Sheet

# Small pictures are enlarged by whole factors up to about here.
CELL_PX = 256
EMPTY_PX = 192
_WHITE, _BLACK, _GREY, _PALE, _RED = "#ffffff", "#1a1a1a", "#5c5c66", "#ececf0", "#a01818"


@dataclass(frozen=True)
class _Style:
    """Sizes in pixels, and how text is written."""

    font: Font
    small: Font
    gap: int
    language: str

    def width(self, words: str, font: Font | None = None) -> int:
        return int(-(-(font or self.font).getlength(words) // 1))

    @property
    def line(self) -> int:
        return round(self.small_px * 1.35)

    @property
    def small_px(self) -> int:
        return int(getattr(self.small, "size", 10))


def draw(sheet: Sheet, cells: Mapping[Place, Cell], language: str = "en") -> Image.Image:
    """The sheet, RGB; cells that are not made yet are pale.

    Args:
        sheet: what is compared.
        cells: that are over with.
        language: of the captions; English where no font of this machine has its characters.
    """
    pictures = [cell.picture for cell in cells.values() if cell.picture is not None]
    box = _box(pictures)
    style = _style(sheet, cells, box, language)
    head = _heading(sheet, style.language)
    columns = [_value(sheet, sheet.x, i, style) for i in range(sheet.columns)]
    rows = [_value(sheet, sheet.y, i, style) for i in range(sheet.rows)] if sheet.y else []
    feet = {place: _foot(cell, style.language) for place, cell in cells.items()}
    cell_px = max(box[0], *(_widest(lines, style) for lines in columns), style.small_px * 9)
    feet_lines = {place: _wrapped(words, cell_px, style) for place, words in feet.items()}
    left = max((_widest(lines, style) for lines in rows), default=0)
    left += 2 * style.gap if rows else style.gap
    width = left + sheet.columns * (cell_px + style.gap)
    title = _wrapped(head, width - 2 * style.gap, style)
    top = style.gap + len(title) * style.line + style.gap
    first_row = top + 2 * style.line + style.gap // 2
    foot_px = max((len(lines) for lines in feet_lines.values()), default=1) * style.line
    row_px = box[1] + style.gap // 2 + foot_px + style.gap
    image = Image.new("RGB", (width, first_row + sheet.rows * row_px), _WHITE)
    pen = ImageDraw.Draw(image)
    for index, line in enumerate(title):
        pen.text((style.gap, style.gap + index * style.line), line, _GREY, style.small)
    for column, lines in enumerate(columns):
        middle = left + column * (cell_px + style.gap) + cell_px // 2
        _stacked(pen, (middle, top), lines, style, anchor="ma")
    for row in range(sheet.rows):
        y = first_row + row * row_px
        if rows:
            start = y + max(0, (box[1] - 2 * style.line) // 2)
            _stacked(pen, (style.gap, start), rows[row], style, anchor="la")
        for column in range(sheet.columns):
            x = left + column * (cell_px + style.gap)
            cell = cells.get((row, column))
            _fill(image, pen, cell, (x + (cell_px - box[0]) // 2, y), box, style)
            for index, line in enumerate(feet_lines.get((row, column), [])):
                at = (x + cell_px // 2, y + box[1] + style.gap // 2 + index * style.line)
                pen.text(at, line, _BLACK, style.small, anchor="ma")
    return image


def _box(pictures: list[Image.Image]) -> tuple[int, int]:
    """(width, height) that every picture of the sheet has room in."""
    if not pictures:
        return EMPTY_PX, EMPTY_PX
    sizes = [(p.width * _factor(p), p.height * _factor(p)) for p in pictures]
    return max(w for w, _ in sizes), max(h for _, h in sizes)


def _factor(picture: Image.Image) -> int:
    return max(1, round(CELL_PX / max(picture.size)))


def _fill(
    image: Image.Image,
    pen: ImageDraw.ImageDraw,
    cell: Cell | None,
    at: tuple[int, int],
    box: tuple[int, int],
    style: _Style,
) -> None:
    edges = (*at, at[0] + box[0] - 1, at[1] + box[1] - 1)
    if cell is None or cell.picture is None:
        pen.rectangle(edges, fill=_PALE)
        if cell is not None and cell.error is not None:
            words = sentence_of(cell.error, style.language)
            for index, line in enumerate(_wrapped(words, box[0] - style.gap, style)):
                y = at[1] + style.gap // 2 + index * style.line
                if y + style.line <= edges[3]:
                    pen.text((at[0] + style.gap // 2, y), line, _RED, style.small)
        return
    picture, factor = cell.picture, _factor(cell.picture)
    if factor > 1:
        size = (picture.width * factor, picture.height * factor)
        picture = picture.resize(size, Image.Resampling.NEAREST)
    place = (at[0] + (box[0] - picture.width) // 2, at[1] + (box[1] - picture.height) // 2)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        image.paste(picture, place, picture)
    else:
        image.paste(picture.convert("RGB"), place)


def _stacked(
    pen: ImageDraw.ImageDraw,
    at: tuple[int, int],
    lines: tuple[str, str],
    style: _Style,
    anchor: str,
) -> None:
    """What it is in grey, above what it is here."""
    pen.text(at, lines[0], _GREY, style.small, anchor=anchor)
    pen.text((at[0], at[1] + style.line), lines[1], _BLACK, style.font, anchor=anchor)


def _widest(lines: tuple[str, str], style: _Style) -> int:
    return max(style.width(lines[0], style.small), style.width(lines[1]))


def _value(sheet: Sheet, axis: Axis | None, index: int, style: _Style) -> tuple[str, str]:
    assert axis is not None
    return _words(sheet, axis, axis.values[index], style.language)


def _words(sheet: Sheet, axis: Axis, value: Any, language: str) -> tuple[str, str]:  # noqa: ANN401
    """(what the axis is called, what it is here)."""
    told = fields_of(type(sheet.base))[axis.field]
    task = sheet.base.task
    value = _plain_name(value) if axis.field == "checkpoint" else value
    return label(task, axis.field, language), value_words(task, told, value, language)


def _heading(sheet: Sheet, language: str) -> list[str]:
    """What is the same in all cells: the task, its checkpoint, and what is not as ever."""
    base, axes = sheet.base, {axis.field for axis in sheet.axes.values()}
    parts = [task_title(base.task, language)]
    for name, told in fields_of(type(base)).items():
        value = getattr(base, name)
        if name in axes or (value == told.default and name != "seed"):
            continue
        if name == "checkpoint":
            parts.append(_plain_name(value))
        elif value != ():
            words = value_words(base.task, told, value, language)
            parts.append(f"{label(base.task, name, language)} {words}")
    return parts


def _plain_name(checkpoint: str) -> str:
    """A folder's own name: where it lies is nobody else's."""
    return Path(checkpoint).name if Path(checkpoint).is_dir() else checkpoint


def _foot(cell: Cell, language: str) -> list[str]:
    """What a cell took, and how near to the original it came."""
    if cell.picture is None:
        return []
    parts = [text(language, "common.seconds", seconds=f"{cell.seconds:.1f}")]
    parts.append(text(language, "compare.evaluations", count=cell.evaluations))
    if "psnr" in cell.metrics:
        value = f"{cell.metrics['psnr']:.2f}"
        parts.append(text(language, "restoration.decibels", value=value))
    return parts


def _wrapped(parts: list[str] | str, width: int, style: _Style) -> list[str]:
    """The parts with dots between them, or the words of a sentence, in lines of that width."""
    between = " " if isinstance(parts, str) else " · "
    pieces = parts.split(" ") if isinstance(parts, str) else parts
    lines: list[str] = []
    for piece in pieces:
        longer = f"{lines[-1]}{between}{piece}" if lines else ""
        if lines and style.width(longer, style.small) <= width:
            lines[-1] = longer
            continue
        lines.append("")
        for character in piece:  # a piece that is wider than a line is broken where it has to be
            if lines[-1] and style.width(lines[-1] + character, style.small) > width:
                lines.append("")
            lines[-1] += character
    return lines


def _style(
    sheet: Sheet, cells: Mapping[Place, Cell], box: tuple[int, int], language: str
) -> _Style:
    """Text as large as suits the cells, in a font that has every character."""
    size_px = min(36, max(18, box[0] // 13))
    for spoken in dict.fromkeys((language, DEFAULT_LANGUAGE)):
        texts = _all_texts(sheet, cells, spoken)
        font, small = font_for(texts, size_px), font_for(texts, size_px - 2)
        if font is not None and small is not None:
            return _Style(font, small, size_px, spoken)
    return _Style(any_font(size_px), any_font(size_px - 2), size_px, DEFAULT_LANGUAGE)


def _all_texts(sheet: Sheet, cells: Mapping[Place, Cell], language: str) -> list[str]:
    texts = [*_heading(sheet, language), "·"]
    for axis in sheet.axes.values():
        for value in axis.values:
            texts += _words(sheet, axis, value, language)
    for cell in cells.values():
        texts += _foot(cell, language)
        if cell.error is not None:
            texts.append(sentence_of(cell.error, language))
    return texts
