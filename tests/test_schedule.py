"""The schedule against diffusers' tables, closed forms and round trips, in float64."""

import math

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler

from ddpm_demo.core.schedule import BETA_SCHEDULES, Schedule
from ddpm_demo.errors import UserError


@pytest.mark.parametrize("name", BETA_SCHEDULES)
def test_betas_equal_those_of_diffusers(name):
    config = {"beta_schedule": name, "beta_start": 1e-4, "beta_end": 0.02}
    theirs = DDPMScheduler(num_train_timesteps=1000, **config).betas.double()
    ours = Schedule.from_config({**config, "num_train_timesteps": 1000}).betas
    assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-6)  # theirs are made in float32


def test_zero_terminal_snr_equals_diffusers():
    config = {"beta_schedule": "linear", "beta_start": 1e-4, "beta_end": 0.02}
    theirs = DDPMScheduler(rescale_betas_zero_snr=True, **config).alphas_cumprod.double()
    ours = Schedule.from_config({**config, "rescale_betas_zero_snr": True}).alphas_cumprod
    # diffusers replaces the final 0 by 2^-24 to keep it finite.
    assert torch.allclose(ours[:-1], theirs[:-1], rtol=1e-3, atol=1e-6)
    assert ours[-1] == 0


def test_unknown_schedule_and_bad_betas_are_refused():
    with pytest.raises(UserError, match="beta schedule"):
        Schedule.from_config({"beta_schedule": "spiral"})
    with pytest.raises(UserError, match="betas"):
        Schedule.from_config({"trained_betas": [0.1, 1.5]})
    with pytest.raises(UserError, match="betas"):
        Schedule.from_config({"trained_betas": [math.nan]})


@pytest.mark.parametrize("t", [0, 1, 17, 500, 998, 999])
def test_round_trips_between_eps_x0_and_v(schedule, t):
    generator = torch.Generator().manual_seed(t)
    x_0, eps = torch.randn(2, 4, 3, 8, 8, generator=generator, dtype=torch.float64)
    x_t = schedule.q_sample(x_0, t, eps)
    v = schedule.v_from_x0_eps(x_0, eps, t)

    def close(a, b):
        # x_0 from eps divides by sqrt(abar), which amplifies rounding by exactly that.
        return (a - b).abs().max().item()

    root = schedule.abar(t) ** 0.5
    assert close(schedule.x0_from_v(x_t, v, t), x_0) < 1e-12
    assert close(schedule.eps_from_v(x_t, v, t), eps) < 1e-12
    assert close(schedule.x0_from_eps(x_t, eps, t), x_0) < 1e-12 / min(1, root * 10)
    assert close(schedule.eps_from_x0(x_t, x_0, t), eps) < 1e-12 / (1 - root**2) ** 0.5
    again = schedule.v_from_x0_eps(
        schedule.x0_from_v(x_t, v, t), schedule.eps_from_v(x_t, v, t), t
    )
    assert close(again, v) < 1e-12


def test_posterior_is_bayes_rule(schedule):
    """q(x_s | x_t, x_0) from completing the square of q(x_t | x_s) q(x_s | x_0)."""
    for t, s in [(1, 0), (500, 499), (999, 600), (30, 2)]:
        c_0, c_t, variance = schedule.posterior_coefficients(t, s)
        abar_t, abar_s = schedule.abar(t), schedule.abar(s)
        alpha = abar_t / abar_s
        precision = alpha / (1 - alpha) + 1 / (1 - abar_s)
        assert variance == pytest.approx(1 / precision, rel=1e-9)
        assert c_t == pytest.approx(variance * math.sqrt(alpha) / (1 - alpha), rel=1e-9)
        assert c_0 == pytest.approx(variance * math.sqrt(abar_s) / (1 - abar_s), rel=1e-9)


def test_the_step_to_the_clean_image_is_the_estimate(schedule):
    assert schedule.posterior_coefficients(0, -1) == pytest.approx((1, 0, 0), abs=1e-15)


def test_sigma_and_t_invert_each_other(schedule):
    for t in [0, 0.5, 3, 250, 777.25, 999]:
        assert schedule.t_from_sigma(schedule.sigma(t)) == pytest.approx(t, abs=1e-6)
    assert schedule.t_from_sigma(0) == 0
    assert schedule.t_from_sigma(1e9) == schedule.num_timesteps - 1


def test_abar_is_monotone_from_one_to_the_end(schedule):
    times = np.linspace(-1, schedule.num_timesteps - 1, 5001)
    values = np.array([schedule.abar(t) for t in times])
    assert values[0] == 1
    assert (np.diff(values) < 0).all()
    assert schedule.snr(-1) == math.inf
    assert schedule.snr(10) == pytest.approx(schedule.sigma(10) ** -2)


def test_schedules_are_alike_that_differ_by_what_a_file_rounds(schedule_config):
    ours = Schedule.from_config(schedule_config)
    rounded = ours.betas.float().double()
    assert ours.is_like(Schedule(rounded)) and not torch.equal(ours.betas, rounded)
    assert not ours.is_like(Schedule(ours.betas[:-1]))
    assert not ours.is_like(Schedule(ours.betas * 0.99))
