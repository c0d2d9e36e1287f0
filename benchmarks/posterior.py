"""Restoration against the exact posterior of a Gaussian prior: the table of docs/restoration.md.

    python benchmarks/posterior.py

The prior is a Gaussian over small pictures (64 or 75 values) with a smooth covariance, its
denoiser exact and in float64, so that what differs from the posterior is the method's own error.
All methods are affine in their noise, so that one run on a batch with a unit vector for each value
of every draw gives the mean and the covariance of their samples: no sampling error in the table.

Ours is `tasks.solve` with the spectrum measured on the prior, as it is on data: the diagonal of
the covariance in the cosine basis, which is not its eigenbasis. DiffPIR and DDRM are written here
from their papers (Zhu et al. 2023, arXiv:2305.08995, algorithm 1; Kawar et al. 2022,
arXiv:2201.11793, eq. 7 and 8), with the settings that they were published with.
"""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ddpm_demo.core.denoiser import Denoiser, Prediction
from ddpm_demo.core.oracles import CorrelatedGaussianDenoiser
from ddpm_demo.core.schedule import Schedule
from ddpm_demo.restoration.chain import SIGMA_MAX
from ddpm_demo.restoration.guided import GuidedDenoiser
from ddpm_demo.restoration.observation import Observation
from ddpm_demo.restoration.operators import AveragePool, Grey, Mask
from ddpm_demo.restoration.recipe import RestorationRecipe
from ddpm_demo.restoration.solve import Settings, chains
from ddpm_demo.restoration.spectrum import FittedSpectrum, Spectrum

Prior = CorrelatedGaussianDenoiser
Moments = tuple[Tensor, Tensor]
SIDE = 8
COLOUR_SIDE = 5
EVALUATIONS = (20, 50, 200)
# Of what DiffPIR takes sigma_y = 0 for; as in the authors' code.
DIFFPIR_SIGMA_MIN = 0.001


def smooth_covariance(channels: int, side: int, length_px: float = 2.0) -> Tensor:
    """[D, D], D = channels * side^2: a squared exponential over places, a little roughness."""
    places = torch.cartesian_prod(*[torch.arange(side, dtype=torch.float64)] * 2)
    squares = torch.cdist(places, places) ** 2
    over_places = torch.exp(-squares / (2 * length_px**2)) + 1e-3 * torch.eye(side**2)
    over_colours = 0.85 + 0.15 * torch.eye(channels, dtype=torch.float64)
    return 0.25 * torch.kron(over_colours, over_places)


class UnitNoise:
    """Value i of draw k is 1 in picture k size + i and 0 in all others.

    Args:
        num_draws: that the run makes at most; one more picture has no noise at all.
        size: values of a draw at most.
    """

    def __init__(self, num_draws: int, size: int):
        self.num_pictures = num_draws * size + 1
        self.drawn, self.size = 0, size

    def randn(self, shape: Sequence[int]) -> Tensor:
        size = math.prod(shape)
        noise = torch.zeros(self.num_pictures, size, dtype=torch.float64)
        start = self.drawn * self.size
        assert start + size < self.num_pictures
        noise[start : start + size] = torch.eye(size, dtype=torch.float64)
        self.drawn += 1
        return noise.view(self.num_pictures, *shape)


def moments(run: Callable[[UnitNoise], Tensor], num_draws: int, size: int) -> Moments:
    """Mean [size] and covariance [size, size] of what an affine method ends in."""
    pictures = run(UnitNoise(num_draws, size)).flatten(1)
    mean = pictures[-1]
    factors = pictures[:-1] - mean
    return mean, factors.T @ factors


class AffineDenoiser:
    """A denoiser that is affine in x_t, with its matrix worked out once a noise level.

    Args:
        denoiser: such as a `GuidedDenoiser` over a Gaussian prior.
        image_shape: (C, H, W).
    """

    def __init__(self, denoiser: Denoiser, image_shape: tuple[int, int, int]):
        self.denoiser, self.schedule = denoiser, denoiser.schedule
        self.size = math.prod(image_shape)
        self.probes = torch.zeros(self.size + 1, *image_shape, dtype=torch.float64)
        self.probes[:-1] = torch.eye(self.size, dtype=torch.float64).view(-1, *image_shape)

    def predict(self, x_t: Tensor, t: float) -> Prediction:
        answers = self.denoiser.predict(self.probes, t).x0.flatten(1)
        x0 = (x_t.flatten(1) @ (answers[:-1] - answers[-1]) + answers[-1]).view(x_t.shape)
        return Prediction(x0, self.schedule.eps_from_x0(x_t, x0, t))


def dense(o: Observation) -> Tensor:
    """A as a matrix."""
    size = math.prod(o.image_shape)
    unit = torch.eye(size, dtype=torch.float64).view(size, *o.image_shape)
    return o.operator.A(unit).flatten(1).T


def exact_posterior(prior: Prior, o: Observation) -> Moments:
    """Mean and covariance of p(x_0 | y)."""
    A = dense(o)
    seen = A.any(1)
    A, y = A[seen], o.y.flatten()[seen]
    gram = A @ prior.covariance @ A.T + o.sigma_y**2 * torch.eye(len(A))
    gain = torch.linalg.solve(gram, A @ prior.covariance).T
    return prior.mean + gain @ (y - A @ prior.mean), prior.covariance - gain @ A @ prior.covariance


def ours(
    prior: Prior, o: Observation, spectrum: Spectrum, settings: Settings, num_steps: int
) -> Moments:
    settings = dataclasses.replace(settings, num_steps=num_steps)
    recipe = RestorationRecipe(checkpoint="oracle", perception=1.0)
    guided = GuidedDenoiser(prior, o.operator, o.y, o.sigma_y, spectrum)

    def run(noise: UnitNoise) -> Tensor:
        *_, last = chains(
            AffineDenoiser(guided, o.image_shape), o, spectrum, recipe, settings, noise
        )
        return last.x0_hat

    return moments(run, settings.num_steps + 3, math.prod(o.image_shape))


def diffpir(prior: Prior, o: Observation, weight: float, zeta: float, num_steps: int) -> Moments:
    """DiffPIR: algorithm 1, the timesteps of the authors' code (dense at little noise)."""
    schedule = prior.schedule
    top = schedule.num_timesteps - 1
    steps = [top - round(top * math.sqrt(k / (num_steps - 1))) for k in range(num_steps)]
    sigma_y = max(o.sigma_y, DIFFPIR_SIGMA_MIN)

    def run(noise: UnitNoise) -> Tensor:
        start = o.operator.A_pinv(o.y)
        x_t = schedule.q_sample(start, steps[0], noise.randn(o.image_shape))
        for t, s in zip(steps, steps[1:], strict=False):
            x0 = prior.predict(x_t, t).x0
            x0 = o.operator.prox(x0, o.y, sigma_y, schedule.sigma(t) / weight**0.5)
            eps = schedule.eps_from_x0(x_t, x0, t)
            eps = math.sqrt(1 - zeta) * eps + math.sqrt(zeta) * noise.randn(o.image_shape)
            x_t = schedule.q_sample(x0, s, eps)
        return prior.predict(x_t, steps[-1]).x0

    return moments(run, num_steps, math.prod(o.image_shape))


def ddrm(
    prior: Prior, o: Observation, num_steps: int, eta: float = 0.85, eta_b: float = 1.0
) -> Moments:
    """DDRM: eq. 7 (start) and 8 (step), in the singular basis of A; x is x_t / sqrt(abar_t)."""
    schedule, size = prior.schedule, math.prod(o.image_shape)
    U, s, V = torch.linalg.svd(dense(o), full_matrices=True)
    s = torch.cat([s, s.new_zeros(size - len(s))])
    seen = s > 1e-9
    y_bar = s.new_zeros(size)
    y_bar[seen] = (U.T @ o.y.flatten())[: int(seen.sum())] / s[seen]
    noise_y = torch.where(seen, o.sigma_y / s.clamp(min=1e-12), torch.inf)
    steps = [round(t) for t in torch.linspace(schedule.num_timesteps - 1, 0, num_steps).tolist()]

    def step(x0: Tensor, x: Tensor, sigma: float, before: float, noise: Tensor) -> Tensor:
        keep = math.sqrt(1 - eta**2) * sigma
        unseen = x0 + keep * (x - x0) / before + eta * sigma * noise
        faint = x0 + keep * (y_bar - x0) / noise_y.clamp(min=1e-12) + eta * sigma * noise
        spread = (sigma**2 - (noise_y.clamp(max=1e6) * eta_b) ** 2).clamp(min=0).sqrt()
        clear = (1 - eta_b) * x0 + eta_b * y_bar + spread * noise
        return torch.where(seen, torch.where(sigma < noise_y, faint, clear), unseen)

    def run(noise: UnitNoise) -> Tensor:
        sigma = schedule.sigma(steps[0])
        spread = (sigma**2 - torch.where(seen, noise_y, 0.0) ** 2).clamp(min=0).sqrt()
        x = y_bar + spread * noise.randn((size,))
        for t, following in zip(steps, [*steps[1:], -1], strict=True):
            before, sigma = sigma, schedule.sigma(following)
            x_t = schedule.abar(t) ** 0.5 * (x @ V).view(-1, *o.image_shape)
            x0 = prior.predict(x_t, t).x0.flatten(1) @ V.T
            if following < 0:
                break
            x = step(x0, x, sigma, before, noise.randn((size,)))
        # The last step, to sigma = 0: what is seen without noise is exact, the rest is x0.
        x = torch.where(seen & (noise_y == 0), y_bar, x0)
        return (x @ V).view(-1, *o.image_shape)

    return moments(run, num_steps + 1, size)


def observations(schedule: Schedule) -> Iterator[tuple[str, Prior, Observation, float, float]]:
    """A name, the prior, what is seen of a draw of it, DiffPIR's lambda and zeta for it."""
    generator = torch.Generator().manual_seed(0)
    mask = (torch.rand(1, 1, SIDE, SIDE, generator=generator) < 0.3).double()
    box = torch.ones(1, 1, SIDE, SIDE, dtype=torch.float64)
    box[..., 2:6, 2:6] = 0
    for name, shape, operator, sigma_y, weight, zeta in (
        ("30 % of the pixels", (1, SIDE, SIDE), Mask(mask), 0.0, 1.0, 1.0),
        ("all but 4 x 4 pixels", (1, SIDE, SIDE), Mask(box), 0.0, 1.0, 1.0),
        ("4 x 4 averages", (1, SIDE, SIDE), AveragePool(4), 0.0, 1.0, 0.1),
        ("grey, noise 0.1", (3, COLOUR_SIDE, COLOUR_SIDE), Grey(), 0.1, 1.0, 0.1),
    ):
        covariance = smooth_covariance(*shape[:2])
        prior = Prior(schedule, torch.zeros(len(covariance), dtype=torch.float64), covariance)
        draw = torch.randn(len(covariance), generator=generator, dtype=torch.float64)
        x = (prior.basis * prior.eigenvalues.sqrt() @ draw).view(1, *shape)
        y = operator.A(x)
        y = y + sigma_y * torch.randn(y.shape, generator=generator, dtype=torch.float64)
        yield name, prior, Observation(operator, y, sigma_y, shape), weight, zeta


def errors(found: Moments, exact: Moments) -> list[float]:
    """Of the mean (in posterior standard deviations), of the standard deviation and of the
    covariance (relative, over all values together)."""
    (mean, covariance), (true_mean, true_covariance) = found, exact
    std, true_std = (c.diagonal().clamp(min=0).sqrt() for c in (covariance, true_covariance))
    return [
        float((mean - true_mean).norm() / true_std.norm()),
        float((std - true_std).norm() / true_std.norm()),
        float((covariance - true_covariance).norm() / true_covariance.norm()),
    ]


def main() -> None:
    torch.set_num_threads(1)
    schedule = Schedule.from_config({"beta_schedule": "linear"})
    heads = " | ".join(f"{n} evaluations" for n in EVALUATIONS)
    print(f"| seen | method | {heads} |\n|---|---|{'---|' * len(EVALUATIONS)}")
    for name, prior, observation, weight, zeta in observations(schedule):
        exact = exact_posterior(prior, observation)
        spectrum = FittedSpectrum.of_covariance(prior.covariance, observation.image_shape)
        from_noise = Settings(sigma_start=SIGMA_MAX)
        methods = {
            "ours": partial(ours, prior, observation, spectrum, Settings()),
            "ours, from noise alone": partial(ours, prior, observation, spectrum, from_noise),
            f"DiffPIR, lambda {weight:g}, zeta {zeta:g}": partial(
                diffpir, prior, observation, weight, zeta
            ),
            "DDRM": partial(ddrm, prior, observation),
        }
        for method, run in methods.items():
            cells = [" / ".join(f"{e:.3f}" for e in errors(run(n), exact)) for n in EVALUATIONS]
            print(f"| {name} | {method} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
