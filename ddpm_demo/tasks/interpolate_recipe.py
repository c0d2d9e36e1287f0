"""What a user can ask of `interpolate`: the recipe and its limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..core.noise import MAX_SEED
from ..errors import UserError
from ..pictures.images import make_grid
from .recipe import MAX_SIZE_PX, MAX_STEPS, Recipe, check_range, register

if TYPE_CHECKING:
    from PIL import Image

METHODS = ("ddim", "ddpm")
IMAGE = "image"
SEED_PREFIX = "seed:"
MAX_BETWEEN = 10_000
MAX_PICTURES = 10_002
MAX_EVALUATIONS = 50


@register
@dataclass(frozen=True, kw_only=True)
class InterpolateRecipe(Recipe):
    """What lies between pictures.

    Args:
        ends: two ends, or four corners in reading order; each "seed:7", or "image" for the next of
            the pictures that go with the recipe.
        num_between: in-betweens, 1 to 10,000; between four corners, along each side.
        method: one of `METHODS`.
        num_steps: of the way up and of the way down; 1 to T.
        max_evaluations: a step of the way up at most, for "ddim" alone, 1 to 50; more for pictures
            unlike those that the checkpoint was trained on.
        t: noising steps, for "ddpm" alone, 0 to T; None for T / 2.
        num_samples: samples a mix, for "ddpm" alone; sample j draws its noise from seed + j.
        size_px: side of the square pictures; None for the checkpoint's native size.
    """

    task: ClassVar[str] = "interpolate"
    ends: tuple[str, ...] = (SEED_PREFIX + "0", SEED_PREFIX + "1")
    num_between: int = 8
    method: str = "ddim"
    num_steps: int = 20
    max_evaluations: int = 12
    t: int | None = None
    num_samples: int = 1
    size_px: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_ends()
        self._check_counts()
        if self.method not in METHODS:
            raise UserError(
                "interpolate_method",
                "The method “{name}” is not known; use ddim or ddpm.",
                field="method",
                name=self.method,
            )
        if self.size_px is not None:
            check_range("size_px", self.size_px, 8, MAX_SIZE_PX)
        check_range("num_steps", self.num_steps, 1, MAX_STEPS)
        check_range("max_evaluations", self.max_evaluations, 1, MAX_EVALUATIONS)

    def _check_ends(self) -> None:
        if len(self.ends) not in (2, 4):
            raise UserError(
                "interpolate_ends",
                "Interpolation needs two ends or four corners, not {count}.",
                field="ends",
                count=len(self.ends),
            )
        seeds = [parse_end(end) for end in self.ends]
        if None not in seeds and len(set(seeds)) == 1:
            raise same_ends()

    def _check_counts(self) -> None:
        if not 1 <= self.num_between <= MAX_BETWEEN:
            raise UserError(
                "num_between_range",
                "The number of in-betweens must be between {low} and {high}, not {value}.",
                field="num_between",
                low=1,
                high=MAX_BETWEEN,
                value=self.num_between,
            )
        check_range("num_samples", self.num_samples, 1, MAX_PICTURES)
        if self.num_pictures > MAX_PICTURES:
            raise UserError(
                "interpolate_too_many",
                "That would be {count} pictures, more than {limit}; "
                "choose fewer in-betweens or samples.",
                field="num_between",
                count=self.num_pictures,
                limit=MAX_PICTURES,
            )

    @property
    def num_frames(self) -> int:
        """Places on the line or the grid, the ends among them."""
        return (self.num_between + 2) ** (len(self.ends) // 2)

    @property
    def num_pictures(self) -> int:
        """Pictures of the run: sample j of frame f is picture f * samples + j."""
        return self.num_frames * (self.num_samples if self.method == "ddpm" else 1)

    @property
    def samples_a_frame(self) -> int:
        """Pictures of each frame, one next to the other in the run."""
        return self.num_pictures // self.num_frames

    def picture_name(self, index: int) -> str:
        frame, sample = divmod(index, self.samples_a_frame)
        return f"frame-{frame:04d}" + (f"-sample-{sample}" if self.samples_a_frame > 1 else "")

    @property
    def path(self) -> tuple[int, ...]:
        """The frames as an animation shows them; over a grid there and back, row by row."""
        side = self.num_between + 2
        if len(self.ends) == 2:
            return tuple(range(side))
        rows = [range(side * row, side * (row + 1)) for row in range(side)]
        turned = [row[::-1] if k % 2 else row for k, row in enumerate(rows)]
        return tuple(frame for row in turned for frame in row)

    @property
    def end_frames(self) -> tuple[int, ...]:
        """Which frames are the ends, in the order of `ends`."""
        side = self.num_between + 2
        if len(self.ends) == 2:
            return (0, side - 1)
        return (0, side - 1, side * (side - 1), side * side - 1)


def parse_end(end: str) -> int | None:
    """The seed of an end such as "seed:7", None for "image".

    Raises:
        UserError: neither of them.
    """
    if end == IMAGE:
        return None
    digits = end.removeprefix(SEED_PREFIX) if isinstance(end, str) else ""
    if end == digits or not (digits.isascii() and digits.isdigit()) or len(digits) > 10:
        raise UserError(
            "interpolate_end",
            "An end must be a picture or a seed such as seed:7, not “{value}”.",
            field="ends",
            value=str(end)[:100],
        )
    check_range("seed", int(digits), 0, MAX_SEED)
    return int(digits)


def strip(recipe: InterpolateRecipe, images: Sequence[Image.Image]) -> Image.Image:
    """All pictures in one: frames from left to right with a row a sample, or the grid.

    A grid shows the first sample of each frame.
    """
    side, samples = recipe.num_between + 2, recipe.samples_a_frame
    if len(recipe.ends) == 4:
        return make_grid(images[::samples], columns=side)
    rows = [image for sample in range(samples) for image in images[sample::samples]]
    return make_grid(rows, columns=side)


def fitting_note(images: Sequence[Image.Image], size_px: int) -> UserError | None:
    """What to tell the user, not an error: pictures of other sizes or modes were made alike."""
    if len({(image.size, image.mode) for image in images}) < 2:
        return None
    return UserError(
        "pictures_made_alike",
        "The pictures differ in size or mode ({kinds}); each was cut to a square in the middle "
        "and scaled to {size} x {size}.",
        kinds=", ".join(f"{i.width} x {i.height} {i.mode}" for i in images),
        size=size_px,
    )


def same_ends() -> UserError:
    return UserError(
        "interpolate_same",
        "All ends are the same picture, so that nothing lies between them; choose different ones.",
        field="ends",
    )
