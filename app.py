"""Start the app: `python app.py`. Flags and environment -> build_app() -> launch()."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Sequence

ON_SPACES = "SPACE_ID" in os.environ


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The flags; each has an environment variable that stands in for it."""
    env = os.environ.get
    parser = argparse.ArgumentParser(description="The ddpm_demo app in the browser.")
    parser.add_argument(
        "--host",
        default=env("GRADIO_SERVER_NAME") or ("0.0.0.0" if ON_SPACES else "127.0.0.1"),
        help="address to listen on (default: %(default)s)",
    )
    parser.add_argument(
        "--port",
        type=int,
        default=int(env("GRADIO_SERVER_PORT") or 0) or None,
        help="port to listen on (default: the first free one from 7860)",
    )
    parser.add_argument(
        "--checkpoint",
        default=env("DDPM_DEMO_CHECKPOINT"),
        help="the one chosen at first: a name, a folder or a Hub id",
    )
    parser.add_argument(
        "--device",
        default=env("DDPM_DEMO_DEVICE"),
        help="cpu, cuda, cuda:1 or mps (default: a GPU where there is one)",
    )
    parser.add_argument(
        "--lang",
        choices=("en", "zh-CN"),
        default=env("DDPM_DEMO_LANG"),
        help="language of a first visit (default: the browser's)",
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Build the page, start loading the default checkpoint, serve until stopped."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    if args.device:
        os.environ["DDPM_DEMO_DEVICE"] = args.device
    from ddpm_demo.ui.app import build_app, launch_options, resolve_checkpoint

    name, owner_folders = resolve_checkpoint(args.checkpoint)
    app = build_app(name, args.lang, owner_folders)
    open_browser = not args.no_browser and not ON_SPACES
    options = launch_options(args.host, args.port, open_browser, args.lang)
    app.launch(**options, prevent_thread_lock=True)
    app.ctx.models.warm_up()
    app.block_thread()


if __name__ == "__main__":
    main()
