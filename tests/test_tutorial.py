"""The tour of the docs, every command and snippet of it, where its reader would run it."""

import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

from ddpm_demo.cli import main
from ddpm_demo.tasks.registry import tasks

ROOT = Path(__file__).resolve().parent.parent
TOUR = ROOT / "docs" / "tutorial.md"
COMMAND = "    .venv/bin/python -m ddpm_demo "


def pieces(path):
    """Commands and snippets in their order, each as (kind, text)."""
    either = rf"^{re.escape(COMMAND)}([^\n]+)$|^```python\n(.*?)^```"
    found = re.findall(either, path.read_text("utf-8"), re.M | re.S)
    return [("command", command) if command else ("code", code) for command, code in found]


def test_both_languages_tell_the_same_and_leave_no_task_out():
    told = pieces(TOUR)
    assert told == pieces(TOUR.with_name("tutorial.zh-CN.md"))
    commands = {text.split()[0] for kind, text in told if kind == "command"}
    assert commands == {*tasks(), "run"}
    pictures = re.findall(r"\]\((.+\.webp)\)", TOUR.read_text("utf-8"))
    assert len(pictures) == 8 and all((ROOT / "docs" / name).is_file() for name in pictures)


@pytest.mark.slow
def test_every_command_and_snippet_does_what_it_says(tmp_path, monkeypatch, capsys):
    """In one folder and in order: later ones use what earlier ones made."""
    (tmp_path / "ddpm_demo" / "ui").mkdir(parents=True)
    (tmp_path / "ddpm_demo" / "ui" / "examples").symlink_to(ROOT / "ddpm_demo" / "ui" / "examples")
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)
    for kind, text in pieces(TOUR):
        if kind == "code":
            exec(text, {})  # noqa: S102  what a reader would type
        else:
            assert main(shlex.split(text)) == 0, capsys.readouterr().err
    assert "dpmpp_2m" in capsys.readouterr().out
    for name, size in (
        ("denoise/cat-denoised", (226, 150)),
        ("again/coffee-denoised", (240, 160)),
    ):
        with Image.open(f"out/{name}.png") as image:
            assert image.size == size
    assert len(list(Path("out/generate").glob("seed-*.png"))) == 8
    with Image.open("out/python.png") as image:
        assert image.size == (64, 64)
