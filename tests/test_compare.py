"""X/Y sheets: axes, what they refuse, cells made and failed, stopped, and their file."""

import json

import numpy as np
import pytest
from PIL import Image

from ddpm_demo.cli import main
from ddpm_demo.compare.axes import (
    Axis,
    axis_of,
    comparable,
    read_axis,
    read_value,
    suggested,
    typed,
)
from ddpm_demo.compare.cell import Cell
from ddpm_demo.compare.drawing import draw
from ddpm_demo.compare.fonts import font_for
from ddpm_demo.compare.run import SheetProgress, SheetRun
from ddpm_demo.compare.sheet import MAX_CELLS, Sheet, sheet_from_dict
from ddpm_demo.core.progress import Progress
from ddpm_demo.errors import UserError
from ddpm_demo.pictures.png_recipe import read_recipe
from ddpm_demo.pipeline import DDPM
from ddpm_demo.recipes.field import fields_of
from ddpm_demo.tasks.denoise import DenoiseRecipe
from ddpm_demo.tasks.generate import GenerateRecipe
from ddpm_demo.tasks.inpaint import InpaintRecipe
from ddpm_demo.tasks.registry import recipe_from_dict, tasks


@pytest.fixture
def base(tiny_checkpoint):
    return GenerateRecipe(checkpoint=str(tiny_checkpoint), num_images=2, seed=5)


@pytest.fixture
def sheet(base):
    x = read_axis(GenerateRecipe, "num_steps=1,2,3")
    return Sheet(base, x, read_axis(GenerateRecipe, "sampler=ddim,ddpm", "y"))


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


# Axes.


@pytest.mark.parametrize(
    ("task", "words", "field", "values"),
    [
        (GenerateRecipe, "num_steps=5,10,20", "num_steps", (5, 10, 20)),
        (GenerateRecipe, "num-steps = 5 ，10、20; 5.0,", "num_steps", (5, 10, 20)),
        (GenerateRecipe, "num_steps=auto,3", "num_steps", (None, 3)),
        (GenerateRecipe, "sampler=ddim,AUTO", "sampler", ("ddim", None)),
        (GenerateRecipe, "precision=auto,float32", "precision", ("auto", "float32")),
        (GenerateRecipe, "eta=0,.5,1", "eta", (0, 0.5, 1)),
        (
            GenerateRecipe,
            "checkpoint=faces-64,fashion-32",
            "checkpoint",
            ("faces-64", "fashion-32"),
        ),
        (DenoiseRecipe, "reduce=no,yes", "reduce", (False, True)),
        (InpaintRecipe, "expand=0 0 0 0,8 0 8 0", "expand", ((0, 0, 0, 0), (8, 0, 8, 0))),
    ],
)
def test_an_axis_is_read_by_the_declaration_of_its_field(task, words, field, values):
    assert read_axis(task, words) == Axis(field, values)


@pytest.mark.parametrize("words", ["num_steps", "=5", "", "5,10"])
def test_an_axis_is_a_field_and_values(words):
    with pytest.raises(UserError) as error:
        read_axis(GenerateRecipe, words)
    assert error.value.key == "compare_axis"


def test_what_is_no_field_or_has_no_values_is_said():
    with pytest.raises(UserError) as error:
        read_axis(GenerateRecipe, "sigma_255=5")
    assert error.value.key == "recipe_unknown_field"
    with pytest.raises(UserError) as error:
        read_axis(GenerateRecipe, "num_steps= , ", "y")
    assert (error.value.key, error.value.field) == ("compare_values_missing", "y")


@pytest.mark.parametrize("words", ["num_steps=5,many", "sampler=ddim,fastest", "eta=0,nan,2"])
def test_a_value_that_cannot_be_gets_the_sentence_of_every_door(base, words):
    axis = read_axis(GenerateRecipe, words)
    name, wrong = axis.field, axis.values[1]
    with pytest.raises(UserError) as at_the_sheet:
        Sheet(base, axis)
    with pytest.raises(UserError) as anywhere:
        base.replace(**{name: wrong})
    assert str(at_the_sheet.value) == str(anywhere.value)
    assert at_the_sheet.value.field == name


def test_every_field_has_suggestions_that_are_typed_and_read_back():
    for task in tasks().values():
        for name in comparable(task):
            told = fields_of(task)[name]
            values = suggested(told)
            if name == "checkpoint":
                continue
            assert values and len(values) <= 4, name
            if told.kind == "text":
                continue
            assert axis_of(task, name, typed(values)).values == values, name
            assert [read_value(told, typed([value])) for value in values] == list(values)


# Sheets.


def test_a_sheet_is_checked_before_anything_runs(base):
    x = axis_of(GenerateRecipe, "num_steps", "1,2")
    with pytest.raises(UserError) as error:
        Sheet(base, x, axis_of(GenerateRecipe, "num_steps", "3"))
    assert error.value.key == "compare_same_field"
    many = axis_of(GenerateRecipe, "seed", ",".join(map(str, range(MAX_CELLS // 2 + 1))))
    with pytest.raises(UserError) as error:
        Sheet(base, x, many)
    assert error.value.key == "compare_too_many"
    # Together, not alone, these cannot be: the last picture's seed would be too large.
    with pytest.raises(UserError) as error:
        Sheet(
            base,
            axis_of(GenerateRecipe, "num_images", "1,2"),
            axis_of(GenerateRecipe, "seed", str(2**32 - 1)),
        )
    assert error.value.key == "seed_of_last_image"


def test_samplers_of_an_old_sheet_keep_timesteps_of_their_own():
    """A picture of 0.1.0 names the timesteps of its sampler, which are not the others'."""
    saved = {"task": "generate", "checkpoint": "faces-64", "sampler": "dpmpp_2m", "num_steps": 20}
    saved |= {"weight_hash": "0123456789ab", "version": "0.1.0"}
    assert recipe_from_dict(saved).spacing == "trailing"
    by_steps = {"x": {"field": "num_steps", "values": [5, 20]}}
    assert sheet_from_dict({**saved, "axes": by_steps}).base.spacing == "trailing"
    by_sampler = {"x": {"field": "sampler", "values": ["dpmpp_2m", "heun"]}}
    assert sheet_from_dict({**saved, "axes": by_sampler}).base.spacing is None


def test_the_recipe_of_a_sheet_makes_it_again_and_is_one_of_its_task(sheet):
    saved = json.loads(json.dumps(sheet.to_dict()))
    assert sheet_from_dict(saved) == sheet
    assert recipe_from_dict(saved) == sheet.base
    with pytest.raises(UserError) as error:
        sheet_from_dict(sheet.base.to_dict())
    assert error.value.key == "compare_no_axes"
    for damaged in (5, {}, {"x": 5}, {"x": {"field": "num_steps"}}, {"x": {"field": 1}}):
        with pytest.raises(UserError) as error:
            sheet_from_dict({**saved, "axes": damaged})
        assert error.value.key == "recipe_damaged"


def test_cells_of_a_checkpoint_are_made_one_after_the_other(base):
    x = Axis("checkpoint", ("a", "b"))
    made = Sheet(base, x, axis_of(GenerateRecipe, "num_steps", "1,2")).recipes
    assert [recipe.checkpoint for recipe in made.values()] == ["a", "a", "b", "b"]


# Runs.


def test_every_cell_is_the_run_of_its_recipe(sheet):
    run = SheetRun(sheet)
    cells = list(run)
    assert [cell.place for cell in cells] == [(r, c) for r in (0, 1) for c in (0, 1, 2)]
    assert [cell.evaluations for cell in cells] == [1, 2, 3, 1, 2, 3]
    assert all(cell.seconds > 0 and cell.error is None for cell in cells)
    assert run.progress.snapshot().share == 1
    recipe = sheet.recipes[1, 2]
    assert (recipe.sampler, recipe.num_steps, recipe.seed) == ("ddpm", 3, 5)
    alone = DDPM.from_pretrained(recipe.checkpoint).run(recipe).images()
    shown = run.cells[1, 2].picture
    assert np.array_equal(np.asarray(shown.crop((18, 0, 34, 16))), np.asarray(alone[1]))


def test_the_picture_is_of_that_of_every_cell(sheet):
    run = SheetRun(sheet)
    list(run)
    picture = np.asarray(run.picture())
    assert picture.shape[1] > 3 * 192
    cell = run.cells[0, 1].picture
    factor = round(256 / cell.width)
    part = np.asarray(cell.resize((cell.width * factor, cell.height * factor), 0))
    found = np.lib.stride_tricks.sliding_window_view(picture[:, :, 0], (1, part.shape[1]))
    rows, _, columns = np.nonzero((found == part[0, :, 0]).all(-1).reshape(*found.shape[:2], 1))
    assert len(rows)


def test_psnr_is_there_where_there_is_an_original(tiny_checkpoint, photo):
    base = DenoiseRecipe(checkpoint=str(tiny_checkpoint), num_steps=2, add_noise_255=25.0)
    sheet = Sheet(base, axis_of(DenoiseRecipe, "sigma_255", "auto,25"))
    cells = list(SheetRun(sheet, {"image": Image.open(photo)}))
    assert all(cell.metrics["psnr"] > 0 for cell in cells)
    base = base.replace(add_noise_255=None)
    (cell,) = SheetRun(
        Sheet(base, axis_of(DenoiseRecipe, "sigma_255", "25")), {"image": Image.open(photo)}
    )
    assert "psnr" not in cell.metrics


def test_a_cell_that_fails_says_why_and_the_others_go_on(base):
    sheet = Sheet(
        base.replace(num_steps=1),
        axis_of(GenerateRecipe, "sampler", "ddpm,ddim"),
        axis_of(GenerateRecipe, "eta", "0,0.5"),
    )
    run = SheetRun(sheet)
    cells = {cell.place: cell for cell in run}
    assert {place: cell.error and cell.error.key for place, cell in cells.items()} == {
        (0, 0): None,
        (0, 1): None,
        (1, 0): "eta_unused",
        (1, 1): None,
    }
    assert run.picture("zh-CN").size == run.picture("zh-CN").size


def test_a_sheet_of_which_no_cell_can_be_made_is_one_sentence(base):
    sheet = Sheet(base, Axis("checkpoint", ("no-such", "nor-this")))
    run = SheetRun(sheet)
    with pytest.raises(UserError) as error:
        list(run)
    assert error.value.key == "checkpoint_unknown"


def test_a_sheet_that_is_stopped_keeps_what_is_made(sheet):
    run = SheetRun(sheet)
    cells = iter(run)
    kept = [next(cells), next(cells)]
    run.stop()
    assert list(cells) == []
    assert list(run.cells.values()) == kept
    assert run.metadata()["axes"] == json.loads(json.dumps(sheet.to_dict()["axes"]))
    # Within a cell, too: nothing of that one is kept.
    run = SheetRun(sheet, on_step=lambda step: run.stop() if run.cells else None)
    assert [cell.place for cell in run] == [(0, 0)]


def test_progress_counts_cells_and_the_steps_of_the_one_at_work():
    now = [0.0]
    progress, cell = SheetProgress(4, lambda: now[0]), Progress()
    assert progress.snapshot().share == 0
    progress.begin(cell)
    cell.step(4, 10)
    now[0] = 10.0
    moment = progress.snapshot()
    assert (moment.step, moment.num_steps, moment.tiles, moment.num_tiles) == (0, 4, 4, 10)
    assert moment.share == pytest.approx(0.125) and moment.seconds_left is None
    progress.end()
    assert progress.snapshot().seconds_left == pytest.approx(30)
    progress.stop()
    progress.begin(cell)
    assert cell.is_stopped


# The picture.


def test_captions_have_their_language_and_no_character_is_missing(sheet):
    assert font_for(["Faithful ↔ sharp, σ²"], 18) is not None
    grey = Image.new("RGB", (34, 16), "grey")
    cells = {place: Cell(place, grey, 1.25, 7, {"psnr": 31.0}) for place in sheet.recipes}
    english, chinese = (draw(sheet, cells, language) for language in ("en", "zh-CN"))
    assert english.mode == "RGB"
    assert english.size != chinese.size or english.tobytes() != chinese.tobytes()


def test_without_a_chinese_font_captions_are_english(sheet, monkeypatch):
    from ddpm_demo.compare import fonts

    monkeypatch.setattr(fonts, "_CHINESE", ())
    grey = Image.new("RGB", (34, 16), "grey")
    cells = {place: Cell(place, grey, 1.25, 7) for place in sheet.recipes}
    assert draw(sheet, cells, "zh-CN").tobytes() == draw(sheet, cells, "en").tobytes()


def test_a_large_picture_is_reduced_and_transparency_is_white(base):
    sheet = Sheet(base, axis_of(GenerateRecipe, "seed", "1"))
    clear = Image.new("RGBA", (300, 200), (255, 0, 0, 0))
    picture = draw(sheet, {(0, 0): Cell((0, 0), clear)}, "en").convert("RGB")
    assert (255, 0, 0) not in [colour for _, colour in picture.getcolors(100_000)]


# The command.


@pytest.fixture
def compare(tiny_checkpoint, tmp_path, capsys):
    def run(*words, checkpoint=tiny_checkpoint, out=tmp_path / "out"):
        argv = ["compare", *map(str, words), "--out", str(out)]
        argv += ["--checkpoint", str(checkpoint)] if checkpoint else []
        code = main(argv)
        return code, *capsys.readouterr()

    return run


def test_a_sheet_at_the_command_line_and_its_recipe_back(compare, tmp_path, tiny_checkpoint):
    words = ["--x", "num_steps=1,2", "--y", "sampler=ddim,dpmpp_2m", "--seed", 3]
    code, stdout, _ = compare(*words, "--json")
    told = json.loads(stdout)
    path = tmp_path / "out" / "compared-num_steps-sampler.png"
    assert code == 0 and told["files"] == [str(path)]
    assert [cell["values"] for cell in told["cells"]] == [
        {"num_steps": steps, "sampler": sampler}
        for sampler in ("ddim", "dpmpp_2m")
        for steps in (1, 2)
    ]
    assert [cell["evaluations"] for cell in told["cells"]] == [1, 2, 1, 2]
    recipe = read_recipe(path)
    assert recipe == told["recipe"]
    assert recipe["num_images"] == 4 and recipe["checkpoint"] == "tiny"
    assert len(recipe["weight_hash"]) == 12

    code, stdout, _ = compare("--recipe", path, out=tmp_path / "again", checkpoint=None)
    assert code == 2  # the folder's name alone is not enough
    code, stdout, _ = compare("--recipe", path, "--json", out=tmp_path / "again")
    again = json.loads(stdout)
    assert code == 0 and again["recipe"] == recipe
    # One axis anew, the other as it was; and the task's own command takes the rest.
    code, stdout, _ = compare("--recipe", path, "--y", "eta=0", "--json", out=tmp_path / "eta")
    axes = json.loads(stdout)["recipe"]["axes"]
    assert (axes["x"]["field"], axes["y"]["field"]) == ("num_steps", "eta")
    argv = ["generate", "--recipe", str(path), "--checkpoint", str(tiny_checkpoint)]
    assert main([*argv, "--num-steps", "1", "--out", str(tmp_path / "own")]) == 0
    assert (tmp_path / "own" / "seed-3.png").exists()


def test_a_sheet_of_a_photograph_is_called_after_it(compare, photo, tmp_path):
    words = ["--task", "denoise", photo, "--x", "sigma_255=10,20", "--num-steps", 1]
    code, stdout, _ = compare(*words, "--add-noise-255", "25", "--json")
    told = json.loads(stdout)
    assert code == 0 and told["files"] == [str(tmp_path / "out" / "photo-compared.png")]
    assert all(cell["metrics"]["psnr"] > 0 for cell in told["cells"])
    assert len(told["recipe"]["input_hash"]) == 16


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--x", "num_steps=0,5"], "num_steps must be between 1 and 10000, not 0."),
        (["--x", "num_steps=few"], "num_steps must be between 1 and 10000, not few."),
        (["--x", "sampler=best"], "sampler must be one of"),
        (["--x", "strength=1,2"], "The task generate has no field “strength”"),
        (["--x", "num_steps=1", "--y", "num_steps=2"], "Both axes are num_steps"),
        (["--x", "num_steps=1", "--sigma-255", "9"], "has no field “sigma_255”"),
        (["--x", "num_steps=1", "--num-images", "lots"], "num_images must be between"),
        (["--y", "num_steps=1"], "This recipe is of no sheet"),
        (["--x", "seed=" + ",".join(map(str, range(101)))], "would have 101 cells"),
        (["--task", "denoise", "--x", "sigma_255=5"], "Give a picture first."),
        (["a.png", "--x", "num_steps=1"], "The task generate takes 0 pictures, not 1."),
        (["--task", "bake", "--x", "a=1"], "There is no task “bake” here"),
    ],
)
def test_mistakes_are_one_sentence_and_nothing_is_written(compare, words, said, tmp_path):
    code, stdout, stderr = compare(*words)
    assert code == 2 and stdout == ""
    assert said in stderr and stderr.count("\n") == 1
    assert not list((tmp_path / "out").glob("*"))


def test_a_failed_cell_is_told_and_counts(compare):
    words = ["--x", "sampler=ddim,ddpm", "--y", "eta=0,1", "--num-steps", "1"]
    code, _, stderr = compare(*words)
    assert code == 1
    assert "sampler=ddpm, eta=1.0: DDPM ancestral has no eta" in stderr


def test_interrupted_it_keeps_the_finished_cells(compare, monkeypatch, tmp_path):
    original = SheetRun._make

    def interrupted(self, place, recipe):
        if place == (0, 2):
            raise KeyboardInterrupt
        return original(self, place, recipe)

    monkeypatch.setattr(SheetRun, "_make", interrupted)
    code, stdout, _ = compare("--x", "num_steps=1,2,3,4", "--json")
    told = json.loads(stdout)
    assert code == 130 and len(told["cells"]) == 2
    assert (tmp_path / "out" / "compared-num_steps.png").exists()
