"""The variational bound against numerical integration; bits per dimension of known Gaussians."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from ddpm_demo.core.noise import NoiseSource
from ddpm_demo.core.oracles import GaussianDenoiser
from ddpm_demo.core.schedule import Schedule
from ddpm_demo.errors import UserError
from ddpm_demo.evaluation.bits import (
    BitsPerDimension,
    bits_per_dimension,
    stratified_timesteps,
    summarise,
)
from ddpm_demo.process.vlb import (
    BIN,
    BoundTerm,
    bound_term,
    bound_terms,
    decoder_term,
    prior_term,
    reverse_variance,
)

LEVELS = np.arange(256) / 127.5 - 1
MEAN, STD = 0.1, 0.25


@pytest.fixture(scope="module", params=["squaredcos_cap_v2", "linear"])
def short(request):
    """A schedule of 60 steps, short enough to integrate over every one."""
    betas = {"num_train_timesteps": 60, "beta_start": 1e-3, "beta_end": 0.3}
    return Schedule.from_config({"beta_schedule": request.param, **betas})


def level_probabilities(mean=MEAN, std=STD):
    """Of each grey level when N(mean, std^2) is rounded to 8 bits, black and white open."""
    edges = np.concatenate([[-np.inf], (LEVELS[:-1] + LEVELS[1:]) / 2, [np.inf]])
    return np.diff(stats.norm.cdf(edges, mean, std))


def quantiles(count):
    """Of N(0, 1), made to have unit variance."""
    z = torch.special.ndtri((torch.arange(count).double() + 0.5) / count)
    return z / z.square().mean().sqrt()


EPS_COUNT = 100


def grey_pictures(count, dims):
    """8-bit pictures with pixels of that distribution, float64 [count, 1, dims, EPS_COUNT].

    The pixels of a column are its quantiles: no sampling error. Each is there EPS_COUNT times, for
    `QuantileNoise` to give it every quantile of the noise.
    """
    pixels = (MEAN + STD * quantiles(count * dims)).view(count, 1, dims, 1)
    grey = ((pixels + 1) * 127.5).round().clamp(0, 255)
    return (grey / 127.5 - 1).expand(-1, -1, -1, EPS_COUNT)


class QuantileNoise(NoiseSource):
    """The same quantiles of the noise for every pixel: means over a picture are integrals."""

    def randn(self, image_shape):
        return quantiles(image_shape[-1]).expand(len(self), *image_shape)


def bits(oracle, x_0, source=NoiseSource, seed=0, **options):
    noise = source.for_run(seed, len(x_0), dtype=x_0.dtype)
    return bits_per_dimension(oracle, x_0, noise, **options)


def entropy_bits():
    p = level_probabilities()
    return float(-(p * np.log2(p)).sum())


# --- single terms


@pytest.mark.parametrize("variance", ["fixed_small", "fixed_large", "optimal"])
@pytest.mark.parametrize("t", [1, 5, 30, 59])
def test_a_transition_is_the_integral_of_q_log_q_over_p(short, t, variance):
    oracle = GaussianDenoiser(short, MEAN, STD)
    x_0, x_t = torch.full((1, 1, 1, 1), 0.43).double(), torch.full((1, 1, 1, 1), -0.2).double()
    x0_hat = oracle.predict(x_t, t).x0
    term = bound_term(short, x_0, x0_hat, t, variance)
    c_0, c_t, variance_q = short.posterior_coefficients(t, t - 1)
    error = float((x_0 - x0_hat).square())
    variance_p = reverse_variance(short, t, variance, error)
    q = stats.norm(c_0 * x_0.item() + c_t * x_t.item(), variance_q**0.5)
    p = stats.norm(c_0 * x0_hat.item() + c_t * x_t.item(), variance_p**0.5)
    places = np.linspace(q.mean() - 12 * q.std(), q.mean() + 12 * q.std(), 20_001)
    density = q.pdf(places) * (q.logpdf(places) - p.logpdf(places))
    assert term.nats.item() == pytest.approx(integrate.simpson(density, x=places), rel=1e-7)


def test_the_prior_term_is_an_integral_too(short):
    x_0 = torch.tensor([0.9]).double().view(1, 1, 1, 1)
    abar = short.abar(59)
    q = stats.norm(abar**0.5 * 0.9, (1 - abar) ** 0.5)
    places = np.linspace(-14, 14, 40_001)
    density = q.pdf(places) * (q.logpdf(places) - stats.norm.logpdf(places))
    integral = integrate.simpson(density, x=places)
    assert prior_term(short, x_0).item() == pytest.approx(integral, rel=1e-5, abs=1e-12)


def test_the_decoder_sums_to_one_over_the_grey_levels():
    x_0 = torch.from_numpy(LEVELS).view(256, 1, 1, 1)
    for mean, std in ((0.0, 0.01), (0.99, 0.05), (-3.0, 0.1), (0.3, 2.0)):
        nats = decoder_term(x_0, torch.full_like(x_0, mean), std**2)
        assert torch.isfinite(nats).all()
        assert torch.exp(-nats).sum().item() == pytest.approx(1.0, abs=1e-12)


def test_the_decoder_is_the_integral_over_a_grey_level():
    level = torch.full((1, 1, 1, 1), LEVELS[140]).double()
    for mean in (0.09, 0.1, 0.25):
        nats = decoder_term(level, torch.full_like(level, mean), 0.02**2).item()
        density = stats.norm(mean, 0.02)
        bin_ends = (LEVELS[140] - BIN / 2, LEVELS[140] + BIN / 2)
        assert nats == pytest.approx(-math.log(integrate.quad(density.pdf, *bin_ends)[0]))


@pytest.mark.parametrize("t", [1, 20, 59])
def test_expected_transitions_on_the_gaussian_oracle(short, t):
    """The mean over x_0 and x_t, by quadrature over both, against the posterior's variance."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights = weights / weights.sum()
    x_0 = torch.from_numpy(MEAN + STD * nodes).repeat_interleave(40).view(-1, 1, 1, 1)
    eps = torch.from_numpy(nodes).repeat(40).view(-1, 1, 1, 1)
    oracle = GaussianDenoiser(short, MEAN, STD)
    x0_hat = oracle.predict(short.q_sample(x_0, t, eps), t).x0
    term = bound_term(short, x_0, x0_hat, t)
    integral = (term.nats.numpy() * np.outer(weights, weights).ravel()).sum()
    abar, (c_0, _, posterior) = short.abar(t), short.posterior_coefficients(t, t - 1)
    x0_variance = STD**2 * (1 - abar) / (abar * STD**2 + 1 - abar)
    assert integral == pytest.approx(c_0**2 * x0_variance / (2 * posterior), rel=1e-9)


def test_reverse_variances(short):
    for t in (1, 30, 59):
        small, large = (reverse_variance(short, t, k) for k in ("fixed_small", "fixed_large"))
        assert small < large
        assert large == pytest.approx(float(short.betas[t]))
        # Unit variance of x_0 is the case that fixed_large is right for.
        one = GaussianDenoiser(short, 0.0, 1.0)
        x_0 = torch.randn(1, 1, 1, 400_000, generator=torch.Generator().manual_seed(0)).double()
        eps = torch.randn(x_0.shape, generator=torch.Generator().manual_seed(1)).double()
        error = (one.predict(short.q_sample(x_0, t, eps), t).x0 - x_0).square().mean().item()
        assert reverse_variance(short, t, "optimal", error) == pytest.approx(large, rel=0.01)
    assert reverse_variance(short, 0) == reverse_variance(short, 1)


def test_an_unknown_variance_is_refused(short):
    with pytest.raises(UserError) as caught:
        reverse_variance(short, 3, "learned")
    assert caught.value.key == "variance_unknown"


# --- bits per dimension


def expected_bits(schedule, mean=MEAN, std=STD):
    """The bound with "fixed_small" for rounded Gaussian pixels and the oracle that knows them.

    Summed over all grey levels and integrated over eps: no sampling, none of the code tested.
    """
    p = level_probabilities(mean, std)
    first, second = (p * LEVELS).sum(), (p * LEVELS**2).sum()
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    abar = schedule.alphas_cumprod.numpy()
    gain = np.sqrt(abar) * std**2 / (abar * std**2 + 1 - abar)
    # x0_hat - x_0 = (gain sqrt(abar) - 1)(x_0 - mean) + gain sqrt(1 - abar) eps
    around_mean = second - 2 * mean * first + mean**2
    error = (gain * np.sqrt(abar) - 1) ** 2 * around_mean + gain**2 * (1 - abar)
    nats = 0.5 * (-abar[-1] - np.log(1 - abar[-1]) + abar[-1] * second)
    for t in range(1, len(abar)):
        beta = 1 - abar[t] / abar[t - 1]
        c_0 = np.sqrt(abar[t - 1]) * beta / (1 - abar[t])
        nats += c_0**2 * error[t] / (2 * beta * (1 - abar[t - 1]) / (1 - abar[t]))
    sigma = np.sqrt((1 - abar[0]) / (1 - abar[1]) * (1 - abar[1] / abar[0]))
    x_1 = np.sqrt(abar[0]) * LEVELS[:, None] + np.sqrt(1 - abar[0]) * nodes
    x0_hat = mean + gain[0] * (x_1 - np.sqrt(abar[0]) * mean)
    edges = np.concatenate([[-np.inf], (LEVELS[:-1] + LEVELS[1:]) / 2, [np.inf]])
    upper = stats.norm.cdf((edges[1:, None] - x0_hat) / sigma)
    lower = stats.norm.cdf((edges[:-1, None] - x0_hat) / sigma)
    nats += -(p[:, None] * weights * np.log(np.maximum(upper - lower, 1e-300))).sum()
    return nats / math.log(2)


def test_bits_of_a_known_gaussian_equal_the_bound_computed_by_hand(short):
    x_0 = grey_pictures(4, 1000)
    oracle = GaussianDenoiser(short, MEAN, STD)
    found = bits(oracle, x_0, QuantileNoise)
    assert found.total == pytest.approx(expected_bits(short), abs=1e-3)
    assert found.total == pytest.approx(found.prior + found.transitions + found.decoder)
    assert len(found.terms) == 60
    assert sum(found.terms[1:]) == pytest.approx(found.transitions)


def test_with_the_best_variance_the_bits_are_the_entropy(short):
    """Then every reverse step is the exact one, and the bound has no gap."""
    x_0 = grey_pictures(4, 1000)
    oracle = GaussianDenoiser(short, MEAN, (STD**2 + BIN**2 / 12) ** 0.5)
    best = bits(oracle, x_0, QuantileNoise, variance="optimal")
    assert best.total == pytest.approx(entropy_bits(), abs=1e-3)
    for variance in ("fixed_small", "fixed_large"):
        assert bits(oracle, x_0, variance=variance).total > best.total + 0.01


def test_a_wrong_prior_costs_bits(short):
    x_0 = grey_pictures(4, 100)
    right, wrong = (bits(GaussianDenoiser(short, mean, STD), x_0).total for mean in (MEAN, -0.2))
    assert wrong > right + 0.2


def test_fewer_timesteps_estimate_the_same_number(short):
    x_0 = grey_pictures(2, 200)
    oracle = GaussianDenoiser(short, MEAN, STD)
    full = bits(oracle, x_0, QuantileNoise)
    estimates = [bits(oracle, x_0, QuantileNoise, seed=s, num_timesteps=20) for s in range(30)]
    totals = np.array([e.total for e in estimates])
    assert abs(totals.mean() - full.total) < 4 * totals.std() / math.sqrt(30) + 1e-3
    assert len(estimates[0].t) == 20


@pytest.mark.parametrize("count", [2, 7, 250, 999, 1000])
def test_strata_cover_every_timestep_once(count):
    chosen = stratified_timesteps(1000, count, seed=3)
    times = [t for t, _ in chosen]
    assert len(chosen) == count
    assert times == sorted(set(times)) and times[0] == 0 and times[-1] < 1000
    assert sum(weight for _, weight in chosen) == 1000
    if count == 1000:
        assert times == list(range(1000))


def test_how_many_timesteps_are_refused():
    for count in (1, 61):
        with pytest.raises(UserError) as caught:
            stratified_timesteps(60, count)
        assert caught.value.key == "bits_timesteps_range"


def test_a_single_picture_has_no_standard_error():
    one = summarise(
        [BoundTerm(0, torch.ones(1).double())], [1], torch.zeros(1).double(), num_dims=4
    )
    assert isinstance(one, BitsPerDimension)
    assert math.isnan(one.standard_error)
    assert one.total == pytest.approx(1 / (4 * math.log(2)))


def test_progress_is_told_and_terms_come_one_by_one(short):
    x_0 = grey_pictures(2, 10)
    told = []
    oracle = GaussianDenoiser(short, MEAN, STD)
    bits(oracle, x_0, num_timesteps=5, on_term=lambda *a: told.append(a))
    assert told == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]
    stream = bound_terms(oracle, x_0, [40, 3, 0], NoiseSource([0, 1], dtype=torch.float64))
    assert [(term.t, term.nats.shape) for term in stream] == [(40, (2,)), (3, (2,)), (0, (2,))]
