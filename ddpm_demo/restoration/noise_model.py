"""The noise of a picture from a camera: its level and its colour, from the picture alone.

A camera's noise is neither white nor the same in all channels: demosaicking, compression and
resizing take its high frequencies, subsampling takes those of the colours. Here its power spectrum
is estimated for brightness and the two axes of colour from the calmest patches (after Colom,
Buades & Morel 2014, "Nonparametric noise estimation method for raw images"), each patch judged
by its energy relative to the spectrum found so far.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from . import noise_curve
from .drawn import LEVELS, is_drawn
from .noise_curve import NoiseCurve
from .saturation import estimate_clipped_sigma
from .spectrum import to_frequencies

PATCH_PX = 8
MAX_PATCHES = 40_000
# Of patches more of whose pixels are black or white nothing is said: their noise was cut off.
SATURATED = 0.02
MIN_PATCHES = 64
CALM = 0.03  # share of the patches that the spectrum is taken from
TAIL = 1.6  # by how many standard deviations the calmest are below the mean
ROUNDS = 8
# What is left of a picture in calm patches lies below this frequency (rows + columns); noise rises
# towards it no more than that of three pixels' averages does.
LOW = 3
RISE = 1.3
HIGH = 6  # rows and columns from here on are high frequencies
GRID = 32  # frequencies a side of the filters
FILTER_PX = 15
FILTER_MARGIN_PX = FILTER_PX // 2
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


@dataclass(frozen=True)
class NoiseModel:
    """Noise of zero mean, the same everywhere but for a curve.

    Args:
        power: [C, 8, 8], variance of each coefficient of an 8 x 8 cosine transform, in [-1, 1]
            units; over three channels those of `spectrum.to_frequencies`, brightness first.
        is_white: one number says it all.
        level: that number, unrounded; None for noise that is not white.
        filled_to: level of white noise that it is filled up to before it is removed; None for
            what suits its spectrum.
        curve: of white noise: how it depends on the brightness, `level` being its root mean
            square; None where it does not.
    """

    power: Tensor
    is_white: bool
    level: float | None = None
    filled_to: float | None = None
    curve: NoiseCurve | None = None

    @classmethod
    def white(cls, sigma: float, channels: int, curve: NoiseCurve | None = None) -> NoiseModel:
        power = torch.full((channels, PATCH_PX, PATCH_PX), sigma**2)
        return cls(power, True, sigma, curve=curve)

    @property
    def sigma(self) -> float:
        """Root mean square of the noise."""
        return math.sqrt(float(self.power.mean())) if self.level is None else self.level

    @property
    def sigma_max(self) -> float:
        """Of the white noise that has nowhere less; single coefficients smoothed."""
        return math.sqrt(float(self.power.amax()))

    def grid(self) -> Tensor:
        """The spectrum [C, GRID, GRID] at the frequencies of a discrete Fourier transform."""
        f = torch.fft.fftfreq(GRID).abs() * 2 * PATCH_PX  # in steps of the patch's transform
        low = f.floor().clamp(max=PATCH_PX - 1).long()
        high = (low + 1).clamp(max=PATCH_PX - 1)
        share = (f - low).clamp(0, 1)
        rows = torch.lerp(self.power[:, low], self.power[:, high], share[None, :, None])
        return torch.lerp(rows[:, :, low], rows[:, :, high], share[None, None, :])

    def as_grey(self, channels: int) -> NoiseModel:
        """A grey picture's in a network of C channels: along the grey axis alone."""
        power = self.power.new_zeros(channels, PATCH_PX, PATCH_PX)
        power[0] = channels * self.power[0]
        level = None if self.filled_to is None else math.sqrt(channels) * self.filled_to
        return NoiseModel(power, False, filled_to=level)


def filtered(x: Tensor, gain: Tensor) -> Tensor:
    """x with its frequencies multiplied by gain [C, GRID, GRID], in the basis of brightness and
    colours: a convolution, whose result [B, C, H, W] lacks FILTER_MARGIN_PX of x at all sides.
    """
    channels = x.shape[1]
    kernel = torch.fft.ifft2(gain.to(torch.complex64)).real
    kernel = torch.fft.fftshift(kernel, dim=(-2, -1))
    edge = GRID // 2 - FILTER_PX // 2
    kernel = kernel[:, None, edge : edge + FILTER_PX, edge : edge + FILTER_PX].to(x)
    return _axes(F.conv2d(_axes(x), kernel, groups=channels), back=True)


def estimate(parts: Sequence[Tensor]) -> NoiseModel:
    """The noise in a picture, from parts [1, C, h, w] of it in [-1, 1], C 1 or 3. White where it
    may be white."""
    channels = parts[0].shape[1]
    if is_drawn(parts) or all(min(part.shape[-2:]) < MIN_SIDE_PX for part in parts):
        return NoiseModel.white(0.0, channels)
    curve = noise_curve.find(parts)
    curve = None if curve is None else _confirmed(parts, curve)
    if curve is not None:
        return NoiseModel.white(curve.sigma(parts), channels, curve)
    return _estimate_same(parts)


def _confirmed(parts: Sequence[Tensor], curve: NoiseCurve) -> NoiseCurve | None:
    """The curve with the level of the white noise that it makes of the noise; None where that is
    not white, or not the same everywhere."""
    even = [curve.stabilised(part) for part in parts]
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


def _axes(x: Tensor, back: bool = False) -> Tensor:
    """Channels as brightness and colours, pixels as they are."""
    if x.shape[1] == 1:
        return x
    tensor = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)[..., None, None]
    basis = to_frequencies(tensor)[:, :, 0, 0].T  # rows are axes
    return torch.einsum(
        "ck,bkhw->bchw" if back else "kc,bchw->bkhw", basis.T if back else basis, x
    )


def _patches(y: Tensor, most: int) -> Tensor:
    """[N, C, 8, 8] from all over, without those that touch black or white much."""
    height, width = y.shape[-2:]
    places = (height - PATCH_PX + 1) * (width - PATCH_PX + 1)
    stride = max(1, math.ceil(math.sqrt(places / most)))
    x = y[0].unfold(1, PATCH_PX, stride).unfold(2, PATCH_PX, stride)
    x = x.permute(1, 2, 0, 3, 4).flatten(0, 1)
    inside = (x.abs() >= 1).float().mean((1, 2, 3)) < SATURATED
    return x[inside] if int(inside.sum()) >= MIN_PATCHES else x


def calm_spectrum(parts: Sequence[Tensor]) -> tuple[Tensor | None, float]:
    """Of the calmest patches, as `NoiseModel.power`, and how uneven calm ones are; None where
    there are too few."""
    parts = [part for part in parts if min(part.shape[-2:]) >= 2 * PATCH_PX]
    if not parts:
        return None, math.inf
    patches = torch.cat([_patches(part, MAX_PATCHES // len(parts)) for part in parts])
    if len(patches) < MIN_PATCHES:
        return None, math.inf
    energy = to_frequencies(patches).square().flatten(2)[..., 1:].double()  # without the mean
    power = energy.median(0).values / 0.455
    size = power.numel()
    calm = max(MIN_PATCHES // 2, round(CALM * len(energy)))
    for _ in range(ROUNDS):
        floor = power.mean() * 0.02 + 1e-9
        surprise = (energy / (power + floor)).mean((1, 2))
        kept = energy[surprise.topk(calm, largest=False).indices]
        power = kept.mean(0)
    # The calmest of equally noisy patches are calm by chance: a chi-square's lower tail.
    power = power / (1 - TAIL * math.sqrt(2 / size))
    first = power[:, [0, PATCH_PX - 1]].mean(1, keepdim=True)  # (0, 1) and (1, 0)
    power = torch.cat([first, power], 1).view(-1, PATCH_PX, PATCH_PX)
    smooth = F.avg_pool2d(F.pad(power[None], (1, 1, 1, 1), mode="replicate"), 3, stride=1)[0]
    smooth = without_content(smooth)
    floor = smooth.mean() * 0.02 + 1e-9
    surprise = (energy / (smooth.flatten(1)[:, 1:] + floor)).mean((1, 2))
    few, more = surprise.sort().values[[len(surprise) // 50, len(surprise) // 10]].tolist()
    return smooth, more / max(few, 1e-9)


def without_content(power: Tensor) -> Tensor:
    """[C, 8, 8] whose low frequencies rise no faster than noise's do: what is more is picture."""
    power, place = power.clone(), torch.arange(PATCH_PX)
    place = place[:, None] + place
    for row in range(LOW, -1, -1):  # downwards, each against the next two
        here, above = place == row, (place == row + 1) | (place == row + 2)
        limit = RISE * power[:, above].mean(1, keepdim=True)
        power[:, here] = torch.minimum(power[:, here], limit)
    return power


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
