"""What lies between pictures, seeds, or some of each; how is in `process.interpolation`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ..core.seeds import MAX_SEED
from ..errors import UserError, check_range
from ..process.ends import IMAGE, SEED_PREFIX, parse_end, same_ends
from ..process.frames import Frames
from ..recipes.field import field
from ..recipes.inputs import Alias, Picture
from ..recipes.recipe import MAX_SIZE_PX, MAX_STEPS, Recipe

if TYPE_CHECKING:
    from PIL import Image

    from ..process.interpolation_run import InterpolationRun
    from ..recipes.prior import Prior

MAX_PICTURES = 10_002
LETTERS = ("a", "b", "c", "d")
_KINDS = ("image", "seed")


def _is_mixed(values: Mapping[str, Any]) -> bool:
    return values.get("method") == "ddpm"


class InterpolateRecipe(Recipe):
    """What lies between pictures.

    Args:
        ends: two ends, or four corners in reading order; each "seed:7", or "image" for the next of
            the pictures that go with the recipe.
        num_between: in-betweens; between four corners, along each side.
        method: "ddim" (through the noise) or "ddpm" (through noised mixes).
        num_steps: of the way up and of the way down; 1 to T.
        max_evaluations: a step of the way up at most, for "ddim" alone; more for pictures unlike
            those that the checkpoint was trained on.
        t: noising steps, for "ddpm" alone, 0 to T; None for T / 2.
        num_samples: samples a mix, for "ddpm" alone; sample j draws its noise from seed + j.
        size_px: side of the square pictures; None for the checkpoint's native size.
    """

    task: ClassVar[str] = "interpolate"
    position: ClassVar[int] = 70
    inputs: ClassVar[tuple[Picture, ...]] = (Picture("images", required=False, several=True),)
    animates: ClassVar[bool] = True
    positional: ClassVar[str] = "ends"
    aliases: ClassVar[tuple[Alias, ...]] = (
        *(Alias(f"image_{letter}", "picture", "ends") for letter in LETTERS),
        *(Alias(f"seed_{letter}", "integer", "ends") for letter in LETTERS),
    )

    ends: tuple[str, ...] = field((SEED_PREFIX + "0", SEED_PREFIX + "1"))
    num_between: int = field(8, ge=1, le=10_000)
    method: Literal["ddim", "ddpm"] = field("ddim")
    num_steps: int = field(20, ge=1, le=MAX_STEPS, advanced=True)
    max_evaluations: int = field(
        12, ge=1, le=50, advanced=True, applies=lambda values: not _is_mixed(values)
    )
    t: int | None = field(None, ge=0, le=MAX_STEPS, unit="steps", applies=_is_mixed)
    num_samples: int = field(1, ge=1, le=MAX_PICTURES, applies=_is_mixed)
    size_px: int | None = field(None, ge=8, le=MAX_SIZE_PX, unit="pixels", advanced=True)

    def check(self) -> None:
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
        if self.frames.num_pictures > MAX_PICTURES:
            raise UserError(
                "interpolate_too_many",
                "That would be {count} pictures, more than {limit}; "
                "choose fewer in-betweens or samples.",
                field="num_between",
                count=self.frames.num_pictures,
                limit=MAX_PICTURES,
            )

    @classmethod
    def from_door(cls, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """An end can also be given as `image_a`, or as `seed_a` where there is no picture."""
        lettered = {alias.name for alias in cls.aliases}
        fields, inputs = super().from_door({k: v for k, v in values.items() if k not in lettered})
        given = [x for x in LETTERS if any(values.get(f"{k}_{x}") is not None for k in _KINDS)]
        if not given:
            return fields, inputs
        images, ends = [], []
        for letter in LETTERS if {"c", "d"} & set(given) else LETTERS[:2]:
            picture, seed = values.get(f"image_{letter}"), values.get(f"seed_{letter}")
            images += [picture] if picture is not None else []
            ends.append(IMAGE if picture is not None else _seed_end(letter, seed))
        return {**fields, "ends": tuple(ends)}, {**inputs, "images": images}

    @classmethod
    def from_words(cls, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """An end that is no seed is the path of a picture."""
        fields, inputs = super().from_words(values)
        if "ends" not in fields or inputs.get("images"):
            return fields, inputs
        words = [str(end) for end in fields["ends"]]
        ends = tuple(end if end.startswith(SEED_PREFIX) else IMAGE for end in words)
        images = [end for end in words if not end.startswith(SEED_PREFIX)]
        return {**fields, "ends": ends}, {**inputs, "images": images}

    @property
    def is_exact(self) -> bool:
        """The way back from the noise must be the way up."""
        return self.method == "ddim"

    def start(self, prior: Prior, images: Sequence[Image.Image] | None = None) -> InterpolationRun:
        from ..process.interpolation import Interpolation
        from ..process.interpolation_run import InterpolationRun
        from ..recipes.prior import own_size_px, square

        images = list(images or ())
        size_px = self.size_px or own_size_px(prior.info, images)
        recipe = self.replace(size_px=size_px)
        channels = prior.denoiser.channels
        steps = Interpolation(
            prior.denoiser,
            recipe,
            [square(image, size_px, channels) for image in images],
            (channels, size_px, size_px),
            variance=prior.variance,
            device=prior.device,
        )
        return InterpolationRun(recipe, prior.info, steps, images)

    @property
    def frames(self) -> Frames:
        """Places on the line or the grid, and the pictures of each."""
        return Frames(
            len(self.ends), self.num_between, self.num_samples if self.method == "ddpm" else 1
        )

    def frames_of(self, images: Sequence[Any]) -> list[Any]:
        """The pictures of the animation; errors as of `Frames.along_path`."""
        return self.frames.along_path(images)

    def picture_name(self, index: int) -> str:
        frame, sample = divmod(index, self.frames.num_samples)
        return f"frame-{frame:04d}" + (f"-sample-{sample}" if self.frames.num_samples > 1 else "")


def _seed_end(letter: str, seed: Any) -> str:  # noqa: ANN401  whatever a door was given
    field = f"seed_{letter}"
    seed = LETTERS.index(letter) if seed is None else seed
    check_range(field, seed, 0, MAX_SEED)
    return f"{SEED_PREFIX}{int(seed)}"
