"""Any number of pictures, in batches of fixed seeds that several processes share.

Which seeds make a batch does not depend on the number of processes, so the pictures do not either.
A command given again goes on where it was ended: pictures that are there are not made again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from ..errors import UserError, check_range
from ..texts import text
from .language import cli_language
from .output import Output

if TYPE_CHECKING:
    from ..pipeline import DDPM
    from ..recipes.run import Run
    from ..tasks.generate import GenerateRecipe

BATCH = 50
MAX_IMAGES = 10_000_000


def asked_for(args: argparse.Namespace) -> bool:
    """Whether `generate` is to make more than one batch, or on several processes.

    Raises:
        UserError: that does not go together with the other options.
    """
    from ..tasks.generate import MAX_IMAGES as ONE_RUN

    several = args.num_processes != 1 or int(os.environ.get("WORLD_SIZE") or 1) > 1
    num_images = getattr(args, "num_images", None)
    if not several and (num_images or 0) <= ONE_RUN:
        return False
    check_range("num_images", num_images or 1, 1, MAX_IMAGES)
    if args.grid or args.animation:
        raise UserError(
            "bulk_extras",
            "A grid or an animation is made of at most {limit} pictures in one process; leave out "
            "--grid and --animation.",
            field="num_images",
            limit=ONE_RUN,
        )
    return True


def write_many(ddpm: DDPM, recipe: GenerateRecipe, num_images: int, output: Output) -> None:
    """Write this process's share of `num_images` pictures, one PNG a seed.

    Raises:
        UserError: the recipe does not suit the checkpoint, or a file cannot be written.
    """
    from tqdm import tqdm

    from ..core.device import process_share

    index, count = process_share()
    started, made, kept = time.perf_counter(), 0, 0
    starts = range(0, num_images, BATCH)[index::count]
    hidden = output.as_json or index > 0 or not sys.stderr.isatty()
    last: dict[str, Any] = {}
    for start in tqdm(starts, unit="batch", disable=hidden):
        size = min(BATCH, num_images - start)
        run = ddpm.generate(recipe.replace(seed=recipe.seed + start, num_images=size))
        last = run.metadata()
        if _are_there(run, output, size):
            kept += size
            continue
        for number, image in enumerate(run.images()):
            output.write_png(_name(run, number), image, run.metadata(number), over_broken=True)
        made += size
    seconds = time.perf_counter() - started
    said = {"made": made, "seconds": f"{seconds:.1f}", "kept": kept}
    if count > 1:
        said |= {"index": index + 1, "count": count}
    key = "cli.bulk_done_process" if count > 1 else "cli.bulk_done"
    print(text(cli_language(), key, **said), file=sys.stderr)
    if index == 0:
        output.files.clear()  # a folder of so many files is named, not listed
        output.files.append(str(output.folder))
        output.report(last, num_images=num_images, num_processes=count)


def _as_read(metadata: dict[str, Any]) -> dict[str, Any]:
    """As a file has it: lists for tuples."""
    return json.loads(json.dumps(metadata))


def _name(run: Run, number: int) -> str:
    return f"seed-{run.recipe.seed + number}.png"


def _are_there(run: Run, output: Output, size: int) -> bool:
    """Whether all pictures of the batch have been made already, in the very same way."""
    from ..pictures.png_recipe import read_recipe

    try:
        return all(
            read_recipe(output.folder / _name(run, number)) == _as_read(run.metadata(number))
            for number in range(size)
        )
    except (UserError, OSError):
        return False
