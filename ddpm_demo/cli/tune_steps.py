"""`python -m ddpm_demo tune-steps --checkpoint C --num-steps 8`: timesteps for a checkpoint.

They go into the front matter of its model card, and are used whenever that number of steps is
asked for with that sampler and no spacing is named.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING, Any

from ..errors import UserError, check_range
from ..texts import text
from .language import cli_language
from .output import DEFAULT_CHECKPOINT

if TYPE_CHECKING:
    from ..checkpoints.library import CheckpointInfo

DEFAULT_SAMPLER = "dpmpp_2m"
MIN_IMAGES, MAX_IMAGES = 2, 256


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", metavar="C", default=DEFAULT_CHECKPOINT)
    parser.add_argument("--num-steps", type=int, required=True, metavar="K")
    parser.add_argument("--sampler", metavar="NAME", default=DEFAULT_SAMPLER)
    parser.add_argument("--num-images", type=int, default=16, metavar="N")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--json", action="store_true")


def run(args: argparse.Namespace) -> None:
    """Search, report, keep."""
    from ..checkpoints.library import find
    from ..pipeline import DDPM
    from ..samplers.table import check_task
    from ..samplers.tune import tune_steps

    check_range("num_images", args.num_images, MIN_IMAGES, MAX_IMAGES)
    info = find(args.checkpoint)
    check_task(info, "tune-steps")
    if not args.dry_run and info.source == "hub":
        raise UserError(
            "tune_steps_hub",
            "The card of a checkpoint of the Hub cannot be changed; copy the checkpoint to a "
            "folder first, or add --dry-run.",
            field="checkpoint",
        )
    ddpm = DDPM.from_pretrained(args.checkpoint)
    shape = (ddpm.denoiser.channels, info.size_px, info.size_px)
    started = time.perf_counter()
    quiet, language = args.json or not sys.stderr.isatty(), cli_language()

    def tell(num_tries: int, best: float) -> None:
        said = text(language, "cli.tune_tries", tries=num_tries, best=f"{best:.4f}")
        print(f"\r{said}", end="", file=sys.stderr)

    tuned = tune_steps(
        ddpm.denoiser,
        args.sampler,
        args.num_steps,
        shape,
        num_images=args.num_images,
        device=ddpm.device,
        on_try=None if quiet else tell,
    )
    kept = tuned.is_better and not args.dry_run
    if kept:
        _keep(info, args.sampler, tuned.timesteps)
    report = {
        "sampler": args.sampler,
        "timesteps": [round(t, 2) for t in tuned.timesteps],
        "distance": round(tuned.distance, 4),
        "own_distance": round(tuned.own_distance, 4),
        "num_tries": tuned.num_tries,
        "kept": kept,
        "seconds": round(time.perf_counter() - started, 1),
    }
    print(json.dumps(report) if args.json else _in_words(report, language))


def _in_words(report: dict[str, Any], language: str) -> str:
    return text(
        language,
        "cli.tune_report",
        sampler=report["sampler"],
        times=", ".join(f"{t:g}" for t in report["timesteps"]),
        distance=report["distance"],
        own=report["own_distance"],
        kept=text(language, "cli.tune_kept" if report["kept"] else "cli.tune_not_kept"),
        tries=report["num_tries"],
        seconds=f"{report['seconds']:.0f}",
    )


def _keep(info: CheckpointInfo, sampler: str, timesteps: tuple[float, ...]) -> None:
    from ..checkpoints.model_card import keep_learned_steps

    try:
        keep_learned_steps(info.folder, sampler, timesteps)
    except OSError as error:
        raise UserError(
            "write_failed",
            "“{path}” cannot be written: {reason}.",
            field="checkpoint",
            path=str(info.folder / "README.md"),
            reason=error.strerror or type(error).__name__,
        ) from error
