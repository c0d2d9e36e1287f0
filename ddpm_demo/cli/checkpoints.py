"""`python -m ddpm_demo checkpoints [--json]`: what there is to sample from."""

from __future__ import annotations

import argparse
import json

from ..checkpoints.library import CheckpointInfo, list_checkpoints


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true")


def run(args: argparse.Namespace) -> None:
    """Print the list."""
    found = list_checkpoints()
    if args.json:
        print(json.dumps({"checkpoints": [info.public() for info in found]}))
        return
    for info in found:
        print(_describe(info))


def _describe(info: CheckpointInfo) -> str:
    colour = "grey" if info.channels == 1 else "colour"
    lines = [
        f"{info.name}: {info.title}, {info.size_px}x{info.size_px} {colour}, "
        f"{info.num_parameters / 1e6:.1f} million parameters, {info.source}",
        f"    data: {info.data or 'not stated'}; licence: {info.license or 'not stated'}",
        f"    default: {info.default_sampler}, {info.default_num_steps} steps; "
        f"weights {info.weight_hash}",
    ]
    return "\n".join(lines)
