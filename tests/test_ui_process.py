"""The How it works tab's handlers as plain functions, on a tiny network."""

import re

import numpy as np
import pytest
from PIL import Image

from ddpm_demo.core.oracles import GaussianDenoiser
from ddpm_demo.core.schedule import Schedule
from ddpm_demo.errors import UserError
from ddpm_demo.pictures.images import to_pil
from ddpm_demo.process.reverse_step import reverse_step
from ddpm_demo.tasks.registry import recipe_from_dict
from ddpm_demo.texts import LANGUAGES
from ddpm_demo.ui.app import build_app
from ddpm_demo.ui.components.result import scrub_to
from ddpm_demo.ui.restoration.pictures import example_path
from ddpm_demo.ui.tabs.process import forward, generation, measure, reverse, training
from ddpm_demo.ui.tabs.process import tab as process
from ddpm_demo.ui.tabs.process.explain import FORMULAS, explained
from ddpm_demo.ui.tabs.process.kept import MAX_SESSIONS, Kept
from ddpm_demo.ui.tabs.process.subject import subject_of

ME = "visitor"
FACE = example_path("face-1.png")
TEXTS = (
    "background_text",
    "background_symbols",
    "forward_text",
    "reverse_text",
    "training_text",
    "unet_text",
    "bound_text",
    "generation_text",
)


@pytest.fixture(scope="module")
def app(tiny_checkpoint):
    return build_app("tiny", "en", {"tiny": str(tiny_checkpoint)})


@pytest.fixture
def flow(app):
    yield app.ctx.flows["process"]
    app.ctx.store.forget(ME)


@pytest.fixture(scope="module")
def subject(app):
    return subject_of(app.ctx.models, "tiny", FACE, 3)


@pytest.fixture(scope="module")
def lessons(app):
    return app.ctx.parts["process"]


def values(**changes):
    plain = {"checkpoint": "tiny", "image": FACE, "seed": 0, "start": "noise", "t": 500}
    rest = {"sampler": "ddpm", "num_steps": 4, "eta": 0.0, "siblings": 3, "branch_seed": 1}
    return {**plain, **rest, **changes}


def run_through(flow, **changes):
    run_id, updates = flow.on_run(values(**changes), "en", ME)
    assert run_id is not None, updates
    views = [view for view, _ in flow.on_stream(run_id, "en", ME) if isinstance(view, str)]
    flow.on_finish(run_id, "en", ME)
    return flow.ctx.store.result(ME, "process"), views


# --- what needs no network


@pytest.mark.parametrize("steps", [0, 1, 250, 1000])
def test_the_forward_view_is_the_closed_form_and_the_chain(subject, steps):
    jump, chain = forward.two_ways(subject, steps)
    schedule = subject.ddpm.schedule
    assert jump.shape == chain.shape == (1, 3, 16, 16)
    if steps == 0:
        assert (jump == subject.x_0).all() and (chain == subject.x_0).all()
    else:  # both are the picture with noise of the right size, and not the same noise
        for x_t in (jump, chain):
            noise = x_t - schedule.abar(steps - 1) ** 0.5 * subject.x_0
            spread = (1 - schedule.abar(steps - 1)) ** 0.5
            assert float(noise.std()) == pytest.approx(spread, rel=0.12)
        assert not (jump == chain).any()
    views = forward.views_html(jump, chain, subject, steps, "en")
    assert views.count("<img") == 2 and f"t = {steps}:" in views


def test_the_curves_have_their_marker_where_the_slider_is(subject):
    for value, name in zip(
        forward.curve_values(subject.ddpm.schedule, 400),
        (forward.BETA, forward.ABAR, forward.LOG_SNR),
        strict=True,
    ):
        rows = value["data"]
        assert [x for x, _, kind in rows if kind == "t"] == [400, 400]
        xs, ys = zip(*[(x, y) for x, y, kind in rows if kind == name], strict=True)
        assert (xs[0], xs[-1]) == (1, 1000) and len(xs) == forward.CURVE_POINTS
        assert ys[0] != ys[-1]


def test_the_histogram_of_pure_noise_lies_on_the_standard_normal(app):
    subject = subject_of(app.ctx.models, "faces-64", FACE, 0)
    value = forward.histogram_value(forward.two_ways(subject, 1000)[0])
    by_name = {
        name: np.array([y for _, y, kind in value["data"] if kind == name])
        for name in (forward.X_T, forward.NORMAL)
    }
    assert np.abs(by_name[forward.X_T] - by_name[forward.NORMAL]).max() < 0.06


def test_the_table_of_the_two_ways_agrees_within_sampling_error(subject):
    table = forward.agreement_html(subject, "en")
    rows = re.findall(r"<tr><td>(\d+)</td>(.*?)</tr>", table)
    assert [int(t) for t, _ in rows] == list(forward.CHECKED) and "10,000 draws" in table
    for _, cells in rows:
        mean, jump, chain, std, jump_std, chain_std = map(
            float, re.findall(r"<td>([-\d.]+)</td>", cells)
        )
        for drawn, drawn_std in ((jump, jump_std), (chain, chain_std)):
            assert abs(drawn - mean) < 4 * std / 100 + 1e-4
            assert abs(drawn_std - std) < 4 * std / 141 + 1e-4


def test_the_posterior_is_a_density_near_the_noisy_value():
    schedule = Schedule.from_config({"beta_schedule": "squaredcos_cap_v2"})
    plot, numbers = reverse.render(schedule, 100, 0.5, 1.0, "en")
    for name in (reverse.PRIOR, reverse.POSTERIOR):
        x, y = np.array([(x, y) for x, y, kind in plot["data"] if kind == name]).T
        assert np.trapezoid(y, x) == pytest.approx(1, abs=0.01)
    assert "t = 100" in numbers and "standard deviation" in numbers


def test_all_that_follows_the_picture_is_drawn_in_both_languages(lessons):
    english, chinese = (
        lessons.render(("tiny", FACE, 0), (250, 100, 0.5, 1.0), language) for language in LANGUAGES
    )
    assert len(english) == len(chinese) == len(lessons.outputs)
    assert english[0] == chinese[0] == ""
    texts = [(e, c) for e, c in zip(english, chinese, strict=True) if isinstance(e, str) and e]
    assert len(texts) == 6
    for in_english, in_chinese in texts:
        assert in_english != in_chinese and re.search("[\u4e00-\u9fff]", in_chinese)
    moved = lessons.move(("tiny", FACE, 0), 700, "en")
    assert len(moved) == 1 + len(lessons.forward.moving) and "t = 700" in moved[1]


def test_without_a_picture_the_sections_stay_and_say_so(lessons):
    for found in (
        lessons.render(("tiny", None, 0), (250, 100, 0.5, 1.0), "en"),
        lessons.move(("tiny", None, 0), 250, "en"),
        lessons.posterior(("tiny", FACE, None), (100, 0.5, 1.0), "en"),
    ):
        assert "notice-error" in found[0]
        assert all("value" not in update for update in found[1:])


# --- with the network


def test_a_reverse_step_is_the_posterior_with_the_estimate(subject):
    schedule = Schedule.from_config({"beta_schedule": "squaredcos_cap_v2"})
    oracle = GaussianDenoiser(schedule, 0.2, 0.3)
    x_0 = subject.x_0.double()
    found = reverse_step(oracle, x_0, 300, seed=5)
    c_0, c_t, variance = schedule.posterior_coefficients(300, 299)
    mean = c_0 * oracle.predict(found.x_t, 300).x0 + c_t * found.x_t
    assert float((found.mean - mean).abs().max()) < 1e-12
    spread = float((found.x_prev - found.mean).std())
    assert found.std == pytest.approx(variance**0.5)
    assert spread == pytest.approx(found.std, rel=0.1)
    first = reverse_step(oracle, x_0, 0)
    assert first.std == 0 and (first.x_prev == first.x0_hat).all()
    with pytest.raises(UserError) as caught:
        reverse_step(oracle, x_0, 1000)
    assert caught.value.key == "t_range"


def test_one_step_back_shows_four_pictures(app):
    found = reverse.one_step(app.ctx.models, "tiny", FACE, 0, 200)
    assert list(found["pictures"]) == ["x_t", "eps", "x0_hat", "x_prev"] and found["t"] == 200
    for language in LANGUAGES:
        assert reverse.step_html(found, language).count("<img") == 4
        assert "<img" not in reverse.step_html(None, language)


def test_a_training_step_draws_anew_each_time(app):
    first, second, again = (
        training.draw_step(app.ctx.models, "tiny", FACE, 0, draw) for draw in (0, 1, 0)
    )
    assert first["t"] == again["t"] != second["t"] and first["loss"] == again["loss"]
    assert first["prediction_type"] == "v_prediction"
    html = training.step_html(first, "en")
    assert html.count("<img") == 5 and f"t = {first['t']} was drawn" in html


def test_the_measurement_goes_on_step_by_step_and_its_bars_sum_to_the_bits(app):
    found = list(measure.measure(app.ctx.models, "tiny", FACE, 0))
    assert [m.done for m in found[:3]] == [1, 2, 3] and found[-1].done == found[-1].total
    last = found[-1]
    assert last.num_images == 1 and not last.is_heldout
    assert all(m.bound is None for m in found[:-1])
    first_t, last_t = last.strata[0][0], last.strata[-1][1]
    assert (first_t, last_t) == (2, 1000)
    ends = [(low, high) for low, high, _ in last.strata]
    assert all(low == before + 1 for (_, before), (low, _) in zip(ends, ends[1:], strict=False))
    total = last.bound.prior + last.bound.decoder + sum(bits for _, _, bits in last.strata)
    assert total == pytest.approx(last.bound.total, rel=1e-6)
    curve, bars = training.plot_values(last)
    assert {name for _, _, name in curve["data"]} == {training.EPS, training.X_0, training.V}
    names = [name for name, _ in bars["value"]["data"]]
    assert names == bars["sort"] and names[0] == "1" and len(names) == measure.BOUND_TIMESTEPS
    assert f"{last.bound.total:.3f}" in training.bits_html(last, "en")
    assert "your picture alone" in training.progress_html(last, "en")


@pytest.mark.parametrize("name", ["faces-64", "fashion-32", "photos"])
def test_bundled_checkpoints_are_measured_on_pictures_that_they_never_saw(app, name):
    ddpm = app.ctx.models.load(name)
    sample = measure.held_out_sample(ddpm)
    side = ddpm.info.size_px
    assert sample.shape == (16, ddpm.denoiser.channels, side, side)
    sheet = np.asarray(Image.open(example_path(f"heldout-{name}.png")))
    assert np.array_equal(np.asarray(to_pil(sample)[5]), sheet[side : 2 * side, side : 2 * side])


def test_the_drawing_is_that_of_the_loaded_checkpoint(subject):
    drawing = training.drawing_html(subject, "zh-CN")
    assert "16 × 16" in drawing and "注意力" in drawing and drawing.startswith("<svg")


# --- the run


def test_the_run_shows_three_pictures_and_scrubbing_calls_no_network(flow, monkeypatch):
    record, views = run_through(flow)
    assert len(record.frames) == 5 and views[-1].count("<img") == 3
    monkeypatch.setattr(flow.ctx.models, "load", None)  # any evaluation would raise
    shown = [scrub_to(record, index, "en") for index in range(5)]
    assert len({view for view, _ in shown}) == 5
    assert all(view.count("<img") == 3 for view, _ in shown)
    assert "Step 0 of 4 · t = 999" in shown[0][1]
    # At pure noise, x_t is the noise; at the end there is none.
    first, last = record.frames[0], record.frames[-1]
    assert np.abs(first.x_t.astype(int) - first.eps).mean() < 12
    assert np.ptp(last.eps) == 0


def test_siblings_share_the_run_up_to_the_branch_and_no_further(flow):
    trunk, _ = run_through(flow)
    wanted = {"branch_at": 2, "last": trunk.job.inputs["values"], "siblings": 3}
    # What has been changed on the page since is not the run that is branched.
    branched, _ = run_through(flow, **wanted, num_steps=9, seed=99)
    assert branched.job.recipe.num_steps == 4 and branched.job.recipe.seed == 0
    assert len(branched.images) == 3
    pictures = [np.asarray(image) for image in branched.images]
    assert all(not np.array_equal(pictures[0], other) for other in pictures[1:])
    side = 16
    for frame, alone in zip(branched.frames, trunk.frames, strict=True):
        shared = frame.index <= 2
        # Three pictures leave a transparent place in their grid; one alone has no alpha.
        assert np.array_equal(frame.x_t[:side, :side, :3], alone.x_t) == shared
        assert np.array_equal(frame.x_t[:side, :side], frame.x_t[:side, side:]) == shared


def test_a_run_can_start_from_the_noised_picture(flow):
    record, _ = run_through(flow, start="picture", t=100)
    assert record.job.recipe.t == 100 and record.frames[0].t == 99
    assert recipe_from_dict(dict(record.metadata[0])).t == 100


def test_the_recipe_of_a_picture_sets_the_controls(flow):
    record, _ = run_through(flow, start="picture", t=100, seed=5, sampler="ddim", eta=0.5)
    found = generation.control_values(recipe_from_dict(dict(record.metadata[0])))
    wanted = values(start="picture", t=100, seed=5, sampler="ddim", eta=0.5)
    assert {**values(), **found} == wanted


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"start": "picture", "image": None}, "Give a picture first"),
        ({"start": "picture", "t": 0}, "between 1 and 10000, not 0"),
        ({"start": "picture", "t": 3, "num_steps": 9}, "between 1 and 3"),
        ({"num_steps": None}, "Enter a number"),
        ({"num_steps": 0}, "Steps must be between"),
        ({"seed": -1}, "Seed must be between"),
        ({"branch_at": 4, "last": None}, "branch at step 0 to 3, not 4"),
        ({"branch_at": 1, "last": None, "sampler": "dpmpp_2m"}, "draws no noise"),
        ({"branch_at": 1, "last": None, "siblings": 0}, "must be between 1 and 256"),
        ({"checkpoint": "no-such"}, "no checkpoint called"),
    ],
)
def test_a_mistake_is_one_sentence(flow, changes, words):
    run_id, updates = flow.on_run(values(**changes), "en", ME)
    if run_id is not None:
        list(flow.on_stream(run_id, "en", ME))
        updates = flow.on_finish(run_id, "en", ME)
    assert words in str(updates) and "Traceback" not in str(updates)


def test_no_picture_is_a_sentence_in_every_section(app):
    for make in (
        lambda: subject_of(app.ctx.models, "tiny", None, 0),
        lambda: reverse.one_step(app.ctx.models, "tiny", None, 0, 100),
        lambda: next(measure.measure(app.ctx.models, "tiny", None, 0)),
        lambda: training.draw_step(app.ctx.models, "tiny", None, 0, 0),
    ):
        with pytest.raises(UserError, match="Give a picture first"):
            make()
    with pytest.raises(UserError, match="t must be between"):
        reverse.one_step(app.ctx.models, "tiny", FACE, 0, 1001)


def test_a_sample_can_be_drawn_as_the_picture(app):
    first, second = (process.drawn(app.ctx.models, "tiny", seed) for seed in (0, 1))
    assert first.size == (16, 16) and np.asarray(first).tobytes() != np.asarray(second).tobytes()


# --- words


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_explanation_has_rendered_formulas_and_no_half_of_one(language):
    used = set()
    for key in TEXTS:
        words = explained(key, language)
        assert words.count("$") % 2 == 0 and "{{" not in words, key
        used |= {name for name, formula in FORMULAS.items() if formula in words}
    assert used == set(FORMULAS)


def test_results_are_kept_for_so_many_visitors():
    kept = Kept()
    for number in range(MAX_SESSIONS + 1):
        kept.put(f"visitor {number}", "a", number)
    assert kept.get("visitor 0", "a") is None and kept.get("visitor 1", "a") == 1
    kept.forget("visitor 1")
    assert kept.get("visitor 1", "a") is None
