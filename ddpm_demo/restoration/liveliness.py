"""How much goes on in a picture, of what goes on in photographs: its power over the prior's.

The spectrum of a prior is that of photographs in general. Sky and paper have a hundredth of it,
and a chain that starts from noise which hides all that a photograph may have throws away what the
Gaussian knew there: the fill is then as lively as the network happens to be. Everything moves
along with the power: with r times the prior's a chain starts at sqrt(r) times the noise.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .spectrum import Spectrum, to_frequencies

SIDE_PX = 16
# Squares so near to the hole, and not in it, say what it is like.
NEAR_PX = 8
# Fewer squares than this without an unknown pixel say nothing.
MIN_SQUARES = 8
# Below it eight bits have nothing to tell.
MIN_POWER = 1e-3
# A JPEG, or an enlarged picture, has nothing at high frequencies, a noisy one much: the lower
# ones decide what a hole may hold.
NUM_OCTAVES = 2


def relative_power(y: Tensor, known: Tensor, spectrum: Spectrum, sigma_y: float = 0.0) -> float:
    """r in [`MIN_POWER`, 1], how much of the prior's power a picture has around its hole.

    1 where too little of the picture is known.

    Args:
        y: [1, C, H, W] in [-1, 1]; whatever where it is not known.
        known: [1, 1, H, W], 1 = known.
        spectrum: the prior's.
        sigma_y: of white noise in y, which does not count.
    """
    squares = _near_squares(y, known)
    if len(squares) < MIN_SQUARES:
        return 1.0
    power = to_frequencies(squares)[:, 0].square().mean(0) - sigma_y**2
    share = power / spectrum.power(squares)[0]
    rows = torch.arange(SIDE_PX, device=y.device)
    octave = torch.maximum(rows[:, None], rows[None, :]).float().log2().floor()  # -inf: the mean
    r = sum(float(share[octave == k].mean()) for k in range(NUM_OCTAVES)) / NUM_OCTAVES
    return min(1.0, max(MIN_POWER, r))


def _near_squares(y: Tensor, known: Tensor) -> Tensor:
    """Squares without an unknown pixel near those with one, half over each other,
    [N, C, side, side]."""
    step, channels = SIDE_PX // 2, y.shape[1]
    if min(y.shape[-2:]) < SIDE_PX:
        return y.new_empty(0, channels, SIDE_PX, SIDE_PX)
    columns = F.unfold(y, SIDE_PX, stride=step)[0].T
    near = F.max_pool2d(1 - known, 2 * NEAR_PX + 1, stride=1, padding=NEAR_PX)
    is_known = F.unfold(known, SIDE_PX, stride=step)[0].amin(0) > 0
    is_near = F.unfold(near, SIDE_PX, stride=step)[0].amax(0) > 0
    return columns[is_known & is_near].reshape(-1, channels, SIDE_PX, SIDE_PX)
