"""What was seen of a picture, and what a Gaussian prior makes of it before any network is asked.

The Gaussian with the prior's power spectrum has a posterior that costs no evaluation of the
network (Kalman 1960; in geostatistics, kriging). Its mean is a far better fill than A_pinv y; and
since at noise levels above the finer structure of pictures the noised data are close to Gaussian,
a sample of it, noised to sigma, is a start for the chain at that sigma instead of at pure noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .chain import Noise
from .conditional import condition
from .operators import Operator
from .spectrum import Covariance, Spectrum, from_frequencies, to_frequencies

# Below one evaluation of the network in time, and further iterations change nothing one can see.
MAX_ITERATIONS = 60
# Stands for "no x_t yet": far above the lowest frequencies of photographs, whose standard
# deviation is about 50, or wide holes would be filled too flatly.
PRIOR_SIGMA = 1000.0
# How freely the mean colour may leave mid-grey: brightness, and the two axes of colour.
MEAN_STD = (1.0, 0.1, 0.1)


@dataclass(frozen=True)
class Observation:
    """y = A x_0 + n, n ~ N(0, sigma_y^2 I).

    Args:
        operator: A.
        y: [1, ...], as A gives it; [B, ...] where each of B chains has seen something else.
        sigma_y: in [-1, 1] units, at least 0.
        image_shape: (C, H, W) of x_0.
    """

    operator: Operator
    y: Tensor
    sigma_y: float
    image_shape: tuple[int, int, int]


def mean_colour(observation: Observation) -> Tensor:
    """The plain colour that explains y best, [1, C, 1, 1]; mid-grey where nothing is known.

    Of a batch of observations, their mean's.
    """
    channels, height, width = observation.image_shape
    y = observation.y.mean(0, keepdim=True)
    axes = from_frequencies(torch.eye(channels, dtype=y.dtype, device=y.device)[..., None, None])
    axes = axes * y.new_tensor(MEAN_STD[:channels]).view(-1, 1, 1, 1)
    seen = observation.operator.A(axes.expand(-1, -1, height, width)).flatten(1)
    gram = seen @ seen.T + torch.eye(channels, dtype=y.dtype, device=y.device)
    weights = torch.linalg.solve(gram, seen @ y.flatten())
    return (weights.view(-1, 1, 1, 1) * axes).sum(0, keepdim=True)


def gaussian_mean(observation: Observation, spectrum: Spectrum) -> Tensor:
    """E[x_0 | y] under the Gaussian prior, [B, C, H, W] for y [B, ...]."""
    colour = mean_colour(observation).expand(len(observation.y), *observation.image_shape)
    return _condition(observation, spectrum, colour, observation.y)


def gaussian_samples(
    observation: Observation, spectrum: Spectrum, noise: Noise, mean: Tensor
) -> Tensor:
    """Samples of p(x_0 | y) under the Gaussian prior, [B, C, H, W] (Matheron's rule).

    Args:
        observation, spectrum: as for `gaussian_mean`.
        noise: a source for B pictures.
        mean: `gaussian_mean` of the same.
    """
    x = noise.randn(observation.image_shape)
    if getattr(noise, "is_placed", False):  # pixel by pixel the same in windows that overlap
        x = to_frequencies(x)
    x = from_frequencies(spectrum.power(x).sqrt() * x)
    y = observation.operator.A(x)
    if observation.sigma_y > 0:
        y = y + observation.sigma_y * noise.randn(y.shape[1:])
    return mean + x - _condition(observation, spectrum, torch.zeros_like(x), y)


def _condition(observation: Observation, spectrum: Spectrum, x0: Tensor, y: Tensor) -> Tensor:
    operator, sigma_y = observation.operator, observation.sigma_y
    covariance = Covariance(spectrum.power(x0), PRIOR_SIGMA)
    x0 = condition(operator, x0, y, sigma_y, covariance, max_iterations=MAX_ITERATIONS)
    return operator.prox(x0, y, 0.0, 1.0) if sigma_y == 0 else x0
