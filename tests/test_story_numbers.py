"""What the story computes in the browser equals what the package computes, to 1e-6."""

import json
import math

import numpy as np
import pytest
import torch
from story_helpers import in_node

from ddpm_demo.core.noise import NoiseSource
from ddpm_demo.core.schedule import Schedule
from ddpm_demo.errors import UserError
from ddpm_demo.process.forward import value_histogram
from ddpm_demo.process.playground import POINT_SETS, STD, exact_denoiser, point_set, tidy
from ddpm_demo.process.posterior import posterior_of_value
from ddpm_demo.process.training_step import min_snr_weight
from ddpm_demo.samplers.sample import sample
from ddpm_demo.samplers.timesteps import make_timesteps
from ddpm_demo.ui.tabs.process import numbers

NAMES = {"linear": "linear", "cosine": "squaredcos_cap_v2"}
NUM_PARTICLES = 12


def python_schedule(name):
    return Schedule.from_config({"beta_schedule": NAMES[name]})


class Recorded(NoiseSource):
    """Keeps what it draws, so that another sampler can be given the same."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.drawn = []

    def randn(self, image_shape):
        draw = super().randn(image_shape)
        self.drawn.append(draw.flatten().tolist())
        return draw


@pytest.mark.parametrize("name", NAMES)
def test_the_schedule_is_the_schedule(name, tmp_path):
    schedule, places = python_schedule(name), [-1, -0.4, 0, 1, 17.25, 500, 998.5, 999]
    pairs = [[5, 4], [999, 998], [999, 499], [100, -1], [0, -1]]
    sigmas = [0.001, 0.02, 0.5, 3, 70]
    found = in_node(
        """
        const s = new story.Schedule(story.makeBetas(given.name));
        return {
          abar: given.places.map((t) => s.abar(t)), sigma: given.places.map((t) => s.sigma(t)),
          posterior: given.pairs.map(([t, u]) => s.posterior(t, u)),
          back: given.sigmas.map((v) => s.tFromSigma(v)),
        };
        """,
        tmp_path,
        name=name,
        places=places,
        pairs=pairs,
        sigmas=sigmas,
    )
    assert found["abar"] == pytest.approx([schedule.abar(t) for t in places], rel=1e-9)
    assert found["sigma"] == pytest.approx([schedule.sigma(t) for t in places], rel=1e-7)
    assert found["back"] == pytest.approx([schedule.t_from_sigma(s) for s in sigmas], abs=1e-6)
    for (t, s), coefficients in zip(pairs, found["posterior"], strict=True):
        wanted = schedule.posterior_coefficients(t, s)
        assert coefficients == pytest.approx(wanted, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("spacing", ["trailing", "geometric"])
def test_the_timesteps_are_the_timesteps(name, spacing, tmp_path):
    asked = [(1, 999), (3, 999), (7, 999), (16, 999), (40, 499), (60, 999), (13, 339)]
    found = in_node(
        """
        const s = new story.Schedule(story.makeBetas(given.name));
        return given.asked.map(([n, t]) => story.makeTimesteps(s, n, given.spacing, t));
        """,
        tmp_path,
        name=name,
        spacing=spacing,
        asked=asked,
    )
    for (count, t), times in zip(asked, found, strict=True):
        wanted = make_timesteps(python_schedule(name), count, spacing, t)
        assert times == pytest.approx(wanted, abs=1e-6)


WAYS = [
    ("ddpm", {}, {}),
    ("ddim", {"eta": 0.0}, {"eta": 0.0}),
    ("ddim", {"eta": 0.6}, {"eta": 0.6}),
    ("ddim", {"eta": 1.0}, {"eta": 1.0}),
    ("dpmpp_2m", {}, {}),
    ("langevin", {"langevin_steps": 3, "step_size": 0.7}, {"updates": 3, "stepSize": 0.7}),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("sampler", "options", "theirs"), WAYS)
@pytest.mark.parametrize("num_steps", [1, 4, 20])
def test_trajectories_equal_the_samplers_given_the_same_noise(
    name, sampler, options, theirs, num_steps, tmp_path
):
    schedule, points = python_schedule(name), point_set("moons")
    noise = Recorded(range(NUM_PARTICLES), dtype=torch.float64)
    start = noise.randn((2,))
    spacing = "geometric" if sampler == "langevin" else "trailing"
    times = make_timesteps(schedule, num_steps, spacing)
    steps = list(sample(sampler, exact_denoiser(schedule, points), start, times, noise, **options))
    found = in_node(
        """
        const s = new story.Schedule(story.makeBetas(given.name));
        const predict = story.mixture(s, Float64Array.from(given.points.flat()), given.std);
        const drawn = given.drawn.map((row) => Float64Array.from(row));
        const start = drawn.shift();
        return story.samplers[given.sampler](s, predict, start, given.times,
          () => drawn.shift(), given.options);
        """,
        tmp_path,
        name=name,
        points=points,
        std=STD,
        drawn=noise.drawn,
        times=times,
        sampler=sampler,
        options=theirs,
    )
    assert [state["t"] for state in found] == [step.t for step in steps]
    for state, step in zip(found, steps, strict=True):
        assert np.abs(np.array(state["x"]) - step.x_t.flatten().numpy()).max() < 1e-6
        assert np.abs(np.array(state["x0"]) - step.x0_hat.flatten().numpy()).max() < 1e-6


@pytest.mark.parametrize("kind", ["epsilon", "sample", "v_prediction"])
def test_what_a_network_says_is_converted_alike(kind, tmp_path):
    schedule = python_schedule("cosine")
    rng = np.random.default_rng(3)
    x_0, eps = rng.standard_normal((2, 8))
    x_t = schedule.q_sample(torch.from_numpy(x_0), 321, torch.from_numpy(eps)).numpy()
    v = schedule.v_from_x0_eps(torch.from_numpy(x_0), torch.from_numpy(eps), 321).numpy()
    said = {"epsilon": eps, "sample": x_0, "v_prediction": v}[kind]
    found = in_node(
        """
        const s = new story.Schedule(story.makeBetas("cosine"));
        return story.predictionFrom(given.kind, s, Float64Array.from(given.x), 321,
          Float64Array.from(given.said));
        """,
        tmp_path,
        kind=kind,
        x=x_t,
        said=said,
    )
    assert found["x0"] == pytest.approx(x_0.tolist(), abs=1e-9)
    assert found["eps"] == pytest.approx(eps.tolist(), abs=1e-9)


def test_the_small_network_is_that_of_torch_and_its_gradients_are_right(tmp_path):
    found = in_node(
        """
        const betas = story.makeBetas("linear"), points = Float64Array.from(given.points.flat());
        const make = () => new story.Trainer({ betas, points, std: 0.08, kind: "v_prediction" });
        const trainer = make();
        const x = [0.3, -0.2, 1.1, 0.4], t = 250;
        const kept = [], out = story.networkForward(trainer.schedule, trainer.weights,
          Float64Array.from(x), t, kept);
        // The derivative of sum(out^2) by a few weights, by differences and by `backward`.
        const loss = () => story.networkForward(trainer.schedule, trainer.weights,
          Float64Array.from(x), t).reduce((sum, v) => sum + v * v, 0);
        const picked = [[0, 5], [0, 639], [1, 3], [2, 100], [2, 4095], [3, 60], [4, 7], [5, 1]];
        const byDifferences = picked.map(([layer, at]) => {
          const w = trainer.weights[layer], kept = w[at];
          w[at] = kept + 1e-5; const up = loss();
          w[at] = kept - 1e-5; const down = loss();
          w[at] = kept;
          return (up - down) / 2e-5;
        });
        const gradients = [];
        trainer.adam = (index, grad) => { gradients[index] = grad; };
        const weights = trainer.weights.map((w) => w.slice());
        trainer.backward(kept, out.map((v) => 2 * v), 2);
        return { input: kept[0], out, weights, byDifferences,
          byHand: picked.map(([layer, at]) => gradients[layer][at]) };
        """,
        tmp_path,
        points=point_set("blobs"),
    )
    assert found["byHand"] == pytest.approx(found["byDifferences"], rel=1e-5, abs=1e-8)
    layer = torch.tensor(found["input"], dtype=torch.float64).view(2, -1)
    weights = [torch.tensor(w, dtype=torch.float64) for w in found["weights"]]
    for index in range(3):
        bias = weights[2 * index + 1]
        layer = layer @ weights[2 * index].view(len(bias), -1).T + bias
        layer = torch.nn.functional.silu(layer) if index < 2 else layer
    assert found["out"] == pytest.approx(layer.flatten().tolist(), abs=1e-9)


def test_training_comes_nearer_to_the_exact_answer_and_says_when_it_comes_apart(tmp_path):
    found = in_node(
        """
        const betas = story.makeBetas("cosine"), points = Float64Array.from(given.points.flat());
        const std = given.std, plan = { betas, points, std, kind: "epsilon" };
        const make = (rate) => new story.Trainer({ ...plan, rate });
        const trainer = make(), exact = story.mixture(trainer.schedule, points, std);
        const against = (learned) =>
          story.errorAgainstExact(trainer.schedule, points, std, exact, learned);
        const off = () =>
          against(story.learned(trainer.schedule, trainer.averaged, "epsilon"));
        const errors = [off()];
        for (let k = 0; k < 2; k++) {
          for (let n = 0; n < 150; n++) trainer.update();
          errors.push(off());
        }
        let said = "";
        const wild = make(1e4);
        try {
          for (let n = 0; n < 300; n++) wild.update();
        } catch (error) {
          said = error.message;
        }
        return { errors, said, perfect: against(exact) };
        """,
        tmp_path,
        points=point_set("moons"),
        std=STD,
    )
    assert found["errors"][0] > 0.8 > found["errors"][1] > found["errors"][2]
    assert found["errors"][2] < 0.35
    assert found["perfect"] == 0
    assert found["said"] == "diverged"


def test_the_forward_pane_has_the_package_s_numbers(tmp_path):
    schedule = python_schedule("linear")
    rng = np.random.default_rng(0)
    x_0, eps = rng.uniform(-1, 1, 600), rng.standard_normal(600)
    found = in_node(
        """
        const s = new story.Schedule(story.makeBetas("linear"));
        const x0 = Float64Array.from(given.x0), eps = Float64Array.from(given.eps);
        const jump = story.jump(s, x0, eps, 300);
        const one = Float32Array.from({ length: 4000 }, () => 0.5);
        const chain = story.chainOf(s, one, 3);
        const far = chain(310), again = story.chainOf(s, one, 3)(310);
        const none = story.jump(s, x0, eps, 0), histogram = story.histogram(jump);
        return { jump, none, histogram, far, again, start: chain(0) };
        """,
        tmp_path,
        x0=x_0,
        eps=eps,
    )
    jump = schedule.q_sample(torch.from_numpy(x_0), 299, torch.from_numpy(eps))
    assert found["jump"] == pytest.approx(jump.tolist(), abs=1e-9)
    assert found["none"] == pytest.approx(x_0.tolist(), abs=1e-12)
    wanted = value_histogram(jump)
    assert found["histogram"]["density"] == pytest.approx(wanted.density.tolist(), abs=1e-9)
    assert found["histogram"]["normal"] == pytest.approx(wanted.normal.tolist(), abs=1e-9)
    # The chain's own draws: the distribution of the jump, and the same whenever it is asked.
    abar, far = schedule.abar(309), np.array(found["far"])
    assert far.mean() == pytest.approx(math.sqrt(abar) * 0.5, abs=4 * math.sqrt(1 - abar) / 63)
    assert far.std() == pytest.approx(math.sqrt(1 - abar), rel=0.05)
    assert found["far"] == found["again"] and set(found["start"]) == {0.5}


@pytest.mark.parametrize(("steps", "x_0", "eps"), [(4, 0.5, 1.5), (2, -1, 3), (700, 0.2, -1)])
def test_the_posterior_is_the_package_s(steps, x_0, eps, tmp_path):
    schedule = python_schedule("cosine")
    found = in_node(
        """
        const s = new story.Schedule(story.makeBetas("cosine"));
        return story.posteriorOf(s, given.steps, given.x0, given.eps);
        """,
        tmp_path,
        steps=steps,
        x0=x_0,
        eps=eps,
    )
    wanted = posterior_of_value(schedule, x_0, found["xT"], steps - 1)
    for name, value in {"c0": wanted.c_0, "ct": wanted.c_t, "mean": wanted.mean}.items():
        assert found[name] == pytest.approx(value, rel=1e-9)
    assert found["std"] == pytest.approx(wanted.std, rel=1e-9)
    assert np.trapezoid(found["posterior"], found["x"]) == pytest.approx(1, abs=1e-4)


def test_at_the_posterior_s_default_its_curves_differ(tmp_path):
    """What x_0 says, what x_t says and both together: three hills that can be told apart."""
    found = in_node(
        """
        const s = new story.Schedule(story.makeBetas("cosine"));
        return story.posteriorOf(s, 4, 0.5, 1.5);
        """,
        tmp_path,
    )
    x = np.array(found["x"])
    tops = [x[np.argmax(found[name])] for name in ("prior", "posterior", "likelihood")]
    assert tops[0] + found["std"] < tops[1] < tops[2]
    assert max(found["posterior"]) > 1.1 * max(found["likelihood"])
    assert max(found["likelihood"]) > 1.2 * max(found["prior"])


def test_the_true_step_back_is_one_hill_when_small_and_two_when_large(tmp_path):
    small, large = in_node(
        """
        const s = new story.Schedule(story.makeBetas("cosine"));
        return [1, 500].map((stride) => story.trueStepBack(s, 500, stride, 0.1));
        """,
        tmp_path,
    )
    for found in (small, large):
        assert np.trapezoid(found["truth"], found["x"]) == pytest.approx(1, abs=1e-3)
        assert np.trapezoid(found["gaussian"], found["x"]) == pytest.approx(1, abs=1e-3)
    off = [
        np.abs(np.subtract(f["truth"], f["gaussian"])).max() / max(f["truth"])
        for f in (small, large)
    ]
    assert off[0] < 0.01 < 0.5 < off[1]
    truth = np.array(large["truth"])
    peaks = (truth[1:-1] > truth[:-2]) & (truth[1:-1] > truth[2:])
    assert peaks.sum() == 2


def test_the_weights_of_a_mistake_are_min_snr_s(tmp_path):
    schedule, times = python_schedule("cosine"), [0, 100, 500, 998]
    found = in_node(
        """
        return ["eps", "x0", "v"].map((kind) => given.snr.map((s) => story.minSnrWeight(kind, s)));
        """,
        tmp_path,
        snr=[schedule.snr(t) for t in times],
    )
    for kind, weights in zip(("epsilon", "sample", "v_prediction"), found, strict=True):
        assert weights == pytest.approx([min_snr_weight(schedule, t, kind) for t in times])


@pytest.mark.parametrize(
    ("low", "high", "most"),
    [(-4, 4, 9), (0, 1, 3), (0, 0.02, 3), (-6.2, 4.3, 4), (0.4999, 0.5, 3)],
)
def test_ticks_are_few_round_and_never_minus_zero(low, high, most, tmp_path):
    found = in_node(
        "return story.ticks(given.low, given.high, given.most);",
        tmp_path,
        low=low,
        high=high,
        most=most,
    )
    words = [word for _, word in found]
    assert 2 <= len(found) <= most + 1 and len(set(words)) == len(words)
    assert all(low - 1e-9 <= value <= high + 1e-9 for value, _ in found)
    assert not any(word.strip("0.") in ("-", "−") for word in words)


# --- points


@pytest.mark.parametrize("name", POINT_SETS)
def test_every_set_of_points_is_in_the_middle_and_of_one_size(name):
    points = point_set(name)
    assert points.shape == (240, 2) and np.abs(points.mean(axis=0)).max() < 1e-9
    assert math.sqrt((points**2).mean()) == pytest.approx(0.7)
    assert np.array_equal(points, point_set(name)) and len(np.unique(points, axis=0)) > 200


def test_points_that_cannot_be_are_a_sentence():
    for wrong in (np.empty((0, 2)), np.full((5, 2), np.nan)):
        with pytest.raises(UserError, match="Draw some points"):
            tidy(wrong)
    with pytest.raises(UserError, match="no set of points"):
        point_set("cats")
    for count in (0, 100_001):
        with pytest.raises(UserError, match="number of points"):
            point_set("moons", count)
    assert tidy(np.array([[3.0, 4.0]])).tolist() == [[3.0, 4.0]]
    assert tidy(np.random.default_rng(0).random((100_000, 2))).shape == (2000, 2)


def test_the_page_tidies_points_as_the_package_does(tmp_path):
    rng = np.random.default_rng(5)
    some, many = rng.random((30, 2)), rng.random((100_000, 2))
    found = in_node(
        """
        const say = (flat) => story.tidyPoints(flat);
        return { none: say([]), bad: say([NaN, 1, Infinity, 2]), one: say([3, 4]),
          some: say(given.some.flat()), many: say(given.many.flat()) };
        """,
        tmp_path,
        some=some,
        many=many,
    )
    assert found["none"]["points"] is None and found["none"]["note"] == "pg_no_points"
    assert found["bad"]["points"] is None
    assert found["one"] == {"points": [3, 4], "note": "pg_one_point", "given": 1}
    assert found["some"]["points"] == pytest.approx(tidy(some).flatten().tolist(), abs=1e-9)
    assert found["some"]["note"] == ""
    assert found["many"]["note"] == "pg_many_points" and found["many"]["given"] == 100_000
    assert found["many"]["points"] == pytest.approx(tidy(many).flatten().tolist(), abs=1e-9)


# --- stored numbers


def test_stored_numbers_fit_their_sheets():
    from PIL import Image

    film, few, cost = (numbers.stored(name) for name in ("film", "few", "cost"))
    assert film["index"][0] == 0 and film["index"][-1] == film["total"] and film["t"][-1] == -1
    sheets = {"film-x_t": len(film["t"]), "film-x0_hat": len(film["t"])}
    sheets |= {f"few-{row['name']}": len(few["steps"]) for row in few["rows"]}
    for name, count in sheets.items():
        with Image.open(numbers._FOLDER / f"{name}.png") as picture:
            assert picture.size == (count * film["side"], film["side"])
    assert cost["off"] < 0.02, "cost is no longer a sum of area and area squared"
    losses = numbers.stored("losses")
    assert len(losses["t"]) == len(losses["eps"]) == len(losses["v"]) and losses["t"][-1] == 1000


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_every_pane_has_a_value_that_is_json(language):
    for name in ("why", "reverse", "training", "generation", "came", "playground"):
        assert json.loads(numbers.pane_value(name, language))
    assert numbers.pane_value("forward", language) == ""
