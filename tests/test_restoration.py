"""The engine of restoration against closed forms: exact Gaussian priors in float64."""

import importlib.util
import math
from pathlib import Path

import pytest
import torch

from ddpm_demo.core.denoiser import Prediction
from ddpm_demo.core.noise import NoiseSource
from ddpm_demo.core.oracles import GaussianDenoiser
from ddpm_demo.core.schedule import Schedule
from ddpm_demo.pictures.similarity import psnr, ssim
from ddpm_demo.restoration.chain import make_sigmas, restore
from ddpm_demo.restoration.conditional import condition, pull
from ddpm_demo.restoration.guided import GuidedDenoiser, JacobianDenoiser
from ddpm_demo.restoration.noise_level import estimate_sigma
from ddpm_demo.restoration.observation import Observation, gaussian_mean, gaussian_samples
from ddpm_demo.restoration.operators import (
    AveragePool,
    Blur,
    FramedBlur,
    Grey,
    Mask,
    gaussian_kernel,
    motion_kernel,
)
from ddpm_demo.restoration.recipe import RestorationRecipe
from ddpm_demo.restoration.repaint import repaint, repaint_visits
from ddpm_demo.restoration.solve import Settings, denoise, solve
from ddpm_demo.restoration.spectrum import PHOTO, Covariance, FittedSpectrum

SHAPE = (3, 8, 8)
SIZE = 3 * 8 * 8
STD = 0.5
SCHEDULE = Schedule.from_config({"beta_schedule": "squaredcos_cap_v2"})
WHITE = FittedSpectrum(values=torch.full(SHAPE, STD**2, dtype=torch.float64))


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def half_mask():
    mask = torch.zeros(1, 1, 8, 8, dtype=torch.float64)
    mask[:, :, :4] = 1
    return mask


OBSERVATIONS = {
    "mask": (Mask(half_mask()), 0.0),
    "noisy mask": (Mask(half_mask()), 0.2),
    "average": (AveragePool(4), 0.0),
    "noisy average": (AveragePool(2), 0.1),
    "noisy grey": (Grey(), 0.2),
    "noisy blur": (Blur(gaussian_kernel(1.0)), 0.3),
}


def observe(operator, sigma_y):
    y = operator.A(STD * draw(1, *SHAPE))
    return Observation(operator, y + sigma_y * draw(*y.shape, seed=1), sigma_y, SHAPE)


def dense(operator):
    return operator.A(torch.eye(SIZE, dtype=torch.float64).view(SIZE, *SHAPE)).flatten(1).T


class NoNoise:
    """Draws zeros: an affine method then ends in its mean."""

    def __init__(self, count=1):
        self.count = count

    def randn(self, shape):
        return torch.zeros(self.count, *shape, dtype=torch.float64)

    def __len__(self):
        return self.count


@pytest.mark.parametrize("name", OBSERVATIONS)
def test_conditioning_is_bayes_for_any_covariance(name):
    """Against dense matrices, with the correlated covariance of a photograph's spectrum."""
    o = observe(*OBSERVATIONS[name])
    A, x0 = dense(o.operator), draw(1, *SHAPE, seed=2)
    covariance = Covariance(PHOTO.power(x0), 0.7)
    S = covariance.apply(torch.eye(SIZE, dtype=torch.float64).view(SIZE, *SHAPE)).flatten(1)
    seen = A.any(1)
    gram = A[seen] @ S @ A[seen].T + o.sigma_y**2 * torch.eye(int(seen.sum()))
    residual = (o.y - o.operator.A(x0)).flatten()[seen]
    expected = x0.flatten() + S @ A[seen].T @ torch.linalg.solve(gram, residual)
    found = condition(o.operator, x0, o.y, o.sigma_y, covariance, 1e-10, 2000)
    torch.testing.assert_close(found.flatten(), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("sigma", "worst"), [(0.3, 5e-3), (2.0, 3e-2)])
@pytest.mark.parametrize("kernel", [gaussian_kernel(1.5), motion_kernel(9.0, 30.0)])
def test_a_blurred_picture_is_conditioned_on_in_as_few_iterations_as_there_are(
    kernel, sigma, worst
):
    """The default number of them; without a suitable preconditioner they end far off."""
    blur, shape = FramedBlur(kernel), (1, 40, 36)
    y, x0 = draw(1, *blur.observation_shape(shape)), torch.zeros(1, *shape).double()
    covariance = Covariance(PHOTO.power(x0), sigma)
    exact = condition(blur, x0, blur.A(blur.A_T(y)), 0.016, covariance, 1e-10, 3000)
    found = condition(blur, x0, blur.A(blur.A_T(y)), 0.016, covariance)
    assert float((found - exact).norm() / exact.norm()) < worst


@pytest.mark.parametrize("name", OBSERVATIONS)
def test_the_pull_is_what_the_covariance_is_applied_to(name):
    o, x0 = observe(*OBSERVATIONS[name]), draw(2, *SHAPE, seed=2)
    covariance = Covariance(PHOTO.power(x0), 0.7)
    wanted = condition(o.operator, x0, o.y, o.sigma_y, covariance, 1e-10, 2000)
    found = pull(o.operator, x0, o.y, o.sigma_y, covariance, 1e-10, 2000)
    torch.testing.assert_close(x0 + covariance.apply(found), wanted, rtol=0, atol=1e-4)
    assert found.shape == x0.shape


@pytest.mark.parametrize("name", OBSERVATIONS)
@pytest.mark.parametrize("sigma", [0.1, 2.0])
def test_the_priors_own_covariance_is_the_spectrums_where_that_is_right(name, sigma):
    operator, sigma_y = OBSERVATIONS[name]
    o, prior = observe(operator, sigma_y), GaussianDenoiser(SCHEDULE, 0.0, STD)
    t = SCHEDULE.t_from_sigma(sigma)
    z = 0.3 * draw(2, *SHAPE, seed=3) + 0.1 * sigma * draw(2, *SHAPE, seed=4)
    x_t = SCHEDULE.abar(t) ** 0.5 * z
    arguments = prior, operator, o.y, sigma_y, WHITE
    with torch.inference_mode():  # as in a chain
        found = JacobianDenoiser(*arguments).predict(x_t, t)
        wanted = GuidedDenoiser(*arguments).predict(x_t, t)
    assert not found.x0.requires_grad
    torch.testing.assert_close(found.x0, wanted.x0.clamp(-1.2, 1.2), rtol=0, atol=2e-3)


def test_the_networks_own_covariance_knows_what_no_spectrum_does():
    """A prior of two pictures, one seen pixel: which of them it is says all of the others."""
    pictures = 0.8 * torch.stack([torch.ones(SHAPE), -torch.ones(SHAPE)]).double()
    pictures[1, :, 4:] = 0.3

    class TwoPictures:
        schedule = SCHEDULE

        def predict(self, x_t, t):
            abar, sigma = SCHEDULE.abar(t), SCHEDULE.sigma(t)
            far = (x_t[:, None] / abar**0.5 - pictures).square().flatten(2).sum(2)
            share = (-far / (2 * sigma**2)).softmax(1)
            x0 = (share @ pictures.flatten(1)).view(x_t.shape)
            return Prediction(x0, SCHEDULE.eps_from_x0(x_t, x0, t))

    mask = torch.zeros(1, 1, 8, 8, dtype=torch.float64)
    mask[..., 0, 0] = 1
    operator = Mask(mask)
    y = operator.A(pictures[:1])
    t = SCHEDULE.t_from_sigma(8.0)
    x_t = SCHEDULE.abar(t) ** 0.5 * 0.1 * draw(1, *SHAPE)
    arguments = TwoPictures(), operator, y, 0.0, WHITE
    own = JacobianDenoiser(*arguments).predict(x_t, t).x0
    spectrums = GuidedDenoiser(*arguments).predict(x_t, t).x0
    far = ((x0 - pictures[0]).square().mean().sqrt() for x0 in (own, spectrums))
    nearer, farther = far
    assert float(nearer) < 0.7 * float(farther)


@pytest.mark.parametrize("sigma", [0.05, 1.0, 20.0])
def test_a_mask_of_everything_or_nothing_is_exact(sigma):
    prior = GaussianDenoiser(SCHEDULE, 0.1, STD)
    t = SCHEDULE.t_from_sigma(sigma)
    x_t, y = draw(2, *SHAPE), draw(1, *SHAPE, seed=1)
    nothing = GuidedDenoiser(prior, Mask(torch.zeros(1, 1, 8, 8)), 0 * y, 0.0, PHOTO)
    torch.testing.assert_close(nothing.predict(x_t, t).x0, prior.predict(x_t, t).x0)
    everything = GuidedDenoiser(prior, Mask(torch.ones(1, 1, 8, 8)), y, 0.0, PHOTO)
    torch.testing.assert_close(everything.predict(x_t, t).x0, y.expand(2, -1, -1, -1))


@pytest.mark.parametrize("name", OBSERVATIONS)
@pytest.mark.parametrize("num_steps", [3, 12])
def test_the_mean_is_exact_for_a_white_prior(name, num_steps):
    """Whatever the number of steps: start and every denoising are those of the true posterior."""
    operator, sigma_y = OBSERVATIONS[name]
    o, prior = observe(operator, sigma_y), GaussianDenoiser(SCHEDULE, 0.0, STD)
    A = dense(operator)
    seen = A.any(1)
    A, y = A[seen], o.y.flatten()[seen]
    gram = STD**2 * A @ A.T + sigma_y**2 * torch.eye(len(A))
    expected = STD**2 * A.T @ torch.linalg.solve(gram, y)
    recipe = RestorationRecipe(checkpoint="oracle", perception=1.0)
    # The plain colour that the start is centred on belongs to pictures, not to this prior.
    guided = GuidedDenoiser(prior, operator, o.y, sigma_y, WHITE)
    sigmas = make_sigmas(num_steps, 2.0, 0.02)
    *_, last = restore(guided, expected.view(1, *SHAPE), sigmas, NoNoise())
    torch.testing.assert_close(last.x0_hat.flatten(), expected, rtol=0, atol=2e-3)
    *_, last = solve(prior, o, WHITE, recipe, Settings(num_steps=num_steps), NoNoise())
    start = float((gaussian_mean(o, WHITE).flatten() - expected).norm())
    assert float((last.x0_hat.flatten() - expected).norm()) <= start + 1e-3


def test_the_spread_is_right_for_a_white_prior():
    o = observe(Mask(half_mask()), 0.0)
    recipe = RestorationRecipe(checkpoint="oracle", perception=1.0, num_images=16)
    noise = NoiseSource.for_run(0, 16, dtype=torch.float64)
    settings = Settings(num_steps=40)
    *_, last = solve(GaussianDenoiser(SCHEDULE, 0.0, STD), o, WHITE, recipe, settings, noise)
    assert float(last.x0_hat[:, :, :4].std(0).max()) == 0  # what is known
    spread = last.x0_hat[:, :, 4:].var(0).mean().sqrt()
    assert float(spread) == pytest.approx(STD, rel=0.05)


def test_gaussian_samples_agree_with_what_was_seen():
    for operator in (Mask(half_mask()), AveragePool(4)):
        o = observe(operator, 0.0)
        mean = gaussian_mean(o, PHOTO)
        noise = NoiseSource.for_run(3, 4, dtype=torch.float64)
        samples = gaussian_samples(o, PHOTO, noise, mean)
        seen = operator.A(samples)
        torch.testing.assert_close(seen, o.y.expand_as(seen))
        assert float(samples.std(0).mean()) > 0.01


@pytest.fixture(scope="module")
def posterior():
    path = Path(__file__).resolve().parent.parent / "benchmarks" / "posterior.py"
    spec = importlib.util.spec_from_file_location("posterior", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("place", [1, 2])
def test_nearer_to_the_posterior_than_diffpir_and_ddrm(posterior, place):
    """A hole and 4 x 4 averages with 12 evaluations; the table of docs/restoration.md has more."""
    schedule = Schedule.from_config({"beta_schedule": "linear"})
    _, prior, o, weight, zeta = list(posterior.observations(schedule))[place]
    exact = posterior.exact_posterior(prior, o)
    spectrum = FittedSpectrum.of_covariance(prior.covariance, o.image_shape)
    ours = posterior.errors(posterior.ours(prior, o, spectrum, Settings(), 12), exact)
    for other in (
        posterior.diffpir(prior, o, weight, zeta, 12),
        posterior.ddrm(prior, o, 12),
    ):
        assert all(a < b for a, b in zip(ours, posterior.errors(other, exact), strict=True))


def test_denoising_starts_where_the_noise_is():
    """One evaluation is the posterior mean; many chains spread as the posterior does."""
    y, sigma, std = draw(1, *SHAPE), 0.3, STD
    prior = GaussianDenoiser(SCHEDULE, 0.0, std)
    share = std**2 / (std**2 + sigma**2)
    recipe = RestorationRecipe(checkpoint="oracle", perception=0.0)
    noise = NoiseSource.for_run(0, 1, dtype=torch.float64)
    steps = list(denoise(prior, y, sigma, recipe, noise))
    assert steps[-1].num_evaluations == 1
    torch.testing.assert_close(steps[-1].x0_hat, share * y)
    recipe = RestorationRecipe(checkpoint="oracle", perception=1.0, num_images=16)
    noise = NoiseSource.for_run(0, 16, dtype=torch.float64)
    *_, last = denoise(prior, y, sigma, recipe, noise, num_steps=30)
    deviation = (last.x0_hat - share * y).square().mean().sqrt()
    assert float(deviation) == pytest.approx(math.sqrt(share) * sigma, rel=0.05)


def test_perception_runs_straight_from_the_mean_to_the_sample():
    y, prior = draw(1, *SHAPE), GaussianDenoiser(SCHEDULE, 0.0, STD)

    def picture(perception):
        recipe = RestorationRecipe(checkpoint="oracle", perception=perception, num_images=2)
        noise = NoiseSource.for_run(5, 2, dtype=torch.float64)
        *_, last = denoise(prior, y, 0.3, recipe, noise)
        return last.x0_hat

    mean, sample = picture(0.0), picture(1.0)
    assert len(mean) == 1 and len(sample) == 2
    torch.testing.assert_close(picture(0.25), mean + 0.25 * (sample - mean))


@pytest.mark.parametrize("time_travel", [0, 2])
def test_a_step_an_evaluation_and_time_travel_repeats_them(time_travel):
    prior = GaussianDenoiser(SCHEDULE, 0.0, STD)
    sigmas = make_sigmas(4, 1.0, 0.1)
    noise = NoiseSource.for_run(0, 1, dtype=torch.float64)
    steps = list(restore(prior, draw(1, *SHAPE), sigmas, noise, time_travel=time_travel))
    count = 3 * (1 + time_travel) + 1
    assert [step.index for step in steps] == list(range(count + 1))
    assert {step.num_steps for step in steps} == {count} and steps[-1].is_last
    assert steps[-1].num_evaluations == count


def test_repaint_visits_as_the_paper_says():
    visits = repaint_visits(250, 10, 10)
    assert visits[0] == 250 and visits[-1] == 0
    assert sum(b < a for a, b in zip(visits, visits[1:], strict=False)) == 2410
    assert all(abs(a - b) == 1 for a, b in zip(visits, visits[1:], strict=False))
    assert repaint_visits(5, 10, 10) == [5, 4, 3, 2, 1, 0]


def test_repaint_keeps_what_is_known_and_fills_the_rest():
    prior, x_0, known = GaussianDenoiser(SCHEDULE, 0.0, STD), draw(1, *SHAPE), half_mask()
    noise = NoiseSource.for_run(0, 16, dtype=torch.float64)
    *_, last = repaint(prior, x_0, known, noise, num_steps=40, jump_length=5, resample=2)
    assert torch.equal(last.x0_hat[:, :, :4], x_0[:, :, :4].expand(16, -1, -1, -1))
    assert float(last.x0_hat[:, :, 4:].std()) == pytest.approx(STD, rel=0.1)


def test_framed_blur_is_its_matrix():
    blur, shape = FramedBlur(gaussian_kernel(0.5)), (1, 9, 10)
    unit = torch.eye(90, dtype=torch.float64).view(90, *shape)
    matrix = blur.A(unit).flatten(1).T
    assert blur.A(unit).shape[1:] == blur.observation_shape(shape)
    y, x0 = draw(2, *blur.observation_shape(shape)), draw(2, *shape, seed=1)
    torch.testing.assert_close(blur.A_T(y).flatten(1), y.flatten(1) @ matrix)
    pinv = torch.linalg.pinv(matrix)
    torch.testing.assert_close(blur.A_pinv(y).flatten(1), y.flatten(1) @ pinv.T, rtol=0, atol=1e-5)
    left = matrix.T @ matrix / 0.1**2 + torch.eye(90) / 0.5**2
    right = y.flatten(1) @ matrix / 0.1**2 + x0.flatten(1) / 0.5**2
    expected = torch.linalg.solve(left, right.T).T
    torch.testing.assert_close(blur.prox(x0, y, 0.1, 0.5).flatten(1), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("sigma_255", [5, 15, 25, 50])
def test_the_noise_of_a_photograph_is_estimated(sigma_255):
    skimage = pytest.importorskip("skimage.data")
    x = torch.from_numpy(skimage.chelsea()[:200, :200] / 127.5 - 1).permute(2, 0, 1)[None]
    noisy = x + sigma_255 / 127.5 * draw(*x.shape)
    assert estimate_sigma(noisy) * 127.5 == pytest.approx(sigma_255, rel=0.05)


@pytest.mark.parametrize("side", [1, 2, 5, 8, 20])
def test_the_noise_of_small_and_plain_pictures_is_a_number(side):
    for x in (torch.zeros(1, 3, side, side), draw(1, 1, side, side)):
        assert 0 <= estimate_sigma(x) < 2


def test_psnr_and_ssim_are_those_of_scikit_image():
    metrics = pytest.importorskip("skimage.metrics")
    a, b = torch.rand(1, 3, 30, 40).double() * 2 - 1, torch.rand(1, 3, 30, 40).double() * 2 - 1
    b = (0.7 * a + 0.3 * b).clamp(-1, 1)
    x, y = (v[0].permute(1, 2, 0).numpy() for v in (a, b))
    expected = metrics.peak_signal_noise_ratio(x, y, data_range=2)
    assert psnr(a, b) == pytest.approx(expected)
    _, plane = metrics.structural_similarity(
        (x + 1) / 2,
        (y + 1) / 2,
        channel_axis=-1,
        data_range=1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    assert ssim(a, b) == pytest.approx(plane[5:-5, 5:-5].mean())
    assert ssim(a, b, 2) == pytest.approx(plane[5:-5:2, 5:-5:2].mean())
    assert psnr(a, a) == math.inf and ssim(a, a) == pytest.approx(1)
