"""A part of a picture made anew, or its surroundings. Known pixels come back exactly."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ..errors import UserError
from ..recipes.field import field
from ..recipes.inputs import Alias, Picture
from ..restoration.recipe import RestorationRecipe

if TYPE_CHECKING:
    from PIL import Image

    from ..recipes.prior import Prior
    from ..restoration.run import RestorationRun
    from ..restoration.upload import Upload


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

    def start(
        self, prior: Prior, image: Image.Image, mask: Image.Image | None = None
    ) -> RestorationRun:
        import torch
        from torch import Tensor

        from ..core.noise import NoiseSource
        from ..pictures.alpha import filled
        from ..pictures.images import plain, to_tensor
        from ..pictures.masks import from_picture, nothing
        from ..restoration import settings, solve
        from ..restoration.blend import Restoration
        from ..restoration.chains import denoiser, run_chains, shape_of, to_8_bit
        from ..restoration.greyness import onto_tone
        from ..restoration.observation import Observation
        from ..restoration.operators import Mask
        from ..restoration.repaint import NUM_STEPS, repaint
        from ..restoration.run import RestorationRun
        from ..restoration.setup import Setup
        from ..restoration.upload import check_mask, expand, feather, fit_mask, prepare

        if mask is None and not any(self.expand):
            raise UserError(
                "mask_missing",
                "Give a mask that says what is to be filled, or sides to expand the picture by.",
                field="mask",
            )
        image = plain(image)
        mask = nothing(image.size) if mask is None else from_picture(mask, image.size)
        image, mask = expand(image, mask, self.expand)
        upload = prepare(image, prior.info, solve.num_chains(self), self.reduce)
        mask = fit_mask(mask, upload)
        if upload.alpha is not None:
            upload = dataclasses.replace(upload, alpha=filled(upload.alpha, mask))
        if upload.fit.how == "tiles":
            return self._hole_by_hole(prior, upload, mask)
        hole = to_tensor(mask, 1).add(1).div(2).to(prior.device)
        check_mask(hole)
        weight = feather(hole, self.feather_px)
        known = (weight == 0).float()
        original = upload.tensor(prior.denoiser.channels).to(prior.device)

        onto = onto_tone(original[..., (known[0, 0] > 0)][:, :, None])

        def finish(x: Tensor) -> Tensor:
            x = onto(x)
            return to_8_bit(torch.where(known > 0, original, original + weight * (x - original)))

        if self.method == "repaint":
            noise = NoiseSource.for_run(self.seed, self.num_images, prior.device)
            num_steps = self.num_steps or min(NUM_STEPS, prior.schedule.num_timesteps)
            steps = repaint(denoiser(prior, upload.fit), original, known, noise, num_steps)
            restoration = Restoration(steps, self.num_images, self.perception, finish=finish)
        else:
            observation = Observation(
                Mask(known), known * original, 0.0, tuple(original.shape[1:])
            )
            how = settings.of_hole(prior.info, self, hole, self.time_travel or 0)
            restoration = run_chains(prior, upload.fit, observation, self, how, finish)
        setup = Setup(
            restoration,
            upload.fit,
            known * original,
            original=None if any(self.expand) else original,
            **shape_of(upload),
        )
        return RestorationRun(self, prior.info, setup)

    def _hole_by_hole(self, prior: Prior, upload: Upload, mask: Image.Image) -> RestorationRun:
        """Of any size: what is far from every hole is not looked at."""
        import numpy as np

        from ..restoration.canvas import Canvas
        from ..restoration.inpainting import Plan, fill, observed
        from ..restoration.piece_run import PieceRun, PieceSetup
        from ..restoration.upload import check_mask

        pixels, hole = np.asarray(upload.colour), np.asarray(mask) > 0
        upload = upload.without_pixels()
        check_mask(hole)
        is_mean = self.perception == 0
        canvas = Canvas(
            pixels,
            1 if is_mean else self.num_images,
            prior.denoiser.channels,
            with_spread=not is_mean and self.num_images > 1 or self.perception < 1,
        )
        plan = Plan(canvas, hole, self.feather_px, self.time_travel or 0, self.method)
        steps = fill(prior, self, plan)
        setup = PieceSetup(
            steps,
            upload.fit,
            lambda: observed(plan),
            original=None if any(self.expand) else pixels,
            changed=[piece.window for piece in steps.pieces],
            alpha=upload.alpha,
        )
        return PieceRun(self, prior.info, setup)
