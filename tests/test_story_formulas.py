"""What the story's texts claim in formulas, held to the package."""

import json
import math
from urllib.parse import parse_qsl, urlsplit

import pytest
import torch

from ddpm_demo.checkpoints.library import BUNDLED_FOLDER, find
from ddpm_demo.core.noise import NoiseSource
from ddpm_demo.core.oracles import GaussianDenoiser
from ddpm_demo.core.schedule import Schedule, make_betas
from ddpm_demo.process.vlb import bound_term
from ddpm_demo.samplers.ddim import ddim
from ddpm_demo.samplers.ddpm import ddpm
from ddpm_demo.samplers.solvers import solve
from ddpm_demo.tasks.registry import recipe_from_dict
from ddpm_demo.ui.links import recipe_in
from ddpm_demo.ui.tabs.process.shows import SHOWS
from ddpm_demo.ui.tabs.process.story import SECTIONS

T = 1000
MEAN, STD = 0.2, 0.25


@pytest.fixture(params=["linear", "squaredcos_cap_v2"])
def schedule(request):
    return Schedule(torch.from_numpy(make_betas(request.param, T, 1e-4, 0.02)))


@pytest.fixture
def denoiser(schedule):
    return GaussianDenoiser(schedule, MEAN, STD)


def pictures(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, 1, 4, 4, generator=generator, dtype=torch.float64)


def test_how_much_more_the_first_step_weighs():
    snr = {
        name: Schedule(torch.from_numpy(make_betas(name, T, 1e-4, 0.02))).snr(0)
        for name in ("linear", "squaredcos_cap_v2")
    }
    assert snr["linear"] == pytest.approx(10_000, rel=1e-3)
    assert snr["squaredcos_cap_v2"] == pytest.approx(24_000, rel=0.02)


def test_two_steps_are_one_and_nothing_is_left_at_the_end(schedule):
    beta = schedule.betas.tolist()
    alpha = [1 - b for b in beta]
    assert alpha[1] * beta[0] + beta[1] == pytest.approx(1 - alpha[0] * alpha[1], rel=1e-12)
    assert schedule.abar(1) == pytest.approx(alpha[0] * alpha[1], rel=1e-9)
    assert schedule.abar(T - 1) < 1e-4


@pytest.mark.parametrize("t", [1, 300, 900])
def test_v_gives_noise_and_picture_without_a_division(schedule, t):
    x_0, eps = pictures(1), pictures(2)
    a, b = math.sqrt(schedule.abar(t)), math.sqrt(1 - schedule.abar(t))
    x_t, v = a * x_0 + b * eps, a * eps - b * x_0
    torch.testing.assert_close(b * x_t + a * v, eps)
    torch.testing.assert_close(a * x_t - b * v, x_0)
    torch.testing.assert_close(schedule.v_from_x0_eps(x_0, eps, t), v)


@pytest.mark.parametrize("t", [2, 300, 900])
def test_a_term_of_the_bound_is_the_training_s_mistake_with_a_weight(schedule, t):
    x_0, eps, x0_hat = pictures(1), pictures(2), 0.8 * pictures(3)
    x_t = schedule.q_sample(x_0, t, eps)
    said = schedule.eps_from_x0(x_t, x0_hat, t)
    off_0 = (x_0 - x0_hat).square().flatten(1).sum(1)
    off_eps = (eps - said).square().flatten(1).sum(1)
    torch.testing.assert_close(off_eps, schedule.snr(t) * off_0, rtol=1e-7, atol=0)
    told = 0.5 * (schedule.snr(t - 1) - schedule.snr(t)) * off_0
    nats = bound_term(schedule, x_0, x0_hat, t).nats
    torch.testing.assert_close(nats, told, rtol=1e-7, atol=0)


@pytest.mark.parametrize("t", [5, 500, 950])
def test_ddpm_s_step_is_the_formula_and_its_mean_lacks_beta_tilde(schedule, denoiser, t):
    x_t = pictures(4)
    steps = list(ddpm(denoiser, x_t, [t, t - 1], NoiseSource([7, 8], dtype=torch.float64)))
    eps, beta = denoiser.predict(x_t, t).eps, float(schedule.betas[t])
    abar_t, abar_s = schedule.abar(t), schedule.abar(t - 1)
    beta_tilde = (1 - abar_s) / (1 - abar_t) * beta
    mean = (x_t - beta / math.sqrt(1 - abar_t) * eps) / math.sqrt(1 - beta)
    z = NoiseSource([7, 8], dtype=torch.float64).randn(x_t.shape[1:])
    told = mean + math.sqrt(beta_tilde) * z
    torch.testing.assert_close(steps[1].x_t, told, rtol=1e-6, atol=1e-6)
    _, c_t, variance = schedule.posterior_coefficients(t, t - 1)
    assert variance == pytest.approx(beta_tilde, rel=1e-9)
    assert c_t**2 * (1 - abar_t) + beta_tilde == pytest.approx(1 - abar_s, rel=1e-9)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_ddim_s_step_is_the_formula(schedule, denoiser, eta):
    t, s, x_t = 600, 400, pictures(5)
    steps = list(ddim(denoiser, x_t, [t, s], NoiseSource([7, 8], dtype=torch.float64), eta=eta))
    said, abar_t, abar_s = denoiser.predict(x_t, t), schedule.abar(t), schedule.abar(s)
    beta_tilde = (1 - abar_s) / (1 - abar_t) * (1 - abar_t / abar_s)
    z = NoiseSource([7, 8], dtype=torch.float64).randn(x_t.shape[1:])
    kept = math.sqrt(1 - abar_s - eta**2 * beta_tilde)
    told = math.sqrt(abar_s) * said.x0 + kept * said.eps + eta * math.sqrt(beta_tilde) * z
    torch.testing.assert_close(steps[1].x_t, told, rtol=1e-9, atol=1e-9)


def test_without_its_noise_ddpm_ends_at_the_average_and_ddim_does_not(schedule, denoiser):
    generator = torch.Generator().manual_seed(9)
    start = torch.randn(400, 1, 1, 1, generator=generator, dtype=torch.float64)
    x, times = start, list(range(T - 1, -1, -5))
    for t, s in zip(times, [*times[1:], -1], strict=True):
        c_0, c_t, _ = schedule.posterior_coefficients(t, s)
        x = c_0 * denoiser.predict(x, t).x0 + c_t * x
    assert float(x.std()) < 0.05 * STD and float(x.mean()) == pytest.approx(MEAN, abs=0.02)
    *_, last = ddim(denoiser, start, times)
    assert float(last.x_t.std()) == pytest.approx(STD, rel=0.1)


def test_dpm_solver_takes_the_line_s_value_half_a_step_ahead(schedule, denoiser):
    # Three times with equal steps of log sigma, and a start.
    sigmas = [8.0, 4.0, 2.0, 1.0]
    times, x_t = [schedule.t_from_sigma(sigma) for sigma in sigmas], pictures(6)
    steps = list(solve("dpmpp_2m", denoiser, x_t, times, NoiseSource([0, 1])))
    before, now = steps[0].x0_hat.double(), steps[1].x0_hat.double()
    ahead = now + 0.5 * (now - before)
    abar_t, abar_s = schedule.abar(times[1]), schedule.abar(times[2])
    eps = (steps[1].x_t.double() - math.sqrt(abar_t) * ahead) / math.sqrt(1 - abar_t)
    told = math.sqrt(abar_s) * ahead + math.sqrt(1 - abar_s) * eps  # DDIM's step with it
    torch.testing.assert_close(steps[2].x_t.double(), told, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("t", [50, 500, 900])
def test_the_score_is_the_noise_over_minus_sigma(schedule, denoiser, t):
    sigma, signal = schedule.sigma(t), math.sqrt(schedule.abar(t))
    x = pictures(7)
    said = denoiser.predict(signal * x, t)
    exact = -(x - MEAN) / (STD**2 + sigma**2)  # x = x_0 + sigma eps is Gaussian
    torch.testing.assert_close((said.x0 - x) / sigma**2, exact, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(-said.eps / sigma, exact, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("show", [one for shows in SHOWS.values() for one in shows])
def test_every_link_of_the_story_holds_a_recipe_of_a_bundled_checkpoint(show):
    assert {key for keys in SECTIONS.values() for key in keys} >= set(SHOWS)
    tab, _, query = urlsplit(show.address).fragment.partition("?")
    assert tab == show.tab and bool(query) == bool(show.values)
    if query:
        # As the page's script reads an address, and links.recipe_in.
        asked = {
            name: json.loads(f'"{v}"' if v[0].isalpha() else v) for name, v in parse_qsl(query)
        }
        assert asked == show.values
        recipe = recipe_from_dict({"task": tab, **asked})
        assert recipe == recipe_in(show.address)  # the address works by itself, too
        assert recipe.task == tab and (BUNDLED_FOLDER / recipe.checkpoint / "unet").is_dir()
        if tab == "generate":
            recipe.complete(find(recipe.checkpoint))
