"""A task on many pictures at the command line: one progress bar, a report, and where it ended."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..batch.sources import find, means_several
from ..errors import UserError
from ..pictures.saving import Writing
from ..recipes.recipe import Recipe
from ..tasks.registry import recipe_from_dict
from ..texts import text
from .language import cli_language, sentence
from .output import load, progress_words
from .processes import in_one_of_several, relaunched

if TYPE_CHECKING:
    from ..batch.work import Batch

EXIT_SOME_FAILED = 1


def asked_for(args: argparse.Namespace, words: Sequence[str]) -> bool:
    """Whether what was named is more than one picture, or is to be shared by processes."""
    return means_several(words) or args.num_processes != 1 or in_one_of_several()


def run(
    task: type[Recipe],
    args: argparse.Namespace,
    saved: Mapping[str, Any],
    given: Mapping[str, Any],
    words: Sequence[str],
    how: Writing,
) -> int:
    """Do the task on every picture; the exit code, which says whether all could be done.

    Raises:
        UserError: an option is not what it should be, there are no pictures, the checkpoint cannot
            be loaded, or results cannot be written.
    """
    if args.grid or args.animation:
        raise UserError(
            "batch_extras",
            "A grid or an animation is made of one picture; leave out --grid and --animation.",
            field="image",
        )
    from ..batch.journal import Journal
    from ..batch.masks import Masks
    from ..batch.work import Batch

    fields, paths = task.from_words(given)
    values = {**saved, **fields, "task": task.task}
    if not values.get("checkpoint"):
        values["checkpoint"] = task.suitable_checkpoint(values, {})
    recipe = recipe_from_dict(values)
    mask = next((told.name for told in task.inputs if told.is_mask), "")
    sources = find(words, args.out)  # before anything is made
    sources = find(words, args.out, Journal(args.out).made())
    batch = Batch(recipe, sources, args.out, how, Masks(paths.get(mask), mask))
    started = time.perf_counter()
    if relaunched(args):
        return _report(batch, args, started)
    is_first, num_new = _work(batch, args)
    if not in_one_of_several():
        return _report(batch, args, started, num_new=num_new)
    if args.num_processes == 1:  # nobody waits for the others, so that the last one has it whole
        _report(batch, args, started, is_told=is_first)
    return 0  # a launcher would end the others


def _work(batch: Batch, args: argparse.Namespace) -> tuple[bool, int]:
    """This process's share with its progress; whether it is the first of the processes, and how
    many pictures it has done that were not done before."""
    from tqdm import tqdm

    from ..batch import work
    from ..core.device import process_share
    from ..core.progress import Moment

    share, total = process_share(), len(batch.sources)
    hidden = args.json or share[0] > 0 or not sys.stderr.isatty()
    told, num_new, mine = 0, 0, len(range(share[0], total, share[1]))
    with tqdm(total=mine, disable=hidden, bar_format=_BAR) as bar:
        for item in work.work(batch, lambda name: load(name, hidden), share, sentence):
            if isinstance(item, Moment):
                bar.n = told + (item.share or 0.0)
                bar.set_postfix_str(progress_words(item))
                continue
            told += 1
            num_new += item.is_new and not item.entry.error
            bar.n = told
            bar.refresh()
            if item.is_new and not args.json:
                words = [sentence(note) for note in item.notes]
                words += [item.entry.message] if item.entry.error else []
                for said in words:
                    tqdm.write(f"{item.entry.shown}: {said}", file=sys.stderr)
    return share[0] == 0, num_new


_BAR = "{percentage:3.0f}%|{bar}| {n:.1f}/{total} {elapsed}<{remaining} {postfix}"


def _report(
    batch: Batch,
    args: argparse.Namespace,
    started: float,
    is_told: bool = True,
    num_new: int | None = None,
) -> int:
    from ..batch import report

    found = report.rows(batch)
    written = [str(path) for path in report.write(batch, found)]
    done, failed = report.count(found, "done"), report.count(found, "failed")
    seconds = round(time.perf_counter() - started, 3)
    files = [str(Path(batch.folder, name)) for row in found for name in row["files"]]
    if not is_told:
        return 0
    if args.json:
        told = {"files": [*files, *written], "recipe": batch.recipe.to_dict()}
        print(json.dumps({**told, "seconds": seconds, "pictures": found}))
    else:
        for name in [*files, *written]:
            print(name)
        told = {"done": done, "failed": failed, "seconds": f"{seconds:.1f}"}
        key = "batch_done" if num_new in (None, done) else "batch_done_before"
        before = done - (num_new or 0)
        print(text(cli_language(), f"cli.{key}", before=before, **told), file=sys.stderr)
    return EXIT_SOME_FAILED if failed else 0
