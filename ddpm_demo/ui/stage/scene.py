"""Scenes: what a stage is told, as plain JSON. What a scene leaves out stays as it was.

A caption is a sentence, or {"en": ..., "zh-CN": ...} where it shall follow the language switch.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from .renditions import Rendition

Caption = str | Mapping[str, str]
Scene = dict[str, Any]

_NUMBERS = itertools.count(1)


def _scene(phase: str, **told: Any) -> Scene:  # noqa: ANN401  any JSON
    """Numbered, so that the page hears of a scene that is the same as the one before."""
    return {"number": next(_NUMBERS), "phase": phase, **told}


def empty(words: Caption = "", moving: Rendition | None = None) -> Scene:
    """Nothing yet: one line of words, or a picture that moves."""
    return _scene("empty", words=words, moving=moving)


def upload(
    picture: Rendition | None,
    *,
    file: Mapping[str, Any] | None = None,
    name: str = "",
    mask: Rendition | None = None,
    clear_mask: bool = False,
    turn: int = 0,
) -> Scene:
    """A picture to work on; None takes it away.

    Args:
        picture: as it is to be shown.
        file: {"path"} of what the server is to read; `picture`'s own file by default.
        name: of the file, for people.
        mask: white where it is to be filled, of the picture's size; None leaves the mask alone.
        clear_mask: take the mask away.
        turn: of the upload that this answers; the page forgets answers to older ones. 0 for none.
    """
    told: Scene = {"picture": picture, "file": dict(file) if file else None, "name": name}
    if turn:
        told["turn"] = turn
    if mask is not None or clear_mask:
        told["mask"] = mask
    return _scene("upload", **told)


def mask(picture: Rendition | None) -> Scene:
    """Another mask on the picture that is there; None clears it. It can be undone."""
    return _scene("mask", mask=picture)


def progress(
    *,
    x0_hat: Rendition | None = None,
    x_t: Rendition | None = None,
    step: int | None = None,
    num_steps: int | None = None,
    tile: int | None = None,
    num_tiles: int | None = None,
    share: float | None = None,
    seconds_left: float | None = None,
    words: Caption = "",
) -> Scene:
    """A run that goes on.

    Args:
        x0_hat, x_t: previews; None leaves those there are.
        step, num_steps: "step 3 of 20".
        tile, num_tiles: "tile 2 of 12" of the evaluation that goes on.
        share: of the whole run, in [0, 1]; None to count steps and tiles.
        seconds_left: None while it is not known.
        words: said instead of the steps ("Place 2 in the queue").
    """
    if share is None and step is not None and num_steps:
        within = tile / num_tiles if tile is not None and num_tiles else 0.0
        share = min(1.0, (step + within) / num_steps)
    told = {
        "step": step,
        "num_steps": num_steps,
        "tile": tile,
        "num_tiles": num_tiles,
        "share": share,
        "seconds_left": seconds_left,
        "words": words,
    }
    shown = {name: shown for name, shown in (("x0_hat", x0_hat), ("x_t", x_t)) if shown}
    return _scene("run", progress=told, **shown)


def result(
    samples: Sequence[Rendition],
    *,
    before: Rendition | Sequence[Rendition] | None = None,
    layers: Mapping[str, tuple[Caption, Rendition | Sequence[Rendition]]] | None = None,
    captions: Sequence[Caption] = (),
    num_steps: int = 0,
    steps: Sequence[Rendition] = (),
    chosen: int = 0,
    layer: str = "",
    columns: int = 0,
    words: Caption = "",
    is_path: bool = False,
) -> Scene:
    """What a run has given.

    Args:
        samples: one or more.
        before: what they are compared with: one for all, or one a sample.
        layers: by name, each with its caption: one for all samples, or one a sample.
        captions: of the samples, for people and screen readers.
        num_steps: length of the slider through the steps; 0 for none.
        steps: the steps' pictures, where they are here already; else the page asks for each.
        chosen: index of the sample to show first.
        layer: name of the layer to show first; "" for the sample.
        columns: of the layer "sheet", a grid of all samples that can be clicked; 0 without it.
        words: one line, such as "stopped at step 5 of 20".
        is_path: the slider goes through the samples, not through the steps.
    """
    count = len(samples)
    told = [
        {"name": name, "caption": caption, "pictures": _each(pictures, count)}
        for name, (caption, pictures) in (layers or {}).items()
    ]
    return _scene(
        "result",
        samples=list(samples),
        before=_each(before, count) if before is not None else [],
        layers=told,
        captions=list(captions),
        num_steps=num_steps or len(steps),
        steps=list(steps),
        chosen=chosen,
        layer=layer,
        columns=columns,
        words=words,
        is_path=is_path,
    )


def step(index: int, picture: Rendition, x_t: Rendition | None = None) -> Scene:
    """The picture of one step, for the page that has asked for it; `x_t` is its noisy one."""
    return _scene("step", index=index, picture=picture, x_t=x_t)


def idle(words: Caption = "") -> Scene:
    """No run goes on any more and there is nothing new: back to what was there before."""
    return _scene("idle", words=words)


def _each(pictures: Rendition | Sequence[Rendition], count: int) -> list[Rendition]:
    if isinstance(pictures, Mapping):
        return [dict(pictures)]
    if len(pictures) not in (1, count):
        raise ValueError(f"{len(pictures)} pictures for {count} samples")
    return list(pictures)
