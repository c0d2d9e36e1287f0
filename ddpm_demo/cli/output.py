"""What a command leaves behind: files, a report, and what it says on the way."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..pictures.saving import Writing, make_folder, save_result, write_whole
from ..texts import text
from ..texts.durations import format_seconds
from .language import cli_language

if TYPE_CHECKING:
    from PIL import Image

    from ..core.progress import Moment
    from ..core.step import Step
    from ..pictures.encode import Result
    from ..pictures.photograph import Photograph
    from ..pipeline import DDPM
    from ..recipes.run import Run

DEFAULT_CHECKPOINT = "faces-64"


@dataclass
class Output:
    """What a command leaves behind: files in one folder and a report.

    Args:
        folder: made if it does not exist.
        as_json: report on stdout as JSON, and no progress bar.
        files: the paths written so far, in order.
        how: results are written.
        inputs: files that went in, which are never written over.
    """

    folder: Path
    as_json: bool
    files: list[str] = field(default_factory=list)
    how: Writing = Writing()
    inputs: Sequence[Path] = ()
    started: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        make_folder(self.folder)

    def write(self, name: str, content: bytes) -> Path:
        """Write one file.

        Raises:
            UserError: it cannot be written.
        """
        path = self.folder / name
        write_whole(path, content)
        self.files.append(str(path))
        return path

    def write_png(
        self, name: str, image: Image.Image, recipe: dict[str, Any], over_broken: bool = False
    ) -> Path:
        """Write a picture with its recipe; one of another recipe that has the name already stays,
        and so does any other file (but for a broken one where `over_broken` says so): then a
        number is added to the name."""
        from ..pictures.names import free_name
        from ..pictures.png_recipe import png_bytes

        free = free_name(self.folder, name, recipe, self.inputs, over_broken)
        return self.write(free, png_bytes(image, recipe))

    def write_result(
        self, stem: str, result: Result, recipe: dict[str, Any], photograph: Photograph | None
    ) -> Path:
        """As `write_png`, in the format, depth, colours and with the metadata of the input."""
        path = save_result(self.folder, stem, result, photograph, recipe, self.how, self.inputs)
        self.files.append(str(path))
        return path

    def report(self, recipe: dict[str, Any], **more: object) -> None:
        """Say on stdout what was written and how long it took."""
        seconds = round(time.perf_counter() - self.started, 3)
        if self.as_json:
            print(json.dumps({"files": self.files, "recipe": recipe, "seconds": seconds, **more}))
            return
        for name in self.files:
            print(name)
        told = {"count": len(self.files), "seconds": f"{seconds:.1f}"}
        print(text(cli_language(), "cli.files_written", **told), file=sys.stderr)


def load(checkpoint: str, quiet: bool) -> DDPM:
    """The checkpoint; people are told at once that it takes seconds to load."""
    if not quiet:
        say_loading(checkpoint)
    from ..pipeline import DDPM

    return DDPM.from_pretrained(checkpoint)


def say_loading(checkpoint: str) -> None:
    print(text(cli_language(), "cli.loading", name=checkpoint), file=sys.stderr, flush=True)


def drain(run: Run, quiet: bool, on_step: Callable[[Step], None] | None = None) -> None:
    """Run to the end, with a progress bar on a terminal that moves within a step too."""
    if quiet or not sys.stderr.isatty():
        for step in run:
            if on_step is not None:
                on_step(step)
        return
    from tqdm import tqdm

    from ..core.progress import Moment, watch

    with tqdm(total=100, bar_format="{percentage:3.0f}%|{bar}| {postfix}") as bar:
        for item in watch(run, run.progress):
            moment = item if isinstance(item, Moment) else run.progress.snapshot()
            bar.n = 100 * (moment.share or 0.0)
            bar.set_postfix_str(progress_words(moment))
            if on_step is not None and not isinstance(item, Moment):
                on_step(item)


def progress_words(moment: Moment) -> str:
    """ "step 3 of 12, tile 40 of 169, 2 min 10 s left"."""
    parts = []
    if moment.num_steps:
        parts.append(("cli.progress_step", {"index": moment.step, "total": moment.num_steps}))
    if moment.num_tiles > 1:
        parts.append(("cli.progress_tile", {"index": moment.tiles, "total": moment.num_tiles}))
    if moment.seconds_left is not None:
        left = format_seconds(cli_language(), moment.seconds_left)
        parts.append(("cli.progress_left", {"time": left}))
    return ", ".join(text(cli_language(), key, **values) for key, values in parts)
