"""Files that a visitor downloads of a finished run, written into the visitor's own folder."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from PIL import Image

from ..errors import UserError
from ..pictures.saving import Writing, content_of, write_whole
from .sessions import RunRecord

if TYPE_CHECKING:
    from ..pictures.photograph import Photograph

_Item = TypeVar("_Item")
Export = Literal["png", "enlarged", "gif", "webp", "recipe"]

# Text key of each download's button.
EXPORTS = {
    "png": "common.download_png",
    "enlarged": "common.download_enlarged",
    "gif": "common.download_gif",
    "webp": "common.download_webp",
    "recipe": "common.download_recipe",
}

ENLARGED_SIDE_PX = 512
# Photographs of a phone say where they were taken: what is passed on from a page does not.
ON_PAGE = Writing(strip_metadata=True)
# Noise hardly packs: sixteen faces enlarged to 512 made files of 4 MB.
ENLARGED_ANIMATION_SIDE_PX = 256


def write_pictures(record: RunRecord, folder: Path) -> list[Path]:
    """Each picture as a PNG with its recipe, true pixels, in a folder of its own."""
    target = folder / record.id
    target.mkdir(parents=True, exist_ok=True)
    return _write_pngs(record, target, enlarge=False)


def write_results(record: RunRecord, folder: Path, how: Writing = ON_PAGE) -> list[Path]:
    """Each picture in the format, depth, colours and under the name of the upload that it was made
    from; a PNG where there was none. All carry their recipe.

    Raises:
        UserError: no such format.
    """
    from ..pictures.names import result_stem

    recipe, photograph = record.job.recipe, _photograph(record)
    base = ""
    if record.job.source and recipe.result_suffix:
        base = result_stem(record.job.source, recipe.result_suffix)
    several, paths = len(record.images) > 1, []
    for index, image in enumerate(record.images):
        name = record.job.picture_name(index)
        stem = (f"{base}-{name}" if several else base) if base else name
        content, ending = content_of(image, photograph, metadata_of(record, index), how)
        path = folder / f"{stem}{ending}"
        write_whole(path, content)
        paths.append(path)
    return paths


def _photograph(record: RunRecord) -> Photograph | None:
    """The upload once more: it is too large to be kept, and may be gone by now."""
    from ..pictures import decode

    if not record.job.source:
        return None
    try:
        return decode.read(record.job.source)
    except UserError:
        return None


def export(record: RunRecord | None, kind: Export, folder: Path) -> Path:
    """Write one download and return its path.

    Raises:
        UserError: there is no run, or nothing of it to animate.
    """
    if record is None or not record.images:
        raise UserError("nothing_to_download", "There is no result to download yet; run first.")
    target = folder / record.id / kind
    target.mkdir(parents=True, exist_ok=True)
    name = file_stem(record)
    if kind == "recipe":
        path = target / f"{name}.json"
        recipe = {k: v for k, v in metadata_of(record, 0).items() if k != "image_index"}
        path.write_text(json.dumps(recipe, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return path
    if kind in ("gif", "webp"):
        return _write_animation(record, kind, target / f"{name}.{kind}")
    if kind == "png":
        pngs = write_results(record, target)
    else:
        pngs = _write_pngs(record, target, enlarge=True)
    return pngs[0] if len(pngs) == 1 else _zip(pngs, target / f"{name}.zip")


def file_stem(record: RunRecord) -> str:
    """A file name that says what is inside: "faces-64-seed-0"."""
    checkpoint = record.job.recipe.checkpoint.split("@")[0].rsplit("/", 1)[-1]
    plain = "".join(c if c.isalnum() or c in "._-" else "-" for c in checkpoint)
    return f"{plain}-seed-{record.job.recipe.seed}"


def metadata_of(record: RunRecord, index: int) -> dict[str, Any]:
    """What picture `index` carries; of a cancelled run also where it stopped."""
    metadata = dict(record.metadata[index])
    if record.is_unfinished and record.last is not None:
        metadata["stopped_at_step"] = record.last.index
    return metadata


def _write_pngs(record: RunRecord, folder: Path, enlarge: bool) -> list[Path]:
    from ..pictures.png_recipe import save_png

    paths = []
    for index, image in enumerate(record.images):
        factor = max(1, ENLARGED_SIDE_PX // max(image.size)) if enlarge else 1
        if factor > 1:
            size = (image.width * factor, image.height * factor)
            image = image.resize(size, Image.Resampling.NEAREST)
        path = folder / f"{record.job.picture_name(index)}.png"
        paths.append(save_png(image, path, metadata_of(record, index)))
    return paths


def write_animation(
    record: RunRecord, kind: str, folder: Path, *, there_and_back: bool = False, fps: float = 12
) -> Path:
    """The animation of a run's results, where its task has one; path of the file.

    Raises:
        UserError: the run has not come so far, or this machine cannot make such a file.
    """
    from ..pictures.animation import animate, check_format

    check_format(kind)
    recipe: Any = record.job.recipe
    frames = recipe.frames_of(record.images)
    path = folder / f"{file_stem(record)}.{kind}"
    factor = max(1, ENLARGED_ANIMATION_SIDE_PX // max(frames[0].size))
    path.write_bytes(animate(frames, kind, fps=fps, there_and_back=there_and_back, enlarge=factor))
    return path


def _write_animation(record: RunRecord, kind: str, path: Path) -> Path:
    from ..pictures.animation import MAX_FRAMES, animate

    chosen = thin(record.frames, MAX_FRAMES)
    pictures = [frame.pictures()[0] for frame in chosen]
    factor = max(1, ENLARGED_ANIMATION_SIDE_PX // max(pictures[0].size))
    path.write_bytes(animate(pictures, kind, enlarge=factor))
    return path


def thin(items: Sequence[_Item], limit: int) -> list[_Item]:
    """At most `limit` of them, evenly spread, with the first and the last."""
    if len(items) <= limit:
        return list(items)
    return [items[round(i * (len(items) - 1) / (limit - 1))] for i in range(limit)]


def _zip(paths: Sequence[Path], target: Path) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:  # a PNG is packed already
        for path in paths:
            archive.write(path, path.name)
    return target


def write_extras(
    record: RunRecord, pictures: Mapping[str, Image.Image], folder: Path
) -> dict[str, Path]:
    """What a run found besides its result, each as a plain PNG; paths by name."""
    from ..pictures.png_recipe import save_png

    target = folder / record.id / "beside"
    target.mkdir(parents=True, exist_ok=True)
    return {name: save_png(image, target / f"{name}.png") for name, image in pictures.items()}
