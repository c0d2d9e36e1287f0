"""The live panel's answers as plain functions, on a tiny network that takes few steps."""

import base64
import shutil
import threading
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from ddpm_demo.core.mixture import MAX_PARTS
from ddpm_demo.errors import UserError
from ddpm_demo.pictures.png_recipe import read_recipe
from ddpm_demo.tasks.generate import GenerateRecipe
from ddpm_demo.ui import in_turn
from ddpm_demo.ui.app import build_app
from ddpm_demo.ui.exports import export
from ddpm_demo.ui.live import answer as answering
from ddpm_demo.ui.live import draw as drawing
from ddpm_demo.ui.live.answer import answer
from ddpm_demo.ui.live.asked import MAX_PICTURES, read_asked
from ddpm_demo.ui.live.draw import fast_of
from ddpm_demo.ui.live.panel import keep, taken
from ddpm_demo.ui.restoring import restored

ME = "visitor"
CARD = "---\ntitle: Fast\ndefault_sampler: consistency\ndefault_num_steps: 2\n---\n"
PLACE = [[3, 0.6], [8, -0.8]]


@pytest.fixture(scope="module")
def ctx(tiny_checkpoint, tmp_path_factory):
    fast = tmp_path_factory.mktemp("fast") / "quick"
    shutil.copytree(tiny_checkpoint, fast)
    (fast / "README.md").write_text(CARD)
    folders = {"quick": str(fast), "tiny": str(tiny_checkpoint)}
    return build_app("quick", "en", folders).ctx


@pytest.fixture
def ask(ctx):
    view = ctx.flows["generate"].view

    def ask(pictures, number=1, checkpoint="quick", language="en", **told):
        values = {"checkpoint": checkpoint, "num_steps": None, "size_px": None}
        values |= {"precision": "auto", **told.pop("values", {})}
        payload = {"number": number, "pictures": pictures, **told}
        scene, status, said, *results = answer(view, payload, values, language, ME)
        assert len(results) == len(view.result_outputs) and said["number"] == number
        return scene, status, said

    yield ask
    ctx.store.forget(ME)


def file_of(sample, folder):
    path = folder / "kept.png"
    path.write_bytes(base64.b64decode(sample["data"].partition(",")[2]))
    return path


def test_a_place_is_on_the_stage_with_the_recipe_that_makes_it_again(ask, ctx, tmp_path):
    scene, status, said = ask([PLACE], number=7)
    assert (scene["phase"], scene["live"], len(scene["samples"])) == ("result", 7, 1)
    assert "said" not in said and "2 steps" in status
    path = file_of(scene["samples"][0], tmp_path)
    saved = read_recipe(path)
    assert saved["mix"] == ["3:0.6", "8:-0.8"] and saved["num_images"] == 1
    recipe, *_ = restored(ctx.models, path, "en")
    again = ctx.models.load("quick").generate(recipe).images()[0]
    with Image.open(path) as kept:
        assert np.array_equal(np.asarray(kept), np.asarray(again))
    # The controls of the page say the same.
    found = ctx.task_tabs["generate"].control_values(recipe)
    assert found["mix"] == "3:0.6 8:-0.8"
    assert GenerateRecipe(**{**found, "spacing": None}) == recipe


def test_what_is_kept_is_in_the_history_with_what_makes_it_again(ask, ctx):
    view = ctx.flows["generate"].view
    ask([PLACE, [[12, 1]]])
    for index in (None, "0", True, -1, 2):
        keep(view, {"keep": index}, ME)
    assert ctx.keeper.results(ME) == []
    keep(view, {"keep": 1}, ME)
    keep(view, {"keep": 0}, ME)
    newest, older = (result.record for result in ctx.keeper.results(ME))
    assert [len(record.images) for record in (newest, older)] == [1, 1]
    assert older.job.recipe.seed == 12
    assert newest.given["mix"] == "3:0.6 8:-0.8" and newest.given["checkpoint"] == "quick"
    shown = ctx.store.result(ME, "generate").images
    assert np.array_equal(np.asarray(newest.images[0]), np.asarray(shown[0]))
    ctx.keeper.clear(ME)


def test_one_seed_alone_is_the_recipe_of_that_seed(ask, tmp_path):
    scene, _, _ = ask([[[12, 1]]])
    saved = read_recipe(file_of(scene["samples"][0], tmp_path))
    assert (saved["seed"], saved["mix"]) == (12, [])


def test_a_sheet_keeps_what_is_there_and_draws_what_is_new(ask, monkeypatch):
    drawn = []
    whole = drawing.sheet

    def counted(models, recipes):
        drawn.append(len(recipes))
        return whole(models, recipes)

    monkeypatch.setattr(drawing, "sheet", counted)
    first, _, said = ask([[[s, 1]] for s in range(4)], layer="sheet", corners=[[[9, 1]]] * 4)
    assert first["layer"] == "sheet" and [one["name"] for one in first["layers"]] == ["sheet"]
    assert len(said["corners"]) == 4 and drawn == [5]  # four corners of one seed are one picture
    second, _, _ = ask([[[s, 1]] for s in (0, 1, 77, 3)], number=2, chosen=2)
    assert drawn == [5, 1] and second["chosen"] == 2
    pairs = zip(first["samples"], second["samples"], strict=True)
    assert [one == two for one, two in pairs] == [True, True, False, True]
    ask([[[s, 1]] for s in (0, 1, 77, 3)], number=3, values={"num_steps": 1})
    assert drawn == [5, 1, 4]  # another setting makes others


def test_what_is_shown_can_be_downloaded_and_names_are_told_apart(ask, ctx, tmp_path):
    ask([[[5, 1]], PLACE, [[5, 1]]])
    record = ctx.store.result(ME, "generate")
    names = [record.job.recipe.picture_name(index) for index in range(3)]
    assert names == ["01-seed-5", "02-mix-3-8", "03-seed-5"]
    assert export(record, "png", tmp_path).suffix == ".zip"
    ask([PLACE], number=2)
    (path,) = [export(ctx.store.result(ME, "generate"), "png", tmp_path)]
    assert path.name == "mix-3-8.png" and read_recipe(path)["mix"] == ["3:0.6", "8:-0.8"]


def test_a_run_has_the_model_said_at_once_and_nothing_waits(ask, ctx, monkeypatch):
    monkeypatch.setattr(answering, "draw", lambda *given: drawing.draw(*given, patience_s=0.01))
    before = ctx.store.result(ME, "generate")
    run = object()
    in_turn.LINE.join(run)
    try:
        assert in_turn.LINE.begin(run, 60)
        scene, _, said = ask([[[40, 1]]])
        assert said["busy"] and "run is going on" in said["said"]["en"]
        assert set(said["said"]) == {"en", "zh-CN"} and "任务" in said["said"]["zh-CN"]
        assert in_turn.LINE.num_waiting == 0
    finally:
        in_turn.LINE.leave(run)
    assert scene.get("phase") is None and ctx.store.result(ME, "generate") is before
    assert "said" not in ask([[[40, 1]]])[2]


def test_a_live_picture_lets_a_waiting_run_in(ctx):
    """What the model was borrowed for is over when the answer is, also after a mistake."""
    with pytest.raises(ZeroDivisionError):
        in_turn.at_once(lambda: 1 / 0, 0.1)
    got = threading.Event()
    threading.Thread(target=lambda: in_turn.at_once(got.set, 5)).start()
    assert got.wait(5)


@pytest.mark.parametrize(("given", "left"), [(None, None), (2, "as it is"), (20, None)])
def test_steps_that_the_offered_checkpoint_cannot_take_are_left_to_it(ctx, given, left):
    name, num_steps = taken({"offer": "quick"}, given, ctx.models.infos())
    assert name == "quick"
    assert (num_steps is None) is (left is None)


@pytest.mark.parametrize("asked", [{}, {"offer": None}, {"offer": "/etc/passwd"}, "quick", None])
def test_nothing_but_a_checkpoint_of_this_page_is_taken(ctx, asked):
    skipped = gr.skip()
    assert taken(asked, 20, ctx.models.infos()) == [skipped, skipped]


def test_an_ordinary_checkpoint_says_what_live_needs_and_offers_it(ask):
    scene, _, said = ask([[[1, 1]]], checkpoint="tiny")
    assert scene.get("phase") is None
    assert said["offer"] == "quick" and said["title"] == {"en": "Fast", "zh-CN": "Fast"}
    assert "1 to 8 steps" in said["said"]["en"] and not said["busy"]


def test_live_is_offered_with_pictures_of_the_chosen_kind():
    def info(name, size_px, channels, sampler, made_for_steps=()):
        return SimpleNamespace(
            name=name,
            size_px=size_px,
            channels=channels,
            default_sampler=sampler,
            made_for_steps=made_for_steps,
        )

    infos = [
        info("small", 32, 1, "ddim"),
        info("small-fast", 32, 1, "consistency"),
        info("large", 64, 3, "ddim"),
        info("large-fast", 64, 3, "ddim", (2, 4)),
        info("other", 128, 3, "ddim"),
    ]
    by_name = {one.name: one for one in infos}
    models = SimpleNamespace(infos=lambda: infos, info=by_name.__getitem__)
    offered = {name: fast_of(models, name).name for name in ("small", "large", "other")}
    assert offered == {"small": "small-fast", "large": "large-fast", "other": "small-fast"}
    models.infos = lambda: infos[:1]
    assert fast_of(models, "small") is None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"checkpoint": ""}, "Choose a checkpoint first"),
        ({"checkpoint": "nothing"}, "no checkpoint called “nothing”"),
        ({"num_steps": 50}, "1-8 steps"),
        ({"size_px": 5000}, "between"),
        ({"num_steps": "many"}, "not"),
    ],
)
def test_what_cannot_be_drawn_is_a_sentence(ask, values, words):
    checkpoint = values.pop("checkpoint", "quick")
    _, _, said = ask([[[1, 1]]], checkpoint=checkpoint, values=values)
    assert words in said["said"]["en"] and not said["busy"]


@pytest.mark.parametrize(
    "payload",
    [
        None,
        "pictures",
        {},
        {"number": 1},
        {"number": 1, "pictures": []},
        {"number": -1, "pictures": [[[1, 1]]]},
        {"number": True, "pictures": [[[1, 1]]]},
        {"number": 1, "pictures": [[[1, 1]]] * (MAX_PICTURES + 1)},
        {"number": 1, "pictures": [[[1, 1]]], "corners": [[[1, 1]]] * 5},
        {"number": 1, "pictures": [[[1, 1]] * (MAX_PARTS + 1)]},
        {"number": 1, "pictures": [[["1", 1]]]},
        {"number": 1, "pictures": [[[1, "1"]]]},
        {"number": 1, "pictures": [[[1]]]},
        {"number": 1, "pictures": [{}]},
        {"number": 1, "pictures": [[]]},
    ],
)
def test_nonsense_is_a_sentence(payload, ctx):
    with pytest.raises(UserError) as caught:
        read_asked(payload)
    assert caught.value.key == "live_unusable"
    view = ctx.flows["generate"].view
    *_, said = answer(view, payload, {"checkpoint": "quick"}, "en", ME)[:3]
    assert "reload" in said["said"]["en"]


@pytest.mark.parametrize("place", [[[1, 1], [1, -1]], [[2**40, 1]]])
def test_a_place_that_is_none_is_a_sentence(ask, place):
    assert ask([place])[2]["said"]["en"]
