"""A part of a picture made anew, or its surroundings. Known pixels come back exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ..errors import UserError
from ..recipes.field import field
from ..recipes.inputs import Alias, Picture
from ..restoration.recipe import RestorationRecipe

if TYPE_CHECKING:
    from PIL import Image

    from ..recipes.prior import Prior
    from ..restoration.piece_run import PieceSetup
    from ..restoration.setup import Setup


SIDES = ("left", "top", "right", "bottom")


def _is_engine(values: Mapping[str, Any]) -> bool:
    return values.get("method") == "engine"


class InpaintRecipe(RestorationRecipe):
    """A picture with a part of it made anew. Known pixels come back exactly.

    Args:
        time_travel: how often each step is undone and repeated, for large holes; None for what
            suits the hole. "engine" alone.
        method: "engine", or "repaint" (Lugmayr et al. 2022) with the paper's own schedule, which
            takes thousands of evaluations; `num_steps` then counts its timesteps.
        feather_px: over how many pixels outside the hole the filling fades into the picture; those
            pixels change. 0 for a hard edge.
        expand: pixels added at the left, top, right and bottom; they are filled.
    """

    task: ClassVar[str] = "inpaint"
    position: ClassVar[int] = 30
    result_suffix: ClassVar[str] = "inpainted"
    inputs: ClassVar[tuple[Picture, ...]] = (
        Picture("image"),
        Picture("mask", required=False, is_mask=True),
    )
    aliases: ClassVar[tuple[Alias, ...]] = tuple(
        Alias(f"expand_{side}", "integer", "expand") for side in SIDES
    )

    perception: float = field(1.0, ge=0, le=1, step=0.05, advanced=True)
    time_travel: int | None = field(None, ge=0, le=50, advanced=True, applies=_is_engine)
    method: Literal["engine", "repaint"] = field("engine", advanced=True)
    feather_px: float = field(0.0, ge=0, le=64, step=1, unit="pixels", advanced=True)
    expand: tuple[int, int, int, int] = field((0, 0, 0, 0), ge=0, le=1024, unit="pixels")

    @classmethod
    def from_door(cls, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The sides to expand can also be given one by one, as `expand_left` and so on."""
        sides = [values.get(alias.name) for alias in cls.aliases]
        names = {alias.name for alias in cls.aliases}
        fields, inputs = super().from_door({k: v for k, v in values.items() if k not in names})
        if any(side is not None for side in sides):
            fields["expand"] = tuple(0 if side is None else side for side in sides)
        return fields, inputs

    def prepare(
        self, prior: Prior, image: Image.Image, mask: Image.Image | None = None
    ) -> Setup | PieceSetup:
        if mask is None and not any(self.expand):
            raise UserError(
                "mask_missing",
                "Give a mask that says what is to be filled, or sides to expand the picture by.",
                field="mask",
            )
        from ..restoration.masked import inpaint

        return inpaint(prior, self, image, mask)
