"""A new task is one file and its texts: the one of docs/adding-a-task.md, at every door."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from ddpm_demo.cli import main
from ddpm_demo.pictures.png_recipe import read_recipe
from ddpm_demo.tasks.registry import recipe_from_dict, tasks
from ddpm_demo.ui.app import build_app, launch_options, tab_names

PAGE = Path(__file__).resolve().parent.parent / "docs" / "adding-a-task.md"
CHINESE = {
    "title": "缺行",
    "description": "补全只看到部分行的图片。",
    "every": "可见行",
    "every_help": "每隔几行看到一行。",
}

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*no_silent_downcasting", "ignore:The copy keyword"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with nothing but what the page shows."""
    code, texts = re.findall(r"```(?:python|json)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    place = tmp_path_factory.mktemp("tasks")
    (place / "rows.py").write_text(code, "utf-8")
    (place / "rows.en.json").write_text(texts, "utf-8")
    (place / "rows.zh-CN.json").write_text(json.dumps(CHINESE), "utf-8")
    return place


@pytest.fixture(scope="module", autouse=True)
def found(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDPM_DEMO_TASKS", str(folder))
        yield
    sys.modules.pop("ddpm_demo_task_rows", None)


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("picture") / "photo.png"
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def seen_rows_are_kept(result, picture, every):
    given, made = (np.asarray(Image.open(path)) for path in (picture, result))
    return np.array_equal(given[::every], made[::every]) and not np.array_equal(given, made)


def test_it_is_listed_with_its_fields(capsys):
    assert list(tasks()).index("rows") == list(tasks()).index("deblur") + 1
    assert main(["tasks", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["rows"]
    assert told["title"] == "Rows" and told["inputs"][0]["name"] == "image"
    every = told["fields"]["every"]
    assert (every["type"], every["default"], every["minimum"], every["maximum"]) == (
        "integer",
        2,
        2,
        8,
    )


def test_it_has_a_command_and_its_recipe_makes_the_picture_again(
    tiny_checkpoint, picture, tmp_path, capsys, monkeypatch
):
    words = ["--checkpoint", str(tiny_checkpoint), "--num-steps", "2", "--json"]
    argv = ["rows", str(picture), "--every", "3", "--out", str(tmp_path / "one"), *words]
    assert main(argv) == 0
    result = Path(json.loads(capsys.readouterr().out)["files"][0])
    assert result.name == "photo-whole.png" and seen_rows_are_kept(result, picture, 3)
    recipe = recipe_from_dict(read_recipe(result))
    assert (recipe.task, recipe.every) == ("rows", 3)
    # The name of a folder is not enough to find it again: this is where it would be looked for.
    monkeypatch.setenv("DDPM_DEMO_CHECKPOINTS", str(tiny_checkpoint.parent))
    argv = ["run", str(picture), "--recipe", str(result), "--out", str(tmp_path / "two"), "--json"]
    assert main(argv) == 0
    again = Path(json.loads(capsys.readouterr().out)["files"][0])
    assert again.name == result.name
    assert np.array_equal(np.asarray(Image.open(again)), np.asarray(Image.open(result)))


def test_its_command_says_what_is_wrong(picture, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("DDPM_DEMO_LANGUAGE", "zh-CN")
    assert main(["rows", str(picture), "--every", "9", "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == "every 必须在 2 到 8 之间，不能是 9。\n"
    assert not (tmp_path / "out").exists()


def test_it_has_an_endpoint_and_a_tab(tiny_checkpoint, picture, tmp_path):
    app = build_app("tiny", "en", {"tiny": str(tiny_checkpoint)})
    assert "rows" in tab_names() and "rows" in app.ctx.flows
    control = app.ctx.flows["rows"].form.controls["every"]
    assert (control.label, control.value) == ("Rows seen", 2)
    _, url, _ = app.launch(
        **launch_options("127.0.0.1", None, False), prevent_thread_lock=True, quiet=True
    )
    try:
        client = Client(url, verbose=False, download_files=str(tmp_path), analytics_enabled=False)
        gallery, beside, recipe = client.predict(
            image=handle_file(picture),
            checkpoint="tiny",
            every=4,
            num_steps=2,
            api_name="/rows",
        )
        assert seen_rows_are_kept(gallery[0]["image"], picture, 4)
        assert recipe["every"] == 4 and "observed" in [item["caption"] for item in beside]
        with pytest.raises(AppError, match="every must be between 2 and 8, not 1"):
            client.predict(image=handle_file(picture), every=1, api_name="/rows")
    finally:
        app.close()


def test_its_tab_runs(tiny_checkpoint, picture):
    app = build_app("tiny", "en", {"tiny": str(tiny_checkpoint)})
    flow = app.ctx.flows["rows"]
    values = {name: control.value for name, control in flow.form.controls.items()}
    values |= {"image": str(picture), "checkpoint": "tiny", "num_steps": 2, "seed": 0}
    run_id, _ = flow.on_run(values, "en", "me")
    list(flow.on_stream(run_id, "en", "me"))
    flow.on_finish(run_id, "en", "me")
    record = app.ctx.store.result("me", "rows")
    assert record.images[0].size == (16, 16) and "observed" in record.extras
    _, refused = flow.on_run({**values, "every": 1}, "zh-CN", "me")
    assert any("可见行必须在 2 到 8 之间" in str(update) for update in refused)
    app.ctx.store.forget("me")
