"""What a user can ask of restoration: a recipe a task, and their limits.

All share one engine (`tasks.restore`), so that they share most of their fields too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..errors import UserError
from .recipe import MAX_STEPS, Recipe, check_range, register

MAX_SAMPLES = 16
MAX_SIGMA_255 = 255.0
# Less than this is below the rounding of 8-bit pictures.
MIN_DENOISE_SIGMA_255 = 0.5
MAX_TIME_TRAVEL = 50
MAX_FEATHER_PX = 64.0
MAX_EXPAND_PX = 1024
FACTORS = (2, 3, 4, 8)
INPAINT_METHODS = ("engine", "repaint")
BLURS = ("gaussian", "motion")


@dataclass(frozen=True, kw_only=True)
class RestorationRecipe(Recipe):
    """What all restorations share.

    Args:
        perception: 0 for the posterior mean (faithful, best PSNR), 1 for samples (sharp); between
            them, the straight line, which is the best there is for either measure (Freirich et
            al. 2021, arXiv:2107.02555, theorem 3).
        num_images: samples drawn, 1 to 16; sample i uses seed + i. With perception 0 there is one
            picture however many samples stand behind its uncertainty.
        num_steps: U-Net evaluations a sample; None for what suits the task.
        reduce: a picture above the limit is reduced to it instead of refused.
    """

    perception: float = 0.0
    num_images: int = 1
    num_steps: int | None = None
    reduce: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("perception", self.perception, 0, 1)
        check_range("num_images", self.num_images, 1, MAX_SAMPLES)
        if self.num_steps is not None:
            check_range("num_steps", self.num_steps, 1, MAX_STEPS)


@register
@dataclass(frozen=True, kw_only=True)
class DenoiseRecipe(RestorationRecipe):
    """A picture without its noise.

    Args:
        sigma_255: standard deviation of the noise in 8-bit levels, 0.5 to 255; None to estimate
            it, also where noise is added.
        add_noise_255: noise added first, 0.5 to 255, drawn from the seed; PSNR and SSIM are then
            reported. None for none.
    """

    task: ClassVar[str] = "denoise"
    sigma_255: float | None = None
    add_noise_255: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("sigma_255", "add_noise_255"):
            if getattr(self, name) is not None:
                check_range(name, getattr(self, name), MIN_DENOISE_SIGMA_255, MAX_SIGMA_255)


@register
@dataclass(frozen=True, kw_only=True)
class InpaintRecipe(RestorationRecipe):
    """A picture with a part of it made anew. Known pixels come back exactly.

    Args:
        time_travel: how often each step is undone and repeated, 0 to 50, for large holes; None for
            what suits the hole. "engine" alone.
        method: "engine", or "repaint" (Lugmayr et al. 2022) with the paper's own schedule, which
            takes thousands of evaluations; `num_steps` then counts its timesteps.
        feather_px: over how many pixels outside the hole the filling fades into the picture, 0 to
            64; those pixels change. 0 for a hard edge.
        expand: pixels added at the left, top, right and bottom, each 0 to 1,024; they are filled.
    """

    task: ClassVar[str] = "inpaint"
    perception: float = 1.0
    time_travel: int | None = None
    method: str = "engine"
    feather_px: float = 0.0
    expand: tuple[int, int, int, int] = (0, 0, 0, 0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.time_travel is not None:
            check_range("time_travel", self.time_travel, 0, MAX_TIME_TRAVEL)
        if self.method not in INPAINT_METHODS:
            raise UserError(
                "inpaint_method",
                "The method “{name}” is not known; use engine or repaint.",
                field="method",
                name=self.method,
            )
        check_range("feather_px", self.feather_px, 0, MAX_FEATHER_PX)
        if len(self.expand) != 4:
            raise UserError(
                "expand_sides",
                "Expanding needs four numbers (left, top, right, bottom), not {count}.",
                field="expand",
                count=len(self.expand),
            )
        for pixels in self.expand:
            check_range("expand", pixels, 0, MAX_EXPAND_PX)
        object.__setattr__(self, "expand", tuple(int(pixels) for pixels in self.expand))


@register
@dataclass(frozen=True, kw_only=True)
class UpscaleRecipe(RestorationRecipe):
    """A picture enlarged (super-resolution).

    Args:
        factor: 2, 3, 4 or 8.
        sigma_255: noise in the small picture, 0 to 255; at 0 the result, reduced again, gives the
            small picture back.
        reduce_first: the picture is reduced by `factor` first and the result compared with it.
    """

    task: ClassVar[str] = "upscale"
    factor: int = 4
    sigma_255: float = 0.0
    reduce_first: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.factor not in FACTORS:
            raise UserError(
                "upscale_factor",
                "A picture can be enlarged 2, 3, 4 or 8 times, not {value} times.",
                field="factor",
                value=self.factor,
            )
        check_range("sigma_255", self.sigma_255, 0, MAX_SIGMA_255)


@register
@dataclass(frozen=True, kw_only=True)
class ColouriseRecipe(RestorationRecipe):
    """Colours for a grey picture; a colour one is seen in grey and then compared with."""

    task: ClassVar[str] = "colourise"


@register
@dataclass(frozen=True, kw_only=True)
class DeblurRecipe(RestorationRecipe):
    """A picture without its blur.

    Args:
        kind: "gaussian" (out of focus) or "motion" (shaken).
        radius_px: standard deviation of a Gaussian blur, 0.3 to 20.
        length_px: of a motion blur, 1 to 64.
        angle_degrees: of a motion blur, anticlockwise from level, -360 to 360.
        sigma_255: noise in the blurred picture, 0.25 to 255: without any, what the blur all but
            removed would be brought back with the rounding of the file, much enlarged.
        blur_first: the picture is blurred (and noise added) first and the result compared with it.
    """

    task: ClassVar[str] = "deblur"
    kind: str = "gaussian"
    radius_px: float = 2.0
    length_px: float = 9.0
    angle_degrees: float = 0.0
    sigma_255: float = 2.0
    blur_first: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind not in BLURS:
            raise UserError(
                "blur_kind",
                "The blur “{name}” is not known; use gaussian or motion.",
                field="kind",
                name=self.kind,
            )
        check_range("radius_px", self.radius_px, 0.3, 20)
        check_range("length_px", self.length_px, 1, 64)
        check_range("angle_degrees", self.angle_degrees, -360, 360)
        check_range("sigma_255", self.sigma_255, 0.25, MAX_SIGMA_255)
