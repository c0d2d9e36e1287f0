"""`app.py --window`: the page in a window of its own, where pywebview is installed."""

from __future__ import annotations

import importlib.util

from ..errors import UserError

SIZE_PX = (1440, 900)


def check() -> None:
    """Before anything is built.

    Raises:
        UserError: pywebview is not installed.
    """
    if importlib.util.find_spec("webview") is None:
        raise UserError(
            "window_missing",
            "A window of its own needs pywebview: run “.venv/bin/pip install pywebview”, or leave "
            "out --window.",
        )


def show(address: str) -> None:
    """Show the page and return when the window is closed; only the main thread may call it.

    Raises:
        UserError: there is no screen, or nothing that could draw a page.
    """
    import webview

    try:
        webview.settings["ALLOW_DOWNLOADS"] = True
        webview.create_window("ddpm_demo", address, width=SIZE_PX[0], height=SIZE_PX[1])
        webview.start(private_mode=False)  # what the browser's storage keeps is there next time
    except Exception as error:  # noqa: BLE001  each system's own
        raise UserError(
            "window_failed",
            "No window could be opened ({reason}); leave out --window and use a browser.",
            reason=" ".join(str(error).split()) or type(error).__name__,
        ) from error
