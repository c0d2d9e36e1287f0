"""The noise in a picture as its file is: from its pixels, and from what a JPEG's header says."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ..pictures.compression import Compression
from . import denoising, noise_before, noise_estimate, quantised
from .drawn import is_drawn
from .noise_model import NoiseModel

# Compression adds to noise what it rounds away, not more (training photographs with sigma 20 at
# qualities 70 to 95: 1.01 to 1.22; above, 1.26 to 1.41, calm patches were of texture).
MOST_AFTER = 1.25
# Where a tenth of the blocks have less, in 8-bit levels, there is no noise of any curve.
WORTH_A_LOOK = 1.0


def found_in(parts: Sequence[Tensor], compression: Compression | None) -> NoiseModel:
    """The noise in a picture, from parts of it, and from what a JPEG's header says of it.

    Args:
        parts: [1, C, h, w] on the CPU, C 1 or 3.
        compression: of the JPEG that the parts are from, whose corners lie on multiples of
            `artefacts.MULTIPLE_PX`; None for others.
    """
    found = noise_estimate.estimate(parts, compression is not None)
    if compression is None or is_drawn(parts):
        return found
    seen = quantised.look(parts, compression)
    floor = noise_before.floor(parts, seen)
    if floor is None:
        return found
    curve = noise_before.curve(parts, seen) if floor.sigma_255 >= WORTH_A_LOOK else None
    if curve is not None:
        bent = noise_before.floor(parts, seen, curve)
        if bent is not None and (bent.is_noise or bent.is_correlated) and bent.share > floor.share:
            floor = bent
    if floor.is_texture:
        return NoiseModel.white(0.0, parts[0].shape[1])
    is_noise = floor.is_noise or floor.is_correlated
    is_as_bent = floor.curve is None or found.curve is not None
    if not is_noise or (is_as_bent and floor.agrees(found)):
        return found
    model = noise_before.model(parts, floor)
    if model is None:
        return found
    if not floor.is_noise:
        return model
    # Where compression left most of the noise, what calm patches have says more than one level.
    is_all_there = not found.is_white and denoising.whitening_level(found, 1) >= model.sigma_max
    is_better = is_all_there and is_as_bent and not _is_more(found, model)
    return found if is_better else model


def _is_more(found: NoiseModel, model: NoiseModel) -> bool:
    """Whether calm patches have more in brightness than there was before: picture, not noise."""
    before, after = (float(one.power[0].mean()) ** 0.5 for one in (model, found))
    return after > MOST_AFTER * before
