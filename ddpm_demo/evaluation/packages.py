"""Packages that only the evaluation needs: named to the user when they are not there."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from ..errors import UserError


def need(module: str, package: str) -> ModuleType:
    """The module, imported now.

    Args:
        module: what to import.
        package: what the user would install to have it.

    Raises:
        UserError: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise UserError(
            "evaluation_package_missing",
            "This needs the package {package}; install it with: pip install {package}.",
            package=package,
        ) from error
