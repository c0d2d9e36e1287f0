"""An evaluation as a table for people, as Markdown for model cards, and as JSON."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from .distances import Kid
from .evaluate import Evaluation
from .neighbours import Memorisation

NOT_COMPARABLE = (
    "KID and FID in these features compare checkpoints measured by this command with one another; "
    "they are not comparable with published KID or FID."
)

Row = tuple[str, str, str]
HEADER: Row = ("what", "value", "how to read it")


def rows(result: Evaluation) -> list[Row]:
    """(what, value, how to read it) of each number."""
    table = [
        (
            "KID",
            f"{result.kid.mean:.5f}",
            f"{_spread(result.kid)}; 0 is perfect",
        ),
        (
            "KID floor",
            f"{result.kid_floor.mean:.5f}",
            f"{_spread(result.kid_floor)}; between two halves of the real pictures",
        ),
        ("FID", f"{result.fid:.2f}", "grows as pictures get fewer: compare at equal numbers"),
        ("FID floor", f"{result.fid_floor:.2f}", "between two halves of the real pictures"),
        ("precision", f"{result.precision:.3f}", "share of samples that look real"),
        ("recall", f"{result.recall:.3f}", "share of real pictures that samples come close to"),
    ]
    for memory, space, digits in (
        (result.memory_pixels, "pixels", 2),
        (result.memory_features, "features", 4),
    ):
        if memory is not None:
            table += _memory_rows(memory, space, digits)
    if result.bits is not None:
        bits = result.bits
        table.append(
            (
                "bits per dimension",
                f"{bits.total:.3f}",
                f"± {bits.standard_error:.3f}; variational bound of the full-length DDPM from "
                f"{len(bits.t)} of its timesteps, {bits.num_images} real pictures",
            )
        )
    return table


def _spread(kid: Kid) -> str:
    if kid.num_subsets == 1:
        return f"one set of {kid.subset_size}"
    return f"± {kid.std:.5f} between {kid.num_subsets} subsets of {kid.subset_size}"


def _memory_rows(memory: Memorisation, space: str, digits: int) -> list[Row]:
    distances = f"{memory.samples_median:.{digits}f} / {memory.heldout_median:.{digits}f}"
    return [
        (
            f"nearest training picture, {space}",
            f"{memory.ratio:.3f}",
            f"median distance of samples / held-out ({distances}), "
            f"{memory.num_train} training pictures; well below 1 is copying",
        ),
        (
            f"suspiciously near, {space}",
            f"{100 * memory.near_share:.1f} %",
            "samples nearer than the nearest 1 % of held-out pictures; 1 % is expected",
        ),
    ]


def summary(result: Evaluation) -> list[str]:
    """Lines above the table: what was measured, with what."""
    recipe = result.recipe
    kind = "held-out" if result.is_heldout else "real (perhaps seen in training)"
    steps = f"{recipe.sampler}, {recipe.num_steps} steps"
    if recipe.spacing:
        steps += f", {recipe.spacing} spacing"
    return [
        f"{recipe.checkpoint} (weights {result.weight_hash}): {result.num_images} samples, "
        f"{steps}, seeds {recipe.seed} to {recipe.seed + result.num_images - 1}",
        f"against {result.num_reference} {kind} pictures of {result.data}, "
        f"features {result.features}",
    ]


def text_table(header: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """A table for a terminal."""
    lines = [header, *body]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def markdown_table(header: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """The same in Markdown."""
    lines = [header, ["---"] * len(header), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def text_report(result: Evaluation, command: str) -> str:
    """The whole report for a terminal, with the command that gives every number in it."""
    table = text_table(HEADER, rows(result))
    return "\n".join([*summary(result), "", table, "", NOT_COMPARABLE, f"Made by: {command}"])


def markdown_report(result: Evaluation, command: str) -> str:
    """The whole report for a model card."""
    table = markdown_table(HEADER, rows(result))
    lines = [" ".join(summary(result)) + ":", table, NOT_COMPARABLE, f"Made by `{command}`."]
    return "\n\n".join(lines)


def json_report(result: Evaluation, command: str) -> dict[str, Any]:
    """The report as JSON values."""
    values = dataclasses.asdict(result)
    values["recipe"] = result.recipe.to_dict()
    return _finite({**values, "note": NOT_COMPARABLE, "command": command})


def _finite(value: Any) -> Any:  # noqa: ANN401  any JSON value
    """The value with None for what JSON cannot say: the spread of a single picture, say."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
