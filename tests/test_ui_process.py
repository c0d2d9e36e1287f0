"""The How it works tab's handlers as plain functions, on a tiny network."""

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ddpm_demo.core.noise import NoiseSource
from ddpm_demo.core.oracles import GaussianDenoiser
from ddpm_demo.core.schedule import Schedule
from ddpm_demo.errors import UserError
from ddpm_demo.pictures.images import to_pil
from ddpm_demo.process.playground import POINT_SETS
from ddpm_demo.process.reverse_step import reverse_step
from ddpm_demo.process.training_step import compared, min_snr_weight, training_step
from ddpm_demo.tasks.registry import recipe_from_dict
from ddpm_demo.texts import LANGUAGES
from ddpm_demo.ui.app import build_app
from ddpm_demo.ui.components.result import scrub_to
from ddpm_demo.ui.restoration.pictures import example_path
from ddpm_demo.ui.tabs.process import forward, generation, measure, reverse, story, training
from ddpm_demo.ui.tabs.process import tab as process
from ddpm_demo.ui.tabs.process.explain import FORMULAS, SYMBOLS, coloured, explained
from ddpm_demo.ui.tabs.process.kept import MAX_SESSIONS, Kept
from ddpm_demo.ui.tabs.process.numbers import start_value
from ddpm_demo.ui.tabs.process.subject import subject_of

ME = "visitor"
FACE = example_path("face-1.png")
TEXTS = [key for keys in story.SECTIONS.values() for key in keys]
LAB_TEXTS = ("unet_text", "bits_text")


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


def test_the_page_gets_the_picture_as_the_network_sees_it(subject):
    value = json.loads(start_value("en", subject))
    given = value["subject"]
    assert value["language"] == "en" and value["texts"]["closed_form"]
    assert (given["side"], given["channels"], given["seed"]) == (16, 3, 3)

    def array(name, kind):
        return np.frombuffer(base64.b64decode(given[name]), kind)

    assert np.array_equal(array("x0", "<f4"), subject.x_0.numpy().ravel())
    noise = NoiseSource([3]).randn(subject.x_0.shape[1:])
    assert np.array_equal(array("eps", "<f4"), noise.numpy().ravel())
    assert np.array_equal(array("betas", "<f8"), subject.ddpm.schedule.betas.numpy())


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


def test_nothing_in_the_table_is_minus_zero(app):
    white = subject_of(app.ctx.models, "tiny", example_path("face-2.png"), 0)
    assert forward._figure(-0.00001) == "0.0000" and forward._figure(-0.01) == "-0.0100"
    assert "-0.0000" not in forward.agreement_html(white, "en")


def test_all_that_follows_the_picture_is_drawn_in_both_languages(lessons):
    english, chinese = (lessons.render(("tiny", FACE, 0), language) for language in LANGUAGES)
    assert len(english) == len(chinese) == len(lessons.outputs)
    assert english[0] == chinese[0] == ""
    for in_english, in_chinese in zip(english[1:], chinese[1:], strict=True):
        assert in_english != in_chinese and re.search("[\u4e00-\u9fff]", in_chinese)


def test_an_empty_seed_leaves_the_story_s_noise_as_it_is_and_gives_each_run_a_new_one(app):
    assert subject_of(app.ctx.models, "tiny", FACE, None).seed == 0
    jobs = [generation.prepare(app.ctx.models, values(seed=None)) for _ in range(3)]
    assert len({job.recipe.seed for job in jobs}) == 3
    assert all(job.inputs["values"]["seed"] == job.recipe.seed for job in jobs)


def test_without_a_picture_the_sections_stay_and_say_so(lessons):
    for named in (("tiny", None, 0), ("tiny", FACE, -1), ("no-such", FACE, 0)):
        found = lessons.render(named, "en")
        assert "notice-error" in found[0]
        assert "subject" not in json.loads(found[1])  # the panes keep the one that they have
        assert all("value" not in update for update in found[2:])


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
    assert first["t"] == again["t"] != second["t"] and first["terms"] != second["terms"]
    assert first["prediction_type"] == "v_prediction"
    html = training.step_html(first, "v_prediction", "en")
    assert html.count("<img") == 6 and f"t = {first['t']} was drawn" in html
    assert "<img" not in training.step_html(None, "epsilon", "en")


@pytest.mark.parametrize("t", [5, 400, 990])
def test_a_mistake_is_the_same_in_all_terms(subject, t):
    """Off in x_0 by d, the answer is off in eps by -d a / b and in v by -d / b."""
    schedule, denoiser = subject.ddpm.schedule, subject.ddpm.denoiser
    step = training_step(denoiser, subject.x_0, 3, t)
    off = {}
    for kind in training.SERIES:
        output, target, weight = compared(schedule, step, kind)
        off[kind] = (output - target).double()
        assert weight == min_snr_weight(schedule, t, kind)
    assert float(off["v_prediction"].square().mean()) == pytest.approx(step.loss, rel=1e-6)
    a, b = schedule.abar(t) ** 0.5, (1 - schedule.abar(t)) ** 0.5
    scale = float(off["v_prediction"].abs().max())
    assert float((off["sample"] + b * off["v_prediction"]).abs().max()) < 1e-4 * scale
    assert float((off["epsilon"] - a * off["v_prediction"]).abs().max()) < 2e-3 * scale


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
    for key in (*TEXTS, *LAB_TEXTS):
        words = explained(key, language)
        assert words.count("$") % 2 == 0 and "{{" not in words and "[[" not in words, key
        assert words.count("{") == words.count("}"), key
        used |= {name for name, formula in FORMULAS.items() if coloured(formula)[:-1] in words}
    assert used == set(FORMULAS)


def test_a_stop_after_a_formula_stays_with_it():
    assert coloured("for $v$. At $t$, b: $$a$$.") == (
        r"for $v\text{.}$ At $\textcolor{#7c3aed}{t}\text{,}$ b: $$a$$."
    )
    assert coloured("见（$v$）：$a$，$b$、c") == (
        "见$\\text{（}v\\text{）：}$\u200b$a\\text{，}$\u200b$b\\text{、}$c"
    )
    assert coloured("in ($v$) or ($a$ b)") == r"in $\text{(}v\text{)}$ or $\text{(}a$ b)"


def test_a_symbol_has_one_colour_and_only_inside_formulas():
    found = coloured(r"x_0 and $x_0$, $\varepsilon_\theta(x_t, t)$, $\bar\alpha_{t-1}$ at $t$")
    assert found.startswith("x_0 and ") and found.count(r"\textcolor") == 4
    for name, symbol in (("x0", "x_0"), ("net", r"\varepsilon_\theta(x_t, t)"), ("t", "t")):
        assert rf"\textcolor{{{SYMBOLS[name]}}}{{{symbol}}}" in found
    assert len(set(SYMBOLS.values())) == len(SYMBOLS)
    style = (Path(story.__file__).parent / "web" / "story.css").read_text()
    for name, colour in SYMBOLS.items():  # the light theme has the formulas' own colours
        assert f"--sym-{name}: {colour};" in style and style.count(f"--sym-{name}:") == 2


def test_every_word_that_the_scripts_say_is_in_the_texts():
    from ddpm_demo.texts import section
    from ddpm_demo.ui.tabs.process.web import PAGE, source

    script = source(*PAGE)
    said = set(re.findall(r'say\("(\w+)"', script)) | set(re.findall(r'"(pg_\w+)"', script))
    families = {f"pg_{name}" for name in (*POINT_SETS, "drawn")}
    families |= {f"pg_show_{name}" for name in ("arrows", "paths", "both")}
    assert said and (said | families) <= set(section("en", "process"))


def test_results_are_kept_for_so_many_visitors():
    kept = Kept()
    for number in range(MAX_SESSIONS + 1):
        kept.put(f"visitor {number}", "a", number)
    assert kept.get("visitor 0", "a") is None and kept.get("visitor 1", "a") == 1
    kept.forget("visitor 1")
    assert kept.get("visitor 1", "a") is None
