"""`python -m ddpm_demo check-space`: whether this folder would run as a Hugging Face Space.

Front matter of the README, pins, sizes of files, how long a visitor's call asks for the card of a
ZeroGPU Space, and whether the app starts in a Space's environment and leaves the folder alone.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..texts import text
from .language import cli_language

EXIT_FOUND = 1
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
PYTHONS = {"3.11", "3.12", "3.13"}
MAX_DESCRIPTION = 60  # letters; the Hub refuses more
MAX_FILE_BYTES = 10_000_000  # above, a file has to be kept by Git LFS
MAX_GPU_SECONDS = 120  # what a visitor who is not logged in may ask for at once
PATIENCE_S = 300
_GPU_SECONDS = re.compile(r"^GPU_SECONDS = (\d+)", re.MULTILINE)
_PIN = re.compile(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==[A-Za-z0-9.]+")

Finding = tuple[str, dict[str, Any]]  # a text below "space", and its values


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--folder", type=Path, default=Path.cwd())
    parser.add_argument("--no-start", action="store_true")
    parser.add_argument("--json", action="store_true")


def run(args: argparse.Namespace) -> int:
    """Check, report, say with the exit code whether all is well."""
    checks = {
        "front_matter": front_matter,
        "pins": pins,
        "files": large_files,
        "gpu": gpu_seconds,
        **({} if args.no_start else {"start": start}),
    }
    language, report = cli_language(), {}
    for name, check in checks.items():
        found = [text(language, f"space.{key}", **values) for key, values in check(args.folder)]
        report[name] = found
        if not args.json:
            title = text(language, f"space.{name}")
            print(f"{'✗' if found else '✓'} {title}")
            for sentence in found:
                print(f"    {sentence}")
    if args.json:
        print(json.dumps({"ok": not any(report.values()), "findings": report}))
    return EXIT_FOUND if any(report.values()) else 0


def front_matter(folder: Path) -> Iterator[Finding]:
    """What the Hub reads at the top of README.md."""
    import yaml

    try:
        content = (folder / "README.md").read_text("utf-8")
        head = yaml.safe_load(content.split("---\n")[1]) if content.startswith("---\n") else None
    except (OSError, ValueError, IndexError, yaml.YAMLError):
        head = None
    if not isinstance(head, dict):
        yield "no_front_matter", {}
        return
    wanted = {
        "title": bool,
        "emoji": bool,
        "license": bool,
        "sdk": lambda value: value == "gradio",
        "sdk_version": lambda value: value == _pinned(folder).get("gradio"),
        "python_version": lambda value: value in PYTHONS,
        "app_file": lambda value: (folder / str(value)).is_file(),
        "colorFrom": COLOURS.__contains__,
        "colorTo": COLOURS.__contains__,
        "short_description": lambda value: len(str(value)) <= MAX_DESCRIPTION,
    }
    for key, is_right in wanted.items():
        value = head.get(key)
        if value is None:
            yield "key_missing", {"key": key}
        elif not is_right(value):
            yield "key_wrong", {"key": key, "value": value}


def pins(folder: Path) -> Iterator[Finding]:
    """Every requirement has one version."""
    for line in _requirements(folder):
        if not _PIN.fullmatch(line):
            yield "not_pinned", {"line": line}
    if not _pinned(folder):
        yield "no_requirements", {}


def large_files(folder: Path) -> Iterator[Finding]:
    """Of what git tracks, or of everything where there is no git."""
    listed = subprocess.run(
        ["git", "-C", str(folder), "ls-files", "-z"], capture_output=True, check=False
    )
    names = listed.stdout.decode("utf-8", "replace").split("\0") if not listed.returncode else []
    paths = [folder / name for name in names if name] or list(folder.rglob("*"))
    for path in paths:
        if path.is_file() and path.stat().st_size > MAX_FILE_BYTES:
            megabytes = round(path.stat().st_size / 1e6, 1)
            yield "file_large", {"file": str(path.relative_to(folder)), "megabytes": megabytes}


def gpu_seconds(folder: Path) -> Iterator[Finding]:
    """How long one call asks for the card; more than this is refused for most visitors."""
    for path in sorted((folder / "ddpm_demo").rglob("*.py")):
        for seconds in _GPU_SECONDS.findall(path.read_text("utf-8")):
            if int(seconds) > MAX_GPU_SECONDS:
                yield "gpu_long", {"seconds": int(seconds), "limit": MAX_GPU_SECONDS}


def start(folder: Path) -> Iterator[Finding]:
    """The app as the Hub starts it: its environment, its name, nothing written into the folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    before = _files(folder)
    with tempfile.TemporaryDirectory() as home:
        environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        environment |= {
            "HOME": home,
            "TMPDIR": home,
            "SYSTEM": "spaces",
            "SPACE_ID": "somebody/ddpm_demo",
            "SPACE_HOST": "somebody-ddpm-demo.hf.space",
            "GRADIO_SERVER_PORT": str(port),
            "HF_HUB_OFFLINE": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        log = Path(home) / "log.txt"
        with log.open("w") as output:
            app = subprocess.Popen(
                [sys.executable, "app.py"],
                cwd=folder,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            status = _answer(app, port, environment["SPACE_HOST"])
            if status is None:
                lines = log.read_text("utf-8", "replace").strip().splitlines() or [""]
                yield "not_started", {"said": lines[-1]}
                return
            if status != 200:
                yield "bad_answer", {"status": status}
            if _answer(app, port, "elsewhere.example") == 200:
                yield "answers_any_name", {}
        finally:
            app.terminate()
            app.wait(30)
    for path in sorted(_files(folder) - before)[:5]:
        yield "wrote", {"file": path}


def _answer(app: subprocess.Popen[bytes], port: int, host: str) -> int | None:
    """The status of the page under a name; None when the app has ended, or never answers."""
    until = time.monotonic() + PATIENCE_S
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", headers={"Host": host})
    while time.monotonic() < until and app.poll() is None:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            time.sleep(0.3)
    return None


def _files(folder: Path) -> set[str]:
    skipped = {".venv", ".git", "__pycache__", ".pytest_cache", ".ruff_cache"}
    return {
        os.path.relpath(os.path.join(place, name), folder)
        for place, folders, names in os.walk(folder)
        if not folders.__setitem__(slice(None), [one for one in folders if one not in skipped])
        for name in names
    }


def _requirements(folder: Path) -> list[str]:
    try:
        lines = (folder / "requirements.txt").read_text("utf-8").splitlines()
    except OSError:
        return []
    bare = (line.split("#")[0].strip() for line in lines)
    return [line for line in bare if line]


def _pinned(folder: Path) -> dict[str, str]:
    """{name: version} of what is pinned."""
    pairs = (line.split("==") for line in _requirements(folder) if _PIN.fullmatch(line))
    return {name.split("[")[0]: version for name, version in pairs}
