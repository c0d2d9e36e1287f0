"""Interpolation and DDIM inversion, on exact denoisers and a small random network."""

import pytest
import torch
from diffusers import UNet2DModel

from ddpm_demo.core.anderson import solve_fixed_point
from ddpm_demo.core.denoiser import UNetDenoiser, without_clipping
from ddpm_demo.core.inversion import invert, reconstruction
from ddpm_demo.core.noise import NoiseSource, slerp
from ddpm_demo.core.oracles import GaussianDenoiser, MixtureDenoiser
from ddpm_demo.core.schedule import Schedule
from ddpm_demo.errors import UserError
from ddpm_demo.process.frames import Frames
from ddpm_demo.process.interpolation import Interpolation, mix_frames
from ddpm_demo.samplers.ddim import ddim
from ddpm_demo.samplers.timesteps import make_timesteps
from ddpm_demo.tasks.interpolate import InterpolateRecipe
from ddpm_demo.tasks.registry import recipe_from_dict

SHAPE = (3, 8, 8)
TINY = {
    "sample_size": 8,
    "block_out_channels": (8, 16),
    "layers_per_block": 1,
    "down_block_types": ("DownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "UpBlock2D"),
    "norm_num_groups": 4,
}


@pytest.fixture(scope="module")
def cosine():
    return Schedule.from_config({"beta_schedule": "squaredcos_cap_v2"})


@pytest.fixture(scope="module")
def network(cosine):
    torch.manual_seed(0)
    return UNetDenoiser(UNet2DModel(**TINY).eval(), cosine, "v_prediction")


def picture(seed):
    return torch.rand(1, *SHAPE, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def recipe(**changes):
    return InterpolateRecipe(checkpoint="c", **{"num_steps": 6, "num_between": 3, **changes})


def frames(denoiser, wanted, *images):
    run = Interpolation(denoiser, wanted, images, SHAPE)
    *_, last = run
    return last.x0_hat, run


# --- inversion


def up_and_back(denoiser, x_0, num_steps, spacing="karras", **options):
    timesteps = make_timesteps(denoiser.schedule, num_steps, spacing)
    *_, top = invert(denoiser, x_0, timesteps, **options)
    *_, bottom = ddim(denoiser, top.x_t, timesteps)
    return top, bottom


def test_the_fixed_point_of_a_linear_map_is_found():
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(3, 5, 5, generator=generator, dtype=torch.float64) * 0.6
    shift = torch.randn(3, 5, generator=generator, dtype=torch.float64)
    exact = torch.linalg.solve(torch.eye(5).double() - matrix, shift)
    start = torch.zeros_like(shift)

    def f(x):
        return (matrix @ x[..., None])[..., 0] + shift

    assert torch.linalg.matrix_norm(matrix, 2).min() > 1  # plain iteration need not converge
    found = solve_fixed_point(f, start, 8, memory=5)
    assert torch.allclose(found, exact, atol=1e-6)
    assert torch.equal(solve_fixed_point(f, start, 1), f(start))


def test_a_diverging_iteration_returns_its_best_answer():
    found = solve_fixed_point(lambda x: -3 * x + 4, torch.zeros(1, 1), 5, memory=0)
    assert found.item() == 4.0  # the first answer; the later ones are -8, 28, -80, 244


def test_the_iteration_stops_when_every_picture_is_good_enough():
    calls = []

    def f(x):
        calls.append(x)
        return x / 2

    solve_fixed_point(f, torch.tensor([[0.0], [8.0]]), 50, tolerance=0.3, memory=0)
    assert [x[1].item() for x in calls] == [8, 4, 2, 1]  # residuals 4, 2, 1, 1/2; 1/4 < 0.3


@pytest.mark.parametrize("options", [{"plain": True}, {}])
def test_inversion_converges_to_the_noise_of_the_probability_flow(cosine, options):
    oracle = GaussianDenoiser(cosine, 0.2, 0.3)
    z = torch.randn(2, *SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    errors = []
    for num_steps in (50, 200):
        top, _ = up_and_back(oracle, 0.2 + 0.3 * z, num_steps, **options)
        abar = cosine.abar(top.t)
        exact = abar**0.5 * 0.2 + (abar * 0.09 + 1 - abar) ** 0.5 * z
        errors.append((top.x_t - exact).abs().max().item())
    assert errors[1] < 0.1
    assert errors[1] < errors[0] / 3


def test_more_evaluations_a_step_make_the_way_back_exact(cosine):
    draws = torch.randn(6, 192, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    oracle = MixtureDenoiser(cosine, draws[:4] * 0.5, 0.2)
    x_0 = (draws[:2] * 0.5 + 0.2 * draws[4:]).view(2, *SHAPE)
    ways = ({"plain": True}, {"max_evaluations": 1}, {"max_evaluations": 12})
    errors = [
        (up_and_back(oracle, x_0, 10, **way)[1].x_t - x_0).abs().max().item() for way in ways
    ]
    assert errors[0] > errors[1] > 10 * errors[2]
    assert errors[2] < 0.01


def test_more_steps_make_plain_inversion_better(network):
    x_0 = picture(1)
    few, many = (
        reconstruction(x_0, up_and_back(without_clipping(network), x_0, n, plain=True)[1].x_t)[0]
        for n in (10, 100)
    )
    assert many.mse < few.mse / 4


def test_inversion_counts_its_evaluations_and_yields_every_step(network):
    timesteps = make_timesteps(network.schedule, 5, "karras")
    calls = []

    class Counting:
        schedule = network.schedule

        def predict(self, x_t, t):
            calls.append(t)
            return network.predict(x_t, t)

    steps = list(invert(Counting(), picture(0), timesteps, max_evaluations=3))
    assert [s.index for s in steps] == [0, 1, 2, 3, 4, 5]
    assert [s.t for s in steps] == [-1, *reversed(timesteps)]
    counts = [sum(t <= s.t for t in calls) for s in steps]
    assert [s.num_evaluations for s in steps] == counts
    assert counts[0] == 0 and 5 <= counts[-1] <= 15
    assert all(not s.x_t.requires_grad for s in steps)
    plain = list(invert(network, picture(0), timesteps, plain=True))
    assert [s.num_evaluations for s in plain] == [0, 1, 2, 3, 4, 5]


def test_plain_inversion_is_that_of_the_paper(network):
    timesteps = make_timesteps(network.schedule, 3, "karras")
    x = picture(0)
    for s, t in zip([-1.0, *timesteps[:0:-1]], timesteps[::-1], strict=True):
        eps = network.predict(x, t).eps
        abar_s, abar_t = network.schedule.abar(s), network.schedule.abar(t)
        x = abar_t**0.5 * (x - (1 - abar_s) ** 0.5 * eps) / abar_s**0.5 + (1 - abar_t) ** 0.5 * eps
    *_, top = invert(network, picture(0), timesteps, plain=True)
    assert torch.allclose(top.x_t, x, atol=1e-5)


def test_without_clipping_shares_the_network_and_leaves_the_original_alone(network):
    unclipped = without_clipping(network)
    assert unclipped.unet is network.unet
    assert (unclipped.clip_range, network.clip_range) == (None, 1.0)
    assert without_clipping(unclipped) is unclipped


def test_the_reconstruction_error_is_that_of_pictures_in_0_1():
    black, white = -torch.ones(1, *SHAPE), torch.ones(1, *SHAPE)
    assert reconstruction(black, white)[0].mse == 1.0
    assert reconstruction(black, black + 0.2)[0].psnr == pytest.approx(20.0)
    assert reconstruction(white, white * 1.5)[0].psnr == float("inf")


# --- frames


def test_frames_of_a_line_and_of_a_grid():
    corners = torch.tensor([[0.0], [3.0], [30.0], [33.0]])
    assert mix_frames(corners[:2], 2, torch.lerp).flatten().tolist() == [0, 1, 2, 3]
    grid = mix_frames(corners, 2, torch.lerp).view(4, 4)
    expected = torch.arange(4.0) + 10 * torch.arange(4.0)[:, None]
    assert torch.allclose(grid, expected)


def test_where_the_ends_and_the_samples_of_frames_lie():
    line, grid = Frames(2, 3, 2), Frames(4, 1, 1)
    assert (line.num_frames, line.num_pictures, line.ends) == (5, 10, (0, 4))
    assert line.along_path(range(10)) == [0, 2, 4, 6, 8]
    assert (grid.num_frames, grid.ends) == (9, (0, 2, 6, 8))
    assert grid.path == (0, 1, 2, 5, 4, 3, 6, 7, 8)
    with pytest.raises(UserError):
        line.along_path(range(9))


def test_a_grid_on_the_sphere_has_its_corners_and_keeps_the_norm():
    corners = NoiseSource([1, 2, 3, 4]).randn((1, 64, 64))
    grid = mix_frames(corners, 3, slerp)
    assert torch.allclose(grid[[0, 4, 20, 24]], corners, atol=1e-5)
    norms = grid.flatten(1).norm(dim=1) / 64
    assert (norms - 1).abs().max() < 0.05


# --- (b) through noise


def test_ddim_interpolation_between_pictures_ends_in_the_pictures(network):
    a, b = picture(1), picture(2)
    x, run = frames(network, recipe(ends=("image", "image")), a, b)
    assert len(x) == 5
    assert (x[[0, -1]] - torch.cat([a, b])).abs().max() < 0.02
    assert all(r.psnr > 40 for r in run.reconstructions())
    assert (x[2] - a[0]).abs().max() > 0.1


@pytest.mark.parametrize("method", ["ddim", "ddpm"])
@pytest.mark.parametrize("kinds", ["images", "seeds", "mixed"])
def test_from_a_to_b_reversed_is_from_b_to_a(network, method, kinds):
    ends, images = {
        "images": (("image", "image"), (picture(1), picture(2))),
        "seeds": (("seed:3", "seed:4"), ()),
        "mixed": (("image", "seed:4"), (picture(1),)),
    }[kinds]
    there, _ = frames(network, recipe(ends=ends, method=method), *images)
    back, _ = frames(network, recipe(ends=ends[::-1], method=method), *images[::-1])
    assert torch.allclose(there, back.flip(0), atol=1e-4)


def test_seed_ends_are_the_pictures_that_ddim_makes_of_those_seeds(network):
    x, run = frames(network, recipe(ends=("seed:3", "seed:4")))
    timesteps = make_timesteps(network.schedule, 6, "karras")
    *_, alone = ddim(without_clipping(network), NoiseSource([3, 4]).randn(SHAPE), timesteps)
    assert torch.allclose(x[[0, -1]], alone.x_t, atol=1e-5)
    assert run.reconstructions() == [None, None]


def test_four_corners_of_any_kind_make_a_grid(network):
    wanted = recipe(ends=("seed:1", "image", "image", "seed:2"), num_between=1)
    x, run = frames(network, wanted, picture(1), picture(2))
    assert len(x) == wanted.frames.num_frames == 9
    assert (x[[2, 6]] - torch.cat([picture(1), picture(2)])).abs().max() < 0.02
    assert [r is None for r in run.reconstructions()] == [True, False, False, True]


def test_the_steps_of_both_parts_are_one_stream(network):
    run = Interpolation(network, recipe(ends=("image", "seed:4")), [picture(1)], SHAPE)
    steps = []
    for step in run:
        steps.append(step)
        assert bool(run.reconstructions()) == step.is_last
    assert [s.index for s in steps] == list(range(13))
    assert {s.num_steps for s in steps} == {12}
    assert [len(s.x_t) for s in steps] == [1] * 6 + [5] * 7
    up = list(invert(without_clipping(network), picture(1), run.timesteps))[-1]
    assert steps[-1].num_evaluations == up.num_evaluations + 6
    assert steps[-1].t == -1


# --- (a) through the mixture


def test_ddpm_interpolation_at_t_0_mixes_pixels(network):
    a, b = picture(1), picture(2)
    x, _ = frames(network, recipe(ends=("image", "image"), method="ddpm", t=0), a, b)
    shares = torch.linspace(0, 1, 5).view(-1, 1, 1, 1)
    assert torch.allclose(x, (1 - shares) * a + shares * b, atol=1e-6)


def test_ddpm_interpolation_at_t_T_gives_fresh_samples(network):
    wanted = recipe(ends=("image", "image"), method="ddpm", t=1000, num_samples=2)
    x, _ = frames(network, wanted, picture(1), picture(2))
    other, _ = frames(network, wanted, picture(5), picture(6))
    assert torch.allclose(x, other, atol=1e-2)  # nothing of the ends is left
    samples = x.view(5, 2, *SHAPE)
    assert torch.allclose(samples[0], samples[4], atol=1e-2)
    assert (samples[:, 0] - samples[:, 1]).abs().max() > 0.5


def test_fresh_samples_have_the_distribution_of_the_prior(cosine):
    oracle = GaussianDenoiser(cosine, 0.3, 0.25)
    wanted = recipe(ends=("image", "image"), method="ddpm", t=1000, num_samples=400, num_steps=200)
    x, _ = frames(oracle, wanted.replace(num_between=1), -torch.ones(1, *SHAPE), picture(1))
    first = x[:400]
    assert abs(first.mean() - 0.3) < 0.01
    assert abs(first.std() - 0.25) < 0.01


def test_samples_of_a_mix_differ_more_the_more_noise_there_was(network):
    spread = []
    for t in (100, 500, 1000):
        wanted = recipe(ends=("image", "image"), method="ddpm", t=t, num_samples=4)
        x, _ = frames(network, wanted, picture(1), picture(2))
        spread.append(x.view(5, 4, *SHAPE).std(1).mean().item())
    assert spread == sorted(spread)


def test_seeds_stand_for_their_pictures_in_the_ddpm_method(network):
    x, _ = frames(network, recipe(ends=("seed:3", "seed:4"), method="ddpm", t=0))
    timesteps = make_timesteps(network.schedule, 6, "karras")
    *_, alone = ddim(network, NoiseSource([3, 4]).randn(SHAPE), timesteps)
    assert torch.allclose(x[[0, -1]], alone.x_t, atol=1e-5)


def test_sample_j_is_the_same_however_many_samples_there_are(network):
    wanted = recipe(ends=("image", "image"), method="ddpm", num_samples=3, seed=10)
    three, _ = frames(network, wanted, picture(1), picture(2))
    one, _ = frames(network, wanted.replace(num_samples=1, seed=12), picture(1), picture(2))
    assert torch.allclose(three.view(5, 3, *SHAPE)[:, 2], one, atol=1e-5)


# --- bad input


@pytest.mark.parametrize(
    ("changes", "key", "field"),
    [
        ({"num_between": 0}, "range", "num_between"),
        ({"num_between": 10_001}, "range", "num_between"),
        (
            {"num_between": 100, "ends": ("seed:1",) * 3 + ("seed:2",)},
            "interpolate_too_many",
            None,
        ),
        ({"num_between": 9, "num_samples": 1000, "method": "ddpm"}, "interpolate_too_many", None),
        ({"ends": ("seed:1", "seed:1")}, "interpolate_same", "ends"),
        ({"ends": ("seed:1",)}, "interpolate_ends", "ends"),
        ({"ends": ("seed:1", "cat.png")}, "interpolate_end", "ends"),
        ({"ends": ("seed:1", "seed:-2")}, "interpolate_end", "ends"),
        ({"ends": ("seed:1", "seed:4294967296")}, "range", "seed"),
        ({"method": "linear"}, "choice", "method"),
        ({"num_steps": 0}, "range", "num_steps"),
        ({"max_evaluations": 0}, "range", "max_evaluations"),
        ({"size_px": 7}, "range", "size_px"),
        ({"num_samples": 0}, "range", "num_samples"),
    ],
)
def test_what_a_recipe_refuses(changes, key, field):
    with pytest.raises(UserError) as caught:
        recipe(**changes)
    assert caught.value.key == key
    assert field is None or caught.value.field == field
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    ("changes", "images", "key"),
    [
        ({"ends": ("image", "seed:1")}, [], "interpolate_images"),
        ({"ends": ("image", "seed:1")}, [picture(1), picture(2)], "interpolate_images"),
        ({"ends": ("image", "image")}, [picture(1), picture(1)], "interpolate_same"),
        (
            {"ends": ("image", "image")},
            [picture(1), torch.zeros(1, 3, 8, 9)],
            "interpolate_shapes",
        ),
        (
            {"ends": ("image", "image")},
            [picture(1), torch.zeros(1, 1, 8, 8)],
            "interpolate_shapes",
        ),
        ({"method": "ddpm", "t": 1001}, [], "noising_steps_range"),
        ({"method": "ddpm", "t": -1}, [], "range"),
        ({"num_steps": 1001}, [], "num_steps_range"),
    ],
)
def test_what_a_run_refuses_before_its_first_step(network, changes, images, key):
    with pytest.raises(UserError) as caught:
        Interpolation(network, recipe(**changes), images, SHAPE)
    assert caught.value.key == key


def test_the_recipe_survives_json():
    wanted = recipe(ends=("seed:1", "image"), method="ddpm", t=300, num_samples=2, size_px=64)
    values = {**wanted.to_dict(), "ends": list(wanted.ends)}
    assert recipe_from_dict(values) == wanted
