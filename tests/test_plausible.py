"""Weights of finished chains, against the densities of exact priors."""

import pytest
import torch

from ddpm_demo.core.noise import NoiseSource
from ddpm_demo.core.oracles import CorrelatedGaussianDenoiser, MixtureDenoiser
from ddpm_demo.core.schedule import Schedule
from ddpm_demo.core.step import Step
from ddpm_demo.restoration.blend import Restoration, weighted_mean, weighted_variance
from ddpm_demo.restoration.observation import Observation
from ddpm_demo.restoration.operators import AveragePool
from ddpm_demo.restoration.plausible import Weigher, levels_between, prior_energies

SHAPE = (3, 4, 4)
SIZE = 3 * 4 * 4
SCHEDULE = Schedule.from_config({"beta_schedule": "squaredcos_cap_v2"})


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gaussian(seed=0):
    root = draw(SIZE, SIZE, seed=seed) / SIZE**0.5
    return CorrelatedGaussianDenoiser(SCHEDULE, 0.3 * draw(SIZE, seed=1), root @ root.T)


def observation(sigma_y):
    y = torch.zeros(1, 3, 2, 2, dtype=torch.float64)
    return Observation(AveragePool(2), y, sigma_y, SHAPE)


@pytest.mark.parametrize("floor", [0.1, 0.5])
@pytest.mark.parametrize(("levels_per_e", "tolerance"), [(20, 0.005), (1, 0.1)])
def test_energies_are_those_of_the_blurred_gaussian(floor, levels_per_e, tolerance):
    prior, x0 = gaussian(), draw(6, *SHAPE, seed=2)
    found = prior_energies(prior, x0, levels_between(floor, 80, levels_per_e), seed=3)

    centred = x0.flatten(1) - prior.mean
    precision = torch.linalg.inv(prior.covariance + floor**2 * torch.eye(SIZE))
    true = torch.einsum("ni,ij,nj->n", centred, precision, centred) / 2
    difference = (found - found.mean()) - (true - true.mean())
    assert true.std() > 1
    assert float(difference.abs().max()) < tolerance * float(true.max() - true.min())


def test_a_picture_that_the_prior_would_not_draw_counts_for_nothing():
    means = torch.stack([torch.full((SIZE,), v, dtype=torch.float64) for v in (-0.8, 0.8)])
    prior = MixtureDenoiser(SCHEDULE, means, std=0.05)
    near = means[0].view(1, *SHAPE) + 0.05 * draw(3, *SHAPE)
    chains = torch.cat([near, torch.full((1, *SHAPE), 0.1, dtype=torch.float64)])
    weights = Weigher(prior, observation(0.0), seed=0).weights(chains)
    assert float(weights.sum()) == pytest.approx(1)
    assert float(weights[3]) < 1e-6 and float(weights[:3].min()) > 0.1


def test_noise_in_what_was_seen_counts_too():
    prior, x0 = gaussian(), draw(3, *SHAPE, seed=2)
    weigher = Weigher(prior, observation(0.2), seed=0)
    assert weigher.sigmas == levels_between(0.8, 20, 1) and len(weigher.sigmas) == 3
    misfit = AveragePool(2).A(x0).flatten(1).square().sum(1) / (2 * 0.2**2)
    of_prior = prior_energies(prior, x0, weigher.sigmas, 0)
    torch.testing.assert_close(weigher.energies(x0), of_prior + misfit)
    exact = Weigher(prior, observation(0.0), seed=0)
    torch.testing.assert_close(exact.energies(x0), prior_energies(prior, x0, exact.sigmas, 0))


def test_weighted_moments_are_the_plain_ones_where_all_count_alike():
    x, equal = draw(5, *SHAPE), torch.full((5,), 0.2, dtype=torch.float64)
    torch.testing.assert_close(weighted_mean(x, equal), x.mean(0, keepdim=True))
    torch.testing.assert_close(weighted_variance(x, equal), x.var(0, keepdim=True))
    alone = torch.tensor([0, 0, 1, 0, 0], dtype=torch.float64)
    torch.testing.assert_close(weighted_mean(x, alone), x[2:3])
    assert not weighted_variance(x, alone).any()


@pytest.mark.parametrize(("perception", "num_images"), [(0.0, 1), (0.5, 2), (1.0, 2)])
def test_the_last_step_has_the_weighted_mean_and_what_weighing_costs(perception, num_images):
    prior = gaussian()
    noise = NoiseSource.for_run(0, 3, dtype=torch.float64)
    ends = [noise.randn(SHAPE), noise.randn(SHAPE)]
    steps = [Step(i, 1, t, ends[i], ends[i], i + 1) for i, t in ((0, 500), (1, -1))]
    weigher = Weigher(prior, observation(0.0), seed=1)
    run = Restoration(iter(steps), num_images, perception, weigher=weigher)
    first, last = list(run)
    weights = weigher.weights(ends[1])
    assert weights.std() > 0.01
    mean = (weights.view(-1, 1, 1, 1) * ends[1]).sum(0, keepdim=True)
    samples = ends[1][: 1 if perception == 0 else num_images]
    torch.testing.assert_close(last.x0_hat, mean + perception * (samples - mean))
    torch.testing.assert_close(run.weights, weights)
    plain = ends[0].mean(0, keepdim=True)
    torch.testing.assert_close(
        first.x0_hat, plain + perception * (ends[0][: len(samples)] - plain)
    )
    assert first.num_evaluations == 3 // len(samples)
    assert last.num_evaluations == (2 + weigher.num_evaluations) * 3 // len(samples)
