"""`check-space`, the window of its own, and the app that can be installed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ddpm_demo.cli import check_space, main
from ddpm_demo.errors import UserError
from ddpm_demo.ui import window

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def folder(tmp_path):
    """What the checks read of this folder."""
    for name in ("README.md", "requirements.txt", "app.py"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def found(check, folder):
    return [(key, *values.values()) for key, values in check(folder)]


def replaced(path, old, new):
    content = path.read_text("utf-8")
    assert old in content
    path.write_text(content.replace(old, new, 1), "utf-8")


@pytest.mark.parametrize("check", ["front_matter", "pins", "large_files", "gpu_seconds"])
def test_this_folder_is_right(check):
    assert found(getattr(check_space, check), ROOT) == []


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("sdk: gradio", "sdk: streamlit", ("key_wrong", "sdk", "streamlit")),
        ("sdk_version: 6.31.0", "sdk_version: 5.0.0", ("key_wrong", "sdk_version", "5.0.0")),
        ("app_file: app.py", "app_file: main.py", ("key_wrong", "app_file", "main.py")),
        ("colorTo: gray", "colorTo: grey", ("key_wrong", "colorTo", "grey")),
        ("license: apache-2.0\n", "", ("key_missing", "license")),
        (
            'python_version: "3.12"',
            'python_version: "3.9"',
            ("key_wrong", "python_version", "3.9"),
        ),
        ("short_description: ", f"short_description: {61 * 'x'}", ("key_wrong",)),
        ("---\n", "", ("no_front_matter",)),
        ("title: ddpm_demo", "title: [", ("no_front_matter",)),
    ],
)
def test_each_fault_of_the_front_matter_is_named(old, new, finding, folder):
    replaced(folder / "README.md", old, new)
    (told,) = found(check_space.front_matter, folder)
    assert told[: len(finding)] == finding


def test_loose_versions_and_large_files_are_named(folder):
    replaced(folder / "requirements.txt", "gradio==6.31.0", "gradio>=6")
    assert found(check_space.pins, folder) == [("not_pinned", "gradio>=6")]
    (folder / "weights.safetensors").write_bytes(bytes(12_000_000))
    assert found(check_space.large_files, folder) == [("file_large", "weights.safetensors", 12.0)]
    (folder / "ddpm_demo").mkdir()
    (folder / "ddpm_demo" / "gpu.py").write_text("GPU_SECONDS = 400\n")
    assert found(check_space.gpu_seconds, folder) == [("gpu_long", 400, 120)]
    (folder / "requirements.txt").unlink()
    assert found(check_space.pins, folder) == [("no_requirements",)]


def test_an_app_that_does_not_start_is_one_sentence(folder, capsys):
    (folder / "app.py").write_text("import sys\nsys.exit('no such thing')\n")
    assert main(["check-space", "--folder", str(folder), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert not report["ok"]
    assert report["findings"]["start"] == ["The app did not start: no such thing"]
    others = {name: said for name, said in report["findings"].items() if name != "start"}
    assert not any(others.values())


@pytest.mark.slow
def test_the_app_starts_as_a_space_would_and_leaves_the_folder_alone(capsys):
    code = main(["check-space"])
    said = capsys.readouterr().out
    assert said.count("✓") == 5 and "✗" not in said, said
    assert code == 0


# Stands in for pywebview: looks at the page once instead of drawing it.
WEBVIEW = """
import httpx, os
settings, seen = {}, []
def create_window(title, address, width, height):
    manifest = httpx.get(f"{address}manifest.json").json()
    places = [address.rstrip("/") + icon["src"] for icon in manifest["icons"]]
    icons = [httpx.get(place).status_code for place in places]
    seen.append(f"{title} {httpx.get(address).status_code} {manifest['name']} {icons}")
def start(private_mode):
    open(os.environ["SEEN"], "w").write(seen[0])
"""


@pytest.mark.slow
def test_a_window_of_its_own_shows_the_page_and_ends_the_app(tmp_path):
    (tmp_path / "webview.py").write_text(WEBVIEW)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "SEEN": str(tmp_path / "seen")}
    done = subprocess.run(
        [sys.executable, "app.py", "--window"], cwd=ROOT, env=environment, timeout=300
    )
    assert done.returncode == 0
    # The page can be installed, too: its manifest has a name and icons.
    assert (tmp_path / "seen").read_text() == "ddpm_demo 200 ddpm_demo [200, 200]"


def test_without_pywebview_there_is_a_sentence(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install pywebview"):
        window.check()
