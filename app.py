"""Start the app: `python app.py`. Flags and environment -> build_app() -> launch()."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import socket
import sys
from collections.abc import Sequence

ON_SPACES = "SPACE_ID" in os.environ
PATIENCE_S = 10.0  # for runs to stop when the app is ended


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
        type=_port,
        default=env("GRADIO_SERVER_PORT") or None,  # a text is read as the option's would be
        help="port to listen on, 0 for any free one (default: the first free one from 7860)",
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
    parser.add_argument(
        "--listen",
        action="store_true",
        help="listen on every address of this machine, as --host 0.0.0.0",
    )
    parser.add_argument(
        "--root-path",
        default=env("GRADIO_ROOT_PATH") or None,
        help="path or address under which a proxy in front serves the app (/ddpm, "
        "https://example.org/ddpm); what the proxy says of a request is believed only then",
    )
    parser.add_argument(
        "--auth-file",
        default=env("DDPM_DEMO_AUTH_FILE") or None,
        help="file with a line name:password for each person who may come in",
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument(
        "--window",
        action="store_true",
        help="open a window of its own instead of a browser (needs pywebview)",
    )
    parser.add_argument(
        "--mcp",
        action="store_true",
        default=env("GRADIO_MCP_SERVER", "").lower() in ("1", "true"),
        help="offer the endpoints as tools of an MCP server, too (needs mcp)",
    )
    args = parser.parse_args(argv)
    if args.listen:
        args.host = "0.0.0.0"
    return args


def _port(said: str) -> int:
    """A port, 0 to 65535; for 0 one that is free now, as Gradio would ask the port 0 itself."""
    try:
        port = int(said)
    except ValueError:
        port = -1
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{said!r} is no port; give a number from 0 to 65535")
    if port == 0:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
    return port


def main(argv: Sequence[str] | None = None) -> None:
    """Build the page, start loading the default checkpoint, serve until stopped."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    if args.device:
        os.environ["DDPM_DEMO_DEVICE"] = args.device
    from ddpm_demo.core.memory import keep_between_steps
    from ddpm_demo.texts import known_language, text

    # The page follows the browser; what stands in the terminal is the command line's.
    language = known_language(args.lang or os.environ.get("DDPM_DEMO_LANGUAGE"))
    print(text(language, "common.starting"), flush=True)
    keep_between_steps()
    gc.disable()  # hundreds of looks for cycles through what is being imported would find none
    from ddpm_demo.errors import UserError
    from ddpm_demo.ui import window
    from ddpm_demo.ui.app import build_app, launch_options, open_to_all, resolve_checkpoint
    from ddpm_demo.ui.in_turn import end_all
    from ddpm_demo.ui.mcp_tools import check_usable
    from ddpm_demo.ui.temp_folder import use_own_folder
    from ddpm_demo.ui.visitors import read_passwords

    try:
        if args.window:
            window.check()
        passwords = read_passwords(args.auth_file) if args.auth_file else None
        if args.mcp:
            check_usable(passwords)
        name, owner_folders = resolve_checkpoint(args.checkpoint)
    except UserError as error:
        print(f"app.py: {error}", file=sys.stderr)
        sys.exit(2)
    try:
        use_own_folder()
    except OSError as error:
        sys.exit(f"app.py: no files can be kept for a while: {error.strerror}.")
    app = build_app(name, args.lang, owner_folders)
    gc.freeze()
    gc.enable()
    open_browser = not (args.no_browser or args.window or ON_SPACES)
    options = launch_options(
        args.host,
        args.port,
        open_browser,
        args.lang,
        root_path=args.root_path,
        passwords=passwords,
        mcp=args.mcp,
    )
    if said := open_to_all(args.host, args.root_path, passwords, args.lang):
        print(said, flush=True)
    try:
        # Gradio's own lines praise a public link, which is never made here.
        _, address, _ = app.launch(**options, prevent_thread_lock=True, quiet=True)
    except OSError as error:  # the port is taken, the address is another machine's
        words = " ".join(str(error).split())
        if "empty port" in words:  # Gradio's own sentence is about its parameters
            words = text(language, "common.port_taken", port=args.port)
        sys.exit(f"app.py: {words}")
    print(text(language, "common.served_at", address=address), flush=True)
    app.ctx.models.warm_up()
    if args.window:
        try:
            window.show(address)
        except UserError as error:
            sys.exit(f"app.py: {error}")
        app.close()
    else:
        app.block_thread()
    end_all(PATIENCE_S)


if __name__ == "__main__":
    main()
