"""What the README and the settings promise of each other."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def pins(name):
    """{package: version} of a requirements file; anything but an exact pin is an error."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if line and not line.startswith(("#", "-r "))]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in wanted), wanted
    return dict(line.lower().split("==") for line in wanted)


def test_requirements_are_pinned_and_leave_torchvision_and_pydantic_alone():
    packages = {**pins("requirements.txt"), **pins("requirements-dev.txt")}
    assert packages["torch"] == "2.13.0"
    assert not {"torchvision", "pydantic"} & set(packages)


def test_the_readme_is_the_front_page_of_a_space():
    front = yaml.safe_load(README.split("---")[1])
    assert front["sdk"] == "gradio"
    assert front["sdk_version"] == pins("requirements.txt")["gradio"]
    assert front["python_version"] == "3.12" and (ROOT / front["app_file"]).is_file()
    assert len(front["short_description"]) <= 60


@pytest.mark.parametrize("command", ["sh scripts/start", "sh scripts/test"])
def test_the_commands_of_the_readme_are_there(command):
    assert f"\n    {command}\n" in README and (ROOT / command.split()[1]).is_file()


def test_the_continuous_check_runs_the_second_command():
    assert "sh scripts/test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_links_and_the_tree_of_the_readme_point_at_something():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    tree = README.split("## What is where")[1].split("## ")[0]
    folder = ROOT
    for indent, name in re.findall(r"^    ( *)([\w./]+) ", tree, re.MULTILINE):
        folder = ROOT / "ddpm_demo" if indent else ROOT
        links.append(str((folder / name).relative_to(ROOT)))
    for link in links:
        assert (ROOT / link).exists(), link


def test_the_linter_is_the_same_everywhere():
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert f"ruff=={pins('requirements-dev.txt')['ruff']}" in hooks


def test_no_place_of_one_machine_is_written_down():
    # Put together from parts, so that this file does not hold them either.
    places = ["/" + name + "/" for name in ("work", "opt", "root", "home")]
    suffixes = {".py", ".md", ".toml", ".txt", ".sh", ".json", ".yaml", ""}
    skipped = {".venv", ".git", "runs", "data", "node_modules"}
    for path in ROOT.rglob("*"):
        parts = set(path.relative_to(ROOT).parts)
        if not path.is_file() or path.suffix not in suffixes or parts & skipped:
            continue
        if any(part.startswith(".") and part.endswith("cache") for part in parts):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        assert not [place for place in places if place in text], path
