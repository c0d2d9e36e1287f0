"""Every field of every task at every door: named, documented, and refused alike out of bounds."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from ddpm_demo.cli import build_parser, main
from ddpm_demo.cli.tasks import markdown
from ddpm_demo.errors import UserError
from ddpm_demo.pipeline import DDPM
from ddpm_demo.recipes.field import fields_of
from ddpm_demo.tasks.registry import recipe_from_dict, tasks
from ddpm_demo.texts import has_text
from ddpm_demo.texts.naming import field_key, help_key, sentence_of
from ddpm_demo.ui.app import build_app
from ddpm_demo.ui.errors import sentence
from ddpm_demo.ui.models import Models
from ddpm_demo.ui.request import job_of
from ddpm_demo.ui.restoring import restored
from ddpm_demo.ui.writing import writing_of

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = ("en", "zh-CN")
ALL = [(task, told) for task in tasks().values() for told in fields_of(task).values()]


def just_outside():
    """(task, field, value) below and above each bound; a single item of a tuple."""
    for task, told in ALL:
        if told.minimum is None:
            continue
        step = 1 if told.kind in ("integer", "integers") else 0.001
        for value in (told.minimum - step, told.maximum + step):
            # The command makes any number of pictures, in batches; see cli/bulk.py.
            if (task.task, told.name, value) != ("generate", "num_images", 257):
                yield pytest.param(task, told, value, id=f"{task.task}-{told.name}-{value:g}")


@pytest.fixture(scope="module")
def page():
    return build_app()


@pytest.fixture(scope="module")
def parameters(page):
    endpoints = page.get_api_info()["named_endpoints"]
    return {
        name.strip("/"): {p["parameter_name"]: p for p in told["parameters"]}
        for name, told in endpoints.items()
    }


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("doors") / "picture.png"
    Image.new("RGB", (16, 16), "red").save(path)
    return str(path)


@pytest.mark.parametrize("task", tasks().values(), ids=lambda task: task.task)
def test_command_endpoint_and_tab_have_every_field(task, parameters, page, capsys):
    with pytest.raises(SystemExit):
        build_parser().parse_args([task.task, "--help"])
    said = capsys.readouterr().out
    names = [told.name for told in task.inputs]
    assert {*fields_of(task), *names} <= set(parameters[task.task])
    for name in fields_of(task):
        option = name.upper() if name == task.positional else "--" + name.replace("_", "-")
        assert option in said
    for parameter in parameters[task.task].values():
        assert parameter["label"] and "Parameter" not in parameter["label"]
    if task.task in page.ctx.flows:  # that of diffuse is a part of another tab
        controls = page.ctx.flows[task.task].form.controls
        shown = {n for n, f in fields_of(task).items() if f.kind not in ("texts", "integers")}
        own = any(told.required for told in task.inputs)
        assert shown - ({"checkpoint"} if not own else set()) <= set(controls)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("task", "told", "value"), just_outside())
def test_both_doors_refuse_with_one_sentence(
    task, told, value, language, picture, tmp_path, capsys, monkeypatch
):
    """The command line and what is behind the endpoint, which names fields alike."""
    monkeypatch.setenv("DDPM_DEMO_LANGUAGE", language)
    pictures = [picture] if any(i.required for i in task.inputs) else []
    shown = [str(value)] if told.kind != "integers" else ["0", str(value), "0", "0"]
    option = "--" + told.name.replace("_", "-")
    argv = [task.task, *pictures, "--out", str(tmp_path / "out"), "--checkpoint", "faces-64"]
    assert (
        main(
            [*argv, f"{option}={shown[0]}" if len(shown) == 1 else option, *shown[1:]]
            if len(shown) == 1
            else [*argv, option, *shown]
        )
        == 2
    )
    at_command = capsys.readouterr().err.strip()
    values = {"checkpoint": "faces-64", "image": picture if pictures else None}
    values[told.name] = value if len(shown) == 1 else [0, value, 0, 0]
    with pytest.raises(UserError) as caught:
        job_of(Models(), task, {"seed": 0, **values})
    at_endpoint = sentence_of(caught.value, language, task.task, labels=False)
    assert at_command == at_endpoint
    assert told.name in at_command and at_command[-1] in ".。"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("task", "told"), ALL, ids=lambda x: getattr(x, "name", None) or x.task)
def test_every_field_has_its_words(task, told):
    assert has_text(field_key(task.task, told.name))
    assert has_text(help_key(task.task, told.name)) or told.kind == "boolean"


@pytest.mark.parametrize("task", tasks().values(), ids=lambda task: task.task)
def test_what_the_controls_can_hold_comes_from_the_fields(task, page):
    if task.task not in page.ctx.flows:
        return
    controls = page.ctx.flows[task.task].form.controls
    for name, told in fields_of(task).items():
        control = controls.get(name)
        if control is None or name == "checkpoint":
            continue
        for bound in ("minimum", "maximum"):
            held = getattr(control, bound, None)
            assert held is None or held == getattr(told, bound), (name, bound)
        if told.choices:
            values = [value for _, value in control.choices]
            assert [value for value in values if value != ""] == list(told.choices)


def test_the_reference_is_that_of_the_program():
    """`python -m ddpm_demo tasks --markdown > docs/reference.md`"""
    assert (ROOT / "docs" / "reference.md").read_text("utf-8") == markdown("en")


BAD_RECIPES = {
    "unknown task": ({"task": "fly", "checkpoint": "faces-64"}, "no task “fly”"),
    "list as task": ({"task": ["x"], "checkpoint": "faces-64"}, "no task"),
    "no task": ({"checkpoint": "faces-64"}, "not a recipe"),
    "unknown field": ({"task": "generate", "checkpoint": "x", "magic": 1}, "no field “magic”"),
    "out of bounds": ({"task": "generate", "checkpoint": "x", "num_steps": 0}, "num_steps"),
    "no such checkpoint": ({"task": "generate", "checkpoint": "nothing"}, "no checkpoint called"),
    "digits": ({"task": "generate", "checkpoint": "x", "seed": 10**400}, "seed must be"),
    "half a character": ({"task": "generate", "checkpoint": "\ud800"}, "checkpoint"),
}


@pytest.mark.parametrize(("recipe", "words"), BAD_RECIPES.values(), ids=list(BAD_RECIPES))
def test_a_bad_recipe_is_one_sentence_at_the_command_line(recipe, words, tmp_path, capsys):
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(recipe))
    for argv in (["run"], [recipe["task"]] if recipe.get("task") == "generate" else ["run"]):
        assert main([*argv, "--recipe", str(path), "--out", str(tmp_path / "out")]) == 2
        said = capsys.readouterr().err
        assert words in said and said.count("\n") == 1 and "Traceback" not in said


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_half_a_character_in_words_of_no_field_can_be_told_at_every_door(language):
    for values in ({"format": "\ud800"}, {"quality": "\ud800"}):
        with pytest.raises(UserError) as caught:
            writing_of(values.get("format"), values.get("quality"), True)
        sentence_of(caught.value, language).encode()
        str(caught.value).encode()


BAD_FILES = {
    "100 MB": (b"{" + b" " * 100_000_000 + b"}", "too large"),
    "nested": (b'{"a":' * 9000 + b"1" + b"}" * 9000, "damaged"),
    "no number": (b'{"task": "generate", "checkpoint": "x", "eta": NaN}', "damaged"),
    "cut off": (b'{"task": "generate", "checkpoint"', "damaged"),
    "list": (b"[1, 2]", "damaged"),
    "empty": (b"", "not a picture"),
}


@pytest.mark.parametrize(("content", "words"), BAD_FILES.values(), ids=list(BAD_FILES))
def test_a_bad_recipe_file_is_one_sentence(content, words, tmp_path, capsys):
    path = tmp_path / "recipe.json"
    path.write_bytes(content)
    assert main(["run", "--recipe", str(path), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1 and "Traceback" not in said


def written(name, folder):
    """A file of `BAD_RECIPES` or `BAD_FILES`."""
    path = folder / "recipe.json"
    if name in BAD_FILES:
        path.write_bytes(BAD_FILES[name][0])
    else:
        path.write_text(json.dumps(BAD_RECIPES[name][0]))
    return path


@pytest.mark.parametrize("name", [*BAD_RECIPES, *BAD_FILES])
def test_a_bad_recipe_dropped_on_the_page_is_one_sentence(name, tmp_path):
    words = {**BAD_RECIPES, **BAD_FILES}[name][1]
    with pytest.raises(UserError) as caught:
        restored(Models("faces-64"), str(written(name, tmp_path)), "en")
    english, chinese = (sentence(caught.value, language) for language in ("en", "zh-CN"))
    assert words.lower().replace("num_steps", "steps") in english.lower()
    assert "\n" not in english and re.search("[\u4e00-\u9fff]", chinese)


@pytest.mark.parametrize("name", BAD_RECIPES)
def test_a_bad_recipe_is_one_sentence_in_python(name):
    with pytest.raises(UserError) as caught:
        checkpoint = recipe_from_dict(dict(BAD_RECIPES[name][0])).checkpoint
        DDPM.from_pretrained(checkpoint)
    assert "\n" not in str(caught.value)


def test_no_bound_is_told_a_second_time_in_the_tabs():
    """What a slider may hold is the field's business."""
    for path in (ROOT / "ddpm_demo" / "ui" / "tabs").glob("*.py"):
        assert not re.search(r"\b(minimum|maximum|step)=", path.read_text("utf-8")), path


def test_recipes_of_before_are_taken_back():
    """As version 0.1.0 wrote them, with the facts of the run."""
    saved = {
        "task": "denoise",
        "checkpoint": "photos",
        "seed": 3,
        "perception": 0.0,
        "num_images": 1,
        "num_steps": None,
        "reduce": True,
        "sigma_255": None,
        "add_noise_255": 25.0,
        "image_index": 0,
        "weight_hash": "0123456789ab",
        "version": "0.1.0",
        "metrics": {"psnr": 30.1},
    }
    recipe = recipe_from_dict(saved)
    assert recipe.task == "denoise" and recipe.add_noise_255 == 25.0 and recipe.reduce
