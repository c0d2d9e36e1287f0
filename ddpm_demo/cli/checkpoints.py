"""`python -m ddpm_demo checkpoints [--json]`: what there is to sample from."""

from __future__ import annotations

import argparse
import json

from ..checkpoints.library import CheckpointInfo, list_checkpoints
from ..texts import text
from .language import cli_language


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true")


def run(args: argparse.Namespace) -> None:
    """Print the list."""
    found = list_checkpoints()
    if args.json:
        print(json.dumps({"checkpoints": [info.public() for info in found]}))
        return
    for info in found:
        print(_describe(info, cli_language()))


def _describe(info: CheckpointInfo, language: str) -> str:
    unknown = text(language, "cli.not_stated")
    first = text(
        language,
        "cli.checkpoint",
        name=info.name,
        title=info.title_in(language),
        size=info.size_px,
        colour=text(language, "cli.grey" if info.channels == 1 else "cli.colour"),
        millions=f"{info.num_parameters / 1e6:.1f}",
        source=text(language, f"cli.source_{info.source}"),
    )
    data = text(
        language,
        "cli.checkpoint_data",
        data=info.data or unknown,
        license=info.license or unknown,
    )
    default = text(
        language,
        "cli.checkpoint_default",
        sampler=info.default_sampler,
        steps=info.default_num_steps,
        hash=info.weight_hash,
    )
    return "\n    ".join([first, data, default])
