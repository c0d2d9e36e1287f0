"""Imports go one way, files stay small, nothing is a pickle: all read from the sources."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "ddpm_demo"

# A module may import from its own layer and from those above it in this list, never from below.
LAYERS = [
    {"errors", "version"},
    {"texts"},
    {"core"},
    {"pictures"},
    {"checkpoints"},
    {"samplers"},
    {"recipes"},
    {"process"},
    {"restoration"},
    {"tasks"},
    {"pipeline"},
    {"batch", "compare"},
    {"training", "evaluation", "jobs"},
    {"ui", "cli"},
]
LAYER_OF = {name: index for index, names in enumerate(LAYERS) for name in names}
SIDE_BY_SIDE = {("ui", "cli"), ("cli", "ui"), ("training", "evaluation"), ("training", "jobs")}
SOURCES = sorted(PACKAGE.rglob("*.py"))


def module_parts(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def imported_modules(path):
    """The full names that a file imports anywhere, also inside functions."""
    package = module_parts(path) if path.name == "__init__.py" else module_parts(path)[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            if module == "ddpm_demo":  # from . import checkpoints
                yield from (f"ddpm_demo.{alias.name}" for alias in node.names)
            else:
                yield module


def inner_imports(path):
    """First names below the package that a file imports: "ddpm_demo.ui.app" gives "ui"."""
    for name in imported_modules(path):
        parts = name.split(".")
        if parts[0] == "ddpm_demo" and len(parts) > 1 and not parts[1].startswith("__"):
            yield parts[1]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_follow_the_layers(path):
    parts = module_parts(path)
    if len(parts) == 1 or parts[1] == "__main__":
        return assert_root_is_lazy(path)
    here = parts[1]
    assert here in LAYER_OF, f"ddpm_demo/{here} has no layer yet: add it to LAYERS"
    for imported in inner_imports(path):
        assert imported in LAYER_OF, f"{here} imports {imported}, which has no layer"
        if imported != here:
            assert LAYER_OF[imported] <= LAYER_OF[here], f"{here} must not import {imported}"
            assert (here, imported) not in SIDE_BY_SIDE, f"{here} must not import {imported}"


def assert_root_is_lazy(path):
    """The package's own files import nothing of it at the start but the command line."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    at_start = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.level]
    assert {node.module for node in at_start} <= {"cli", "version"}


def test_no_circle_of_imports_those_for_type_checkers_counted():
    graph = {}
    for path in SOURCES:
        name = ".".join(module_parts(path))
        graph[name] = {found for found in inner_modules(path) if found != name}
    waiting = {name: {d for d in found if d in graph} for name, found in graph.items()}
    while free := [name for name, found in waiting.items() if not found]:
        for name in free:
            del waiting[name]
        for found in waiting.values():
            found.difference_update(free)
    assert not waiting, f"in a circle, or behind one: {sorted(waiting)}"


def inner_modules(path):
    """The modules of the package that a file imports; a name of a package is its module's."""
    names = {".".join(module_parts(source)) for source in SOURCES}
    package = module_parts(path) if path.name == "__init__.py" else module_parts(path)[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                yield inner if inner in names else module


@pytest.mark.parametrize(
    "library, homes",
    [
        ("gradio", {"ui"}),
        ("argparse", {"cli", "training"}),
        ("accelerate", {"core", "training"}),
    ],
)
def test_libraries_stay_in_their_rooms(library, homes):
    users = {
        module_parts(path)[1]
        for path in SOURCES
        if len(module_parts(path)) > 1
        and any(name.split(".")[0] == library for name in imported_modules(path))
    }
    assert users <= homes, f"{library} is imported by {users - homes}"


def test_an_arrow_against_the_layers_is_seen(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    package = tmp_path / "ddpm_demo" / "samplers"
    package.mkdir(parents=True)
    wrong = package / "wrong.py"
    for line in (
        "from ..ui import app",
        "from .. import pipeline",
        "import ddpm_demo.training.loop",
        "def f():\n    from ..tasks.generate import generate",
    ):
        wrong.write_text(line)
        with pytest.raises(AssertionError, match="must not import"):
            test_imports_follow_the_layers(wrong)
    wrong.write_text(
        "from ..core.denoiser import Denoiser\nfrom .table import SAMPLERS\nimport torch"
    )
    test_imports_follow_the_layers(wrong)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_stay_readable(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_checkpoints_hold_no_pickles_and_no_large_files():
    files = [path for path in (ROOT / "checkpoints").rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert path.suffix in {".json", ".safetensors", ".md", ".png"}, path
        assert path.stat().st_size < 10_000_000, path


def test_no_module_opens_pickles():
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                called = f"{node.value.id}.{node.attr}"
                assert called not in {"torch.load", "torch.save"}, path
            if isinstance(node, ast.keyword) and node.arg in {"allow_pickle", "trust_remote_code"}:
                assert isinstance(node.value, ast.Constant) and node.value.value is False, path
        assert not {"pickle", "dill", "joblib"} & set(imported_modules(path)), path
