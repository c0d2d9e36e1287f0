"""Samplers against the exact Gaussian denoiser and against diffusers' own schedulers."""

import math

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler

from ddpm_demo.core.denoiser import Prediction
from ddpm_demo.core.noise import NoiseSource
from ddpm_demo.core.oracles import GaussianConsistency, GaussianDenoiser, MixtureDenoiser
from ddpm_demo.errors import UserError
from ddpm_demo.samplers.sample import sample
from ddpm_demo.samplers.table import SAMPLERS, SPACINGS
from ddpm_demo.samplers.timesteps import make_timesteps

MEAN, STD = 0.2, 0.25


def run(name, denoiser, num_steps, spacing=None, num_images=2, shape=(1, 32, 32), **options):
    noise = NoiseSource.for_run(0, num_images, dtype=torch.float64)
    spacing = spacing or SAMPLERS[name].spacing
    timesteps = make_timesteps(denoiser.schedule, num_steps, spacing)
    return list(sample(name, denoiser, noise.randn(shape), timesteps, noise, **options))


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("num_steps", [1, 2, 7])
def test_every_sampler_streams_from_noise_to_the_picture(schedule, name, num_steps):
    steps = run(name, GaussianDenoiser(schedule, MEAN, STD), num_steps)
    assert [s.index for s in steps] == list(range(num_steps + 1))
    assert all(s.num_steps == num_steps for s in steps)
    times = [s.t for s in steps]
    assert times == sorted(times, reverse=True)
    assert times[-1] == -1
    assert steps[-1].is_last and torch.equal(steps[-1].x_t, steps[-1].x0_hat)
    info = SAMPLERS[name]
    left_out = 1 if name == "heun" else 0  # its second evaluation in the last step
    assert steps[-1].num_evaluations == num_steps * info.evaluations_per_step - left_out
    assert all(torch.isfinite(s.x_t).all() for s in steps)
    assert all(s.x_t.dtype == torch.float64 for s in steps)


# It is exact with a consistency function only: the mean of all that x_t may be of is too narrow.
WITH_DENOISERS = [name for name in SAMPLERS if name != "consistency"]


@pytest.mark.parametrize("num_steps", [1, 2, 4])
def test_consistency_sampling_is_exact_with_the_exact_function(schedule, num_steps):
    """It starts at sigma 80, where x_t is taken for pure noise: that costs a thousandth."""
    denoiser = GaussianConsistency(schedule, MEAN, STD)
    steps = run("consistency", denoiser, num_steps, num_images=16, shape=(1, 64, 64))
    assert steps[-1].num_evaluations == num_steps
    assert steps[-1].x_t.mean() == pytest.approx(MEAN, abs=0.005)
    assert steps[-1].x_t.std() == pytest.approx(STD, rel=0.01)


def test_consistency_sampling_is_algorithm_1_of_the_paper(schedule):
    """Written out once more in the paper's terms: x + sigma z, and the network's own scaling."""
    denoiser, noise = Wavy(schedule), NoiseSource.for_run(0, 2, dtype=torch.float64)
    times = make_timesteps(schedule, 4, "renoise")
    sigmas = [schedule.sigma(t) for t in times]
    assert sigmas == pytest.approx([80, 4.095, 1.4, 0.4787], rel=1e-3)
    steps = run("consistency", denoiser, 4, shape=(1, 8, 8))
    x = x_t = noise.randn((1, 8, 8))
    for index, (t, sigma) in enumerate(zip(times, sigmas, strict=True)):
        if index:
            x_t = (x + sigma * noise.randn((1, 8, 8))) / (1 + sigma**2) ** 0.5
        x = denoiser.predict(x_t, t).x0
        assert torch.allclose(steps[index].x0_hat, x, atol=1e-9)
    assert torch.equal(steps[-1].x_t, steps[-2].x0_hat)


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("name", WITH_DENOISERS)
def test_every_spacing_works_with_every_sampler(schedule, name, spacing):
    denoiser = GaussianDenoiser(schedule, MEAN, STD)
    last = run(name, denoiser, 40, spacing)[-1].x_t
    assert last.mean() == pytest.approx(MEAN, abs=0.06)
    assert last.std() == pytest.approx(STD, abs=0.12)


def annealed(schedule, num_levels, langevin_steps, step_size=2.0):
    options = {"langevin_steps": langevin_steps, "step_size": step_size}
    denoiser = GaussianDenoiser(schedule, MEAN, STD)
    return run("langevin", denoiser, num_levels, num_images=8, shape=(1, 64, 64), **options)[-1]


def test_annealed_langevin_is_right_within_two_per_cent_and_converges(schedule):
    """N(0.2, 0.25^2) at 100 levels of 5 updates; the error halves as levels and updates double."""
    last = annealed(schedule, 100, 5)
    assert last.num_evaluations == 500
    assert last.x_t.mean() == pytest.approx(MEAN, rel=0.02)
    assert last.x_t.std() == pytest.approx(STD, rel=0.02)
    errors = [float(annealed(schedule, 25 * k, 2 * k).x_t.std()) / STD - 1 for k in (1, 2, 4)]
    # Half as many levels and half as many updates are four times less: the error, too.
    assert errors[0] > 0.08
    assert all(0 < fine < 0.45 * coarse for coarse, fine in zip(errors, errors[1:], strict=False))


def test_annealed_langevin_is_algorithm_1_of_the_paper(schedule):
    """Written out once more in the paper's own terms: sigma_i, alpha_i, the score."""
    denoiser, noise = Wavy(schedule), NoiseSource.for_run(0, 2, dtype=torch.float64)
    times = make_timesteps(schedule, 4, "geometric")
    steps = run("langevin", denoiser, 4, shape=(1, 8, 8), langevin_steps=3, step_size=0.2)
    x = noise.randn((1, 8, 8)) / schedule.abar(times[0]) ** 0.5
    sigma_last = schedule.sigma(times[-1])
    epsilon = 0.2 * sigma_last**2
    for level, t in enumerate(times):
        assert torch.allclose(steps[level].x_t, x * schedule.abar(t) ** 0.5, atol=1e-9, rtol=1e-9)
        sigma = schedule.sigma(t)
        alpha = epsilon * sigma**2 / sigma_last**2
        for update in range(3):
            x0 = denoiser.predict(x * schedule.abar(t) ** 0.5, t).x0
            if (level, update) != (3, 2):
                score = (x0 - x) / sigma**2
                x = x + alpha / 2 * score + alpha**0.5 * noise.randn((1, 8, 8))
    assert torch.allclose(steps[-1].x_t, x0, atol=1e-9, rtol=1e-9)


def test_the_ancestral_sampler_at_full_length_is_right_within_two_per_cent():
    """Ho et al.'s own setting: linear betas, 1000 steps, N(0.2, 0.25^2)."""
    from ddpm_demo.core.schedule import Schedule

    linear = Schedule.from_config({"beta_schedule": "linear"})
    steps = run("ddpm", GaussianDenoiser(linear, MEAN, STD), 1000, num_images=4, shape=(1, 64, 64))
    assert steps[-1].x_t.mean() == pytest.approx(MEAN, rel=0.02)
    assert steps[-1].x_t.std() == pytest.approx(STD, rel=0.02)


def test_the_two_ancestral_variances_bracket_the_truth_when_steps_are_few(schedule):
    denoiser = GaussianDenoiser(schedule, MEAN, STD)
    small = run("ddpm", denoiser, 20, variance="fixed_small")[-1].x_t.std()
    large = run("ddpm", denoiser, 20, variance="fixed_large")[-1].x_t.std()
    assert small < STD < large


# UniPC's corrector adds one to its predictor's order 2 (Zhao et al. 2023, arXiv:2302.04867).
ORDERS = {"ddim": 1, "dpmpp_2m": 2, "heun": 2, "unipc": 3}


@pytest.mark.parametrize("name", ORDERS)
def test_deterministic_samplers_converge_at_their_order(schedule, name):
    """Error against the exact flow to t = 0, followed by the exact estimate there."""
    denoiser = GaussianDenoiser(schedule, MEAN, STD)
    errors = []
    for num_steps in (10, 20, 40, 80, 160, 320):
        steps = run(name, denoiser, num_steps, "karras")
        at_zero = denoiser.flow(steps[0].x_t, steps[0].t, 0)
        limit = denoiser.predict(at_zero, 0).x0
        errors.append((steps[-1].x_t - limit).abs().max().item())
    assert all(b < a for a, b in zip(errors, errors[1:], strict=False))
    order = math.log2(errors[1] / errors[-1]) / 4  # 20 to 320 steps: four doublings
    assert order == pytest.approx(ORDERS[name], abs=0.2)


STOCHASTIC = [name for name in WITH_DENOISERS if SAMPLERS[name].stochastic]


@pytest.mark.parametrize("name", [*STOCHASTIC, "deis"])
def test_the_other_samplers_converge_to_the_truth(schedule, name):
    denoiser = GaussianDenoiser(schedule, MEAN, STD)
    errors = []
    for num_steps in (10, 40, 320):
        last = run(name, denoiser, num_steps, num_images=4)[-1].x_t
        errors.append(abs(last.std().item() / STD - 1))
    # The sampling error of a standard deviation over 4096 pixels is 1.1 %.
    assert errors[-1] < max(0.025, errors[1] / 4)
    assert errors[0] > errors[-1]


def test_a_mixture_is_sampled_with_its_weights(schedule):
    means = torch.tensor([[-0.6], [0.7]], dtype=torch.float64)
    weights = torch.tensor([0.25, 0.75], dtype=torch.float64)
    denoiser = MixtureDenoiser(schedule, means, 0.05, weights)
    noise = NoiseSource.for_run(0, 1000, dtype=torch.float64)
    timesteps = make_timesteps(schedule, 60, "karras")
    x_t = noise.randn((1, 1, 1))
    *_, last = sample("dpmpp_2m_sde", denoiser, x_t, timesteps, noise)
    values = last.x_t.flatten()
    high = values > 0.05
    assert high.double().mean() == pytest.approx(0.75, abs=0.05)
    assert values[high].mean() == pytest.approx(0.7, abs=0.02)
    assert values[~high].mean() == pytest.approx(-0.6, abs=0.02)


class Wavy:
    """A made-up denoiser that is not Gaussian, so that equality is not an accident."""

    def __init__(self, schedule):
        self.schedule = schedule

    def predict(self, x_t, t):
        x0 = torch.tanh(x_t * (1 + t / 500)).sin() * 0.8
        return Prediction(x0, self.schedule.eps_from_x0(x_t, x0, t))


def in_float64(scheduler, schedule):
    """diffusers' scheduler on our tables: its own are float32, where 1 - abar loses digits."""
    scheduler.alphas_cumprod = schedule.alphas_cumprod
    scheduler.one = torch.tensor(1.0, dtype=torch.float64)
    if hasattr(scheduler, "final_alpha_cumprod"):
        scheduler.final_alpha_cumprod = scheduler.one
    return scheduler


@pytest.mark.parametrize("num_steps", [7, 50, 1000])
@pytest.mark.parametrize(
    # With trailing spacing diffusers adds "fixed_large" noise to the finished picture, not ours.
    ("variance", "spacing"),
    [("fixed_small", "trailing"), ("fixed_large", "leading")],
)
def test_ddpm_equals_diffusers_step_by_step(
    schedule_config, schedule, num_steps, variance, spacing
):
    theirs = DDPMScheduler(
        **{**schedule_config, "prediction_type": "sample", "clip_sample": False},
        variance_type=variance,
        timestep_spacing=spacing,
    )
    in_float64(theirs, schedule).set_timesteps(num_steps)
    denoiser = Wavy(schedule)
    ours = run("ddpm", denoiser, num_steps, spacing, shape=(1, 8, 8), variance=variance)
    generator = NoiseSource.for_run(0, 2, dtype=torch.float64)
    x_t = generator.randn((1, 8, 8))
    for step, t in zip(ours, theirs.timesteps, strict=False):
        assert step.t == t
        assert torch.allclose(step.x_t, x_t, atol=1e-6, rtol=0)
        prediction = denoiser.predict(x_t, int(t))
        # the list of generators draws image by image, exactly as ours does
        x_t = theirs.step(
            prediction.x0, int(t), x_t, generator=generator.generators, return_dict=False
        )[0]
    assert torch.allclose(ours[-1].x_t, x_t, atol=1e-6, rtol=0)


@pytest.mark.parametrize("num_steps", [10, 50])
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_ddim_equals_diffusers_step_by_step(schedule_config, schedule, num_steps, eta):
    theirs = DDIMScheduler(
        **{**schedule_config, "prediction_type": "sample", "clip_sample": False},
        timestep_spacing="trailing",
    )
    in_float64(theirs, schedule).set_timesteps(num_steps)
    denoiser = Wavy(schedule)
    ours = run("ddim", denoiser, num_steps, "trailing", eta=eta)
    noise = NoiseSource.for_run(0, 2, dtype=torch.float64)
    x_t = noise.randn((1, 32, 32))
    for step, t in zip(ours, theirs.timesteps, strict=False):
        assert torch.allclose(step.x_t, x_t, atol=1e-6, rtol=0)
        prediction = denoiser.predict(x_t, int(t))
        last = int(t) == int(theirs.timesteps[-1])
        variance_noise = noise.randn((1, 32, 32)) if eta and not last else torch.zeros_like(x_t)
        x_t = theirs.step(
            prediction.x0, int(t), x_t, eta=eta, variance_noise=variance_noise, return_dict=False
        )[0]
    assert torch.allclose(ours[-1].x_t, x_t, atol=1e-6, rtol=0)


def test_timesteps_equal_those_of_diffusers(schedule):
    for spacing in ("trailing", "leading"):
        for num_steps in (1, 3, 20, 50, 300, 1000):
            theirs = DDPMScheduler(timestep_spacing=spacing)
            theirs.set_timesteps(num_steps)
            assert make_timesteps(schedule, num_steps, spacing) == theirs.timesteps.tolist()


@pytest.mark.parametrize("spacing", SPACINGS)
def test_a_chain_can_start_anywhere(schedule, spacing):
    times = make_timesteps(schedule, 5, spacing, t_start=123.4)
    assert times[0] <= 123.4 and min(times) >= 0
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize(
    ("name", "options", "field"),
    [
        ("magic", {}, "sampler"),
        ("dpmpp_2m", {"eta": 0.5}, "eta"),
        ("ddpm", {"eta": 1.0}, "eta"),
        ("ddim", {"eta": 1.5}, "eta"),
        ("ddim", {"eta": -0.1}, "eta"),
        ("ddim", {"step_size": 0.5}, "step_size"),
        ("ddpm", {"langevin_steps": 5}, "langevin_steps"),
        ("langevin", {"eta": 0.5}, "eta"),
        ("langevin", {"langevin_steps": 0}, "langevin_steps"),
        ("langevin", {"langevin_steps": 101}, "langevin_steps"),
        ("langevin", {"step_size": 0.0}, "step_size"),
        ("langevin", {"step_size": 2.5}, "step_size"),
    ],
)
def test_wrong_combinations_give_a_sentence(schedule, name, options, field):
    noise = NoiseSource.for_run(0, 1)
    with pytest.raises(UserError) as caught:
        sample(
            name, GaussianDenoiser(schedule, 0, 1), torch.zeros(1, 1, 4, 4), [3], noise, **options
        )
    assert caught.value.field == field
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("num_steps", [0, -3, 1001, 10_001])
def test_impossible_numbers_of_steps_give_a_sentence(schedule, num_steps):
    with pytest.raises(UserError, match="number of steps"):
        make_timesteps(schedule, num_steps)
    with pytest.raises(UserError, match="spacing"):
        make_timesteps(schedule, 5, "cubic")
    with pytest.raises(UserError, match="timestep t"):
        make_timesteps(schedule, 5, t_start=1000)


def test_gradients_stay_off_when_another_thread_resumes_the_stream(schedule):
    """Gradio resumes a generator on whichever worker thread is free."""
    from concurrent.futures import ThreadPoolExecutor

    seen = []

    class Recorder(GaussianDenoiser):
        def predict(self, x_t, t):
            seen.append(torch.is_inference_mode_enabled())
            return super().predict(x_t, t)

    for name in SAMPLERS:
        noise = NoiseSource.for_run(0, 1)
        timesteps = make_timesteps(schedule, 4)
        stream = sample(
            name, Recorder(schedule, MEAN, STD), noise.randn((1, 4, 4)), timesteps, noise
        )
        for _ in range(5):
            with ThreadPoolExecutor(1) as pool:
                pool.submit(next, stream).result()
                assert pool.submit(torch.is_grad_enabled).result()
    assert seen and all(seen)
