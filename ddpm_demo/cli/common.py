"""What the commands share: their common options, the progress bar, files and the report."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError

if TYPE_CHECKING:
    from PIL import Image

    from ..core.step import Step
    from ..pipeline import Run

DEFAULT_CHECKPOINT = "faces-64"


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """The options of every command that makes pictures."""
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where files go")
    parser.add_argument(
        "--checkpoint", metavar="C", help=f"name, folder or Hub id (default: {DEFAULT_CHECKPOINT})"
    )
    parser.add_argument("--seed", type=int, metavar="S", help="image i uses S + i (default: 0)")
    parser.add_argument(
        "--sampler", metavar="NAME", help="dpmpp_2m, ddim, ddpm, ... (default: the checkpoint's)"
    )
    parser.add_argument(
        "--num-steps", type=int, metavar="K", help="default: what suits checkpoint and sampler"
    )
    parser.add_argument("--json", action="store_true", help="report as one JSON object")


def add_animation_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--animation", metavar="FORMAT", help="also an animation of the run: gif, webp or mp4"
    )


@dataclass
class Output:
    """What a command leaves behind: files in one folder and a report.

    Args:
        folder: made if it does not exist.
        as_json: report on stdout as JSON, and no progress bar.
        files: the paths written so far, in order.
    """

    folder: Path
    as_json: bool
    files: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        with _writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)

    def write(self, name: str, content: bytes) -> Path:
        """Write one file.

        Raises:
            UserError: it cannot be written.
        """
        path = self.folder / name
        partial = path.with_name(f".{name}.{os.getpid()}")
        with _writing(path):
            try:
                partial.write_bytes(content)
                partial.replace(path)  # a killed process leaves no half pictures
            finally:
                partial.unlink(missing_ok=True)
        self.files.append(str(path))
        return path

    def write_png(self, name: str, image: Image.Image, recipe: dict[str, Any]) -> Path:
        from ..pictures.png_recipe import png_bytes

        return self.write(name, png_bytes(image, recipe))

    def report(self, recipe: dict[str, Any], **more: object) -> None:
        """Say on stdout what was written and how long it took."""
        seconds = round(time.perf_counter() - self.started, 3)
        if self.as_json:
            print(json.dumps({"files": self.files, "recipe": recipe, "seconds": seconds, **more}))
            return
        for name in self.files:
            print(name)
        print(f"{len(self.files)} files in {seconds:.1f} s", file=sys.stderr)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(
            "write_failed",
            "“{path}” cannot be written: {reason}.",
            field="out",
            path=str(path),
            reason=error.strerror or type(error).__name__,
        ) from error


def drain(run: Run, quiet: bool, on_step: Callable[[Step], None] | None = None) -> None:
    """Run to the end, with a progress bar on a terminal."""
    from tqdm import tqdm

    with tqdm(disable=quiet or not sys.stderr.isatty(), unit="step") as bar:
        for step in run:
            bar.total = step.num_steps
            bar.update(step.index - bar.n)
            if on_step is not None:
                on_step(step)
