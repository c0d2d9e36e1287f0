"""What noise a picture has, from the picture alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from . import noise_curve, noise_likelihood
from .calm import calm_spectrum
from .drawn import LEVELS, is_drawn
from .noise_curve import PATCH_PX, NoiseCurve
from .noise_model import NoiseModel
from .saturation import estimate_clipped_sigma

HIGH = 6  # rows and columns from here on are high frequencies
# A spectrum whose bands differ by less is white, up to what an estimate errs.
WHITE_SPREAD = 1.6
# A picture with a shorter side has too few patches to tell its texture from noise.
MIN_SIDE_PX = 12
# Weaker coloured noise cannot be told from the texture of clean photographs.
LEAST_COLOURED = 5.0 / LEVELS
# Noise is a floor that many patches lie on, texture is here more and there less: by how much the
# calmest tenth of the patches exceeds the calmest fiftieth. Noise of sigma 20, whatever was done
# to it, has 1.1 to 1.5, under JPEG 70, which empties calm patches, 1.65 to 3.5; white noise and
# Poisson's from sigma 5 up 1.2 to 2.0; clean photographs with strong texture have 1.3 to 70, but
# in none are calm patches as strong as 14 levels.
UNEVEN, VERY_UNEVEN, UNEVEN_WHITE = 1.55, 4.0, 2.0
STRONG = 16.0 / LEVELS
# Noise of a resized picture: nearly white, but what estimates white noise finds its weak high
# frequencies. Told by these being so much below that estimate and a band so much above; filled
# up to so many times the estimate. Of 25 squares of held-out training photographs with white noise
# of four levels 1 in 100 is taken for it, with Poisson's 7, of seven resizings 145 in 175.
# Picture is left in low frequencies: what is far above the estimate is not believed.
TILTED_HIGH, TILTED_BAND, TILTED_FILL, TILTED_MOST = (0.5, 0.88), (1.22, 3.0), 1.2, 1.5
# Where calm patches have less than this, and the estimate of white noise is so many times as much,
# it is mistaken: in one channel texture leaves it few dimensions.
WEAK, MISTAKEN = 3.0 / LEVELS, 1.4
# Where a curve leaves less noise than it says, or more in brightness than in colours, calm
# patches have texture (25 squares of training photographs, five curves: .85 to 1.06; .93 to 1.08,
# three of 112 up to 1.21).
LEAST_SHARE, MOST_IN_BRIGHTNESS = 0.85, 1.15
# What a curve of noise that is not white makes of it may be less even by no more.
MORE_UNEVEN = 1.03


def estimate(parts: Sequence[Tensor], is_compressed: bool = False) -> NoiseModel:
    """The noise in a picture, white where it may be white.

    Args:
        parts: [1, C, h, w] each in [-1, 1], C 1 or 3.
        is_compressed: how noise that is not white depends on the brightness is told by what the
            file says of its compression (`noise_before`), not by what is left of it.
    """
    channels = parts[0].shape[1]
    if is_drawn(parts) or all(min(part.shape[-2:]) < MIN_SIDE_PX for part in parts):
        return NoiseModel.white(0.0, channels)
    curve = noise_curve.find(parts)
    if curve is not None:
        even = [curve.stabilised(part) for part in parts]
        white = _confirmed(even, curve)
        if white is not None:
            return NoiseModel.white(white.sigma(parts), channels, white)
    same = _estimate_same(parts)
    curve = None if is_compressed else joint_curve(parts)
    if curve is None:
        return same
    found = _estimate_same([curve.stabilised(part) for part in parts])
    # White noise that is the same everywhere is rarely mistaken, but a curve in it may be.
    is_white = found.is_white and same.is_white and same.sigma > 0
    return same if is_white or found.sigma == 0 else found.bent(curve, parts)


def joint_curve(parts: Sequence[Tensor]) -> NoiseCurve | None:
    """How noise of any spectrum depends on the brightness; None where it does not, or nobody can
    tell."""
    power, unevenness = calm_spectrum([part.mean(1, keepdim=True) for part in parts])
    blocks = None if power is None else noise_likelihood.of_energies(parts, power[0])
    curve = None if blocks is None else noise_likelihood.fit(blocks, parts[0].shape[1] > 1)
    if curve is None:
        return None
    curve = curve.reaching(parts)
    _, left = calm_spectrum([curve.stabilised(part).mean(1, keepdim=True) for part in parts])
    return curve if left <= MORE_UNEVEN * unevenness else None


def _confirmed(even: Sequence[Tensor], curve: NoiseCurve) -> NoiseCurve | None:
    """The curve with the level of the white noise that it makes of the noise; None where that is
    not white, or not the same everywhere.

    Args:
        even: the picture's parts, stabilised by the curve.
        curve: up to a factor.
    """
    power, unevenness = calm_spectrum(even)
    if power is None or unevenness > UNEVEN_WHITE:
        return None
    bands = _bands(power)
    fine = bands[3::4].sqrt()  # of high frequencies: brightness, then colours
    if len(fine) > 1 and float(fine[0]) > MOST_IN_BRIGHTNESS * float(fine[1:].mean()):
        return None
    # Low frequencies of brightness may be more: calm patches of texture have them.
    bands = bands[1:] / curve.level**2
    is_white = WHITE_SPREAD**-2 <= float(bands.min()) and float(bands.max()) <= WHITE_SPREAD**2
    share = _white_level(even) / curve.level
    return curve.times(share) if is_white and share >= LEAST_SHARE else None


def _estimate_same(parts: Sequence[Tensor]) -> NoiseModel:
    """The noise of pictures that were not drawn, the same everywhere."""
    channels = parts[0].shape[1]
    white = _white_level(parts)
    power, unevenness = calm_spectrum(parts)
    if power is None:
        return NoiseModel.white(white, channels)
    level = math.sqrt(max(0.0, float(power[0].mean())))
    if level >= LEAST_COLOURED and unevenness <= UNEVEN and _is_tilted(power, white):
        most = (TILTED_MOST * white) ** 2
        return NoiseModel(power.clamp(0, most).float(), False, filled_to=TILTED_FILL * white)
    if float(_bands(power).max()) <= WHITE_SPREAD**2 * max(white**2, 1e-12):
        if level < STRONG and unevenness > UNEVEN_WHITE:
            return NoiseModel.white(0.0, channels)
        is_mistaken = level < WEAK and white > MISTAKEN * level
        return NoiseModel.white(level if is_mistaken else white, channels)
    if level < LEAST_COLOURED or unevenness > (UNEVEN if level < STRONG else VERY_UNEVEN):
        return NoiseModel.white(0.0, channels)
    return NoiseModel(power.clamp(min=0).float(), False)


def _white_level(parts: Sequence[Tensor]) -> float:
    levels = torch.tensor([estimate_clipped_sigma(y) for y in parts], dtype=torch.float64)
    return float(levels.median())


def _is_tilted(power: Tensor, white: float) -> bool:
    """Whether noise is nearly white, but weaker at high frequencies.

    Args:
        power: as `NoiseModel.power`.
        white: level of white noise that was estimated.
    """
    high = math.sqrt(max(0.0, float(power[0, HIGH:, HIGH:].mean())))
    strongest = math.sqrt(max(0.0, float(_bands(power).max())))
    ranges = ((high, TILTED_HIGH), (strongest, TILTED_BAND))
    return all(low * white <= found <= most * white for found, (low, most) in ranges)


def _bands(power: Tensor) -> Tensor:
    """Means over quarters of the frequencies, for each channel."""
    half = PATCH_PX // 2
    return F.avg_pool2d(power[None], half)[0].flatten()
