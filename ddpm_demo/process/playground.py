"""Data of two values a point: what the playground starts from, and its exact denoiser.

A set of points with a little Gaussian noise about each is a mixture, whose E[x_0 | x_t] is known
(`core.oracles.MixtureDenoiser`): what a small network learns can be held against the truth.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..errors import UserError

if TYPE_CHECKING:
    from ..core.oracles import MixtureDenoiser
    from ..core.schedule import Schedule

STD = 0.08
NUM_POINTS = 240
MAX_POINTS = 2000
RMS = 0.7
LETTERS = "DDPM"


def point_set(name: str, num_points: int = NUM_POINTS, seed: int = 0) -> np.ndarray:
    """float64 [N, 2], mean 0, root mean square 0.7 a value.

    Args:
        name: "moons", "spiral", "blobs" or "letters".
        num_points: N.
        seed: of the draws.

    Raises:
        UserError: there is no such set, or no point is asked for.
    """
    if name not in POINT_SETS:
        raise UserError(
            "point_set_unknown",
            "There is no set of points “{name}”; use one of {known}.",
            field="points",
            name=name,
            known=", ".join(POINT_SETS),
        )
    if not 1 <= num_points <= 100_000:
        raise UserError(
            "num_points_range",
            "The number of points must be between {low} and {high}, not {value}.",
            field="num_points",
            low=1,
            high=100_000,
            value=num_points,
        )
    return tidy(POINT_SETS[name](num_points, np.random.default_rng(seed)))


def tidy(points: np.ndarray) -> np.ndarray:
    """The points that are numbers, at most 2,000 of them, in the middle and of one size.

    Args:
        points: [N, 2].

    Raises:
        UserError: none of them is a number.
    """
    points = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    points = points[np.isfinite(points).all(axis=1)]
    if len(points) == 0:
        raise UserError(
            "points_missing", "Draw some points first, or choose a set of them.", field="points"
        )
    if len(points) > MAX_POINTS:
        points = points[np.arange(MAX_POINTS) * len(points) // MAX_POINTS]
    centred = points - points.mean(axis=0)
    spread = math.sqrt(float((centred**2).mean()))
    return centred * (RMS / spread) if spread > 1e-9 else points


def exact_denoiser(schedule: Schedule, points: np.ndarray, std: float = STD) -> MixtureDenoiser:
    """E[x_0 | x_t] for points [K, 2] with noise of standard deviation std about each."""
    import torch

    from ..core.oracles import MixtureDenoiser

    return MixtureDenoiser(schedule, torch.from_numpy(points), std)


def _moons(count: int, rng: np.random.Generator) -> np.ndarray:
    angle = math.pi * rng.random(count)
    upper = np.arange(count) % 2 == 0
    x = np.where(upper, np.cos(angle), 1 - np.cos(angle))
    y = np.where(upper, np.sin(angle), 0.5 - np.sin(angle))
    return np.stack([x, y], axis=1)


def _spiral(count: int, rng: np.random.Generator) -> np.ndarray:
    turn = np.sqrt(rng.random(count)) * 3.2 * math.pi
    return np.stack([turn * np.cos(turn), turn * np.sin(turn)], axis=1)


def _blobs(count: int, rng: np.random.Generator) -> np.ndarray:
    centres = np.array([[-1.0, -0.4], [1.0, 0.4]])
    return centres[np.arange(count) % 2] + 0.16 * rng.standard_normal((count, 2))


def _letters(count: int, rng: np.random.Generator) -> np.ndarray:
    font = ImageFont.load_default(size=80)
    left, top, right, bottom = (round(side) for side in font.getbbox(LETTERS))
    sheet = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(sheet).text((-left, -top), LETTERS, fill=255, font=font)
    rows, columns = np.nonzero(np.asarray(sheet) > 127)
    chosen = rng.integers(len(rows), size=count)
    places = np.stack([columns[chosen], -rows[chosen]], axis=1).astype(np.float64)
    return places + rng.random((count, 2))


POINT_SETS = {"moons": _moons, "spiral": _spiral, "blobs": _blobs, "letters": _letters}
