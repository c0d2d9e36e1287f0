"""Which tasks there are: a recipe class in each file of this folder, and of the folders that
`DDPM_DEMO_TASKS` names, whose texts lie beside it as `<task>.<language>.json`.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from .. import texts
from ..errors import UserError
from ..recipes.mistakes import shown
from ..recipes.recipe import Recipe
from ..recipes.run import FACTS_IN_FILES

FOLDERS_VARIABLE = "DDPM_DEMO_TASKS"
_HERE = Path(__file__).parent


def tasks() -> dict[str, type[Recipe]]:
    """The recipe class of every task by its name, in their order."""
    return _find(os.environ.get(FOLDERS_VARIABLE, ""))


def task_named(name: object) -> type[Recipe]:
    """The recipe class of a task.

    Raises:
        UserError: there is no such task.
    """
    found = tasks().get(name) if isinstance(name, str) else None
    if found is None:
        raise UserError(
            "recipe_task_unknown",
            "There is no task “{name}” here; there are {known}.",
            name=shown(name),
            known=", ".join(tasks()),
        )
    return found


def recipe_from_dict(values: Mapping[str, Any]) -> Recipe:
    """The recipe in a file or a request; what a file says of the run besides is left aside.

    Raises:
        UserError: not a recipe, an unknown task or field, a value of the wrong type or out of
            bounds.
    """
    if not isinstance(values, Mapping) or "task" not in values:
        raise UserError(
            "recipe_invalid",
            "This is not a recipe that this version understands; set the controls by hand.",
        )
    fields = {name: value for name, value in values.items() if name not in FACTS_IN_FILES}
    return task_named(values["task"]).made_by(values.get("version"), fields)


@lru_cache(maxsize=8)
def _find(folders: str) -> dict[str, type[Recipe]]:
    modules = [
        importlib.import_module(f".{path.stem}", __package__)
        for path in sorted(_HERE.glob("*.py"))
        if path.stem not in ("__init__", "registry")
    ]
    for folder in filter(None, folders.split(os.pathsep)):
        modules += [_load(path) for path in sorted(Path(folder).glob("*.py"))]
    found = [kind for module in modules for kind in _recipes_of(module)]
    return {kind.task: kind for kind in sorted(found, key=lambda kind: kind.position)}


def _recipes_of(module: ModuleType) -> list[type[Recipe]]:
    return [
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Recipe) and kind.task
        if kind.__module__ == module.__name__
    ]


def _load(path: Path) -> ModuleType:
    """The module of a file outside the package; the owner has named its folder."""
    name = f"ddpm_demo_task_{path.stem}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # a run is pickled by this name
        spec.loader.exec_module(module)
        for language in texts.LANGUAGES:
            beside = path.with_name(f"{path.stem}.{language}.json")
            if beside.exists():
                texts.add_section(language, path.stem, beside)
    return sys.modules[name]
