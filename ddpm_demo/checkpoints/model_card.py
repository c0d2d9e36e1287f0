"""A checkpoint's `README.md`: the YAML front matter that the interface reads, and nothing else."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

LearnedSteps = dict[str, dict[int, tuple[float, ...]]]  # by sampler, by number of steps

PRIORS = ("object", "photo")
DEFAULT_SAMPLER = "dpmpp_2m"
DEFAULT_NUM_STEPS = 20
MAX_STEPS = 1000
_MAX_BYTES = 256 * 1024
_SAMPLER = re.compile(r"[a-z0-9_]{1,40}")
_FRONT_MATTER = re.compile(r"\A---\r?\n(.*?)\r?\n---\s*(?:\n|\Z)", re.DOTALL)


@dataclass(frozen=True)
class ModelCard:
    """What a model card says; every field has a value that is right for a card that is silent.

    Args:
        title, title_zh: for people, in English and Chinese; "" when the card has none.
        size_px: side of the pictures it was trained on; None when the card does not say.
        prior: "object" (whole things, at their own size) or "photo" (texture, any size).
        default_sampler: a name of `samplers.SAMPLERS`.
        default_num_steps: steps for that sampler, 1 to 1000.
        license, data: one line each; "" when the card does not say.
        samples_seen: pictures seen in training; None when the card does not say.
        tile_px, overlap_px: tiles that suit a photo prior; None for none.
        learned_steps: for a sampler and a number of steps the timesteps that suit this
            checkpoint best, descending; see `samplers.timesteps.timesteps_for`.
        made_for_steps: the only numbers of steps of its default sampler that it was made for;
            empty for any.
        guidance_min_sigma: the noise level from which on autoguidance pays, in [-1, 1] units.
    """

    title: str = ""
    title_zh: str = ""
    size_px: int | None = None
    prior: str = "object"
    default_sampler: str = DEFAULT_SAMPLER
    default_num_steps: int = DEFAULT_NUM_STEPS
    license: str = ""
    data: str = ""
    samples_seen: int | None = None
    tile_px: int | None = None
    overlap_px: int | None = None
    learned_steps: LearnedSteps = field(default_factory=dict)
    made_for_steps: tuple[int, ...] = ()
    guidance_min_sigma: float = 0.0


def read_model_card(folder: Path) -> ModelCard:
    """The card in `folder/README.md`; fields that are absent or make no sense are the defaults.

    Cards come from strangers too and a bad one must not hide a good network: nothing is raised.
    """
    front = _read_front_matter(folder / "README.md")
    prior = _line(front, "prior")
    sampler = _line(front, "default_sampler")
    num_steps = _whole(front, "default_num_steps", 1, MAX_STEPS) or DEFAULT_NUM_STEPS
    made_for_steps = _numbers_of_steps(front.get("made_for_steps"))
    return ModelCard(
        title=_line(front, "title"),
        title_zh=_line(front, "title_zh"),
        size_px=_whole(front, "size_px", 8, 4096),
        prior=prior if prior in PRIORS else "object",
        default_sampler=sampler if _SAMPLER.fullmatch(sampler) else DEFAULT_SAMPLER,
        default_num_steps=num_steps,
        license=_line(front, "license"),
        data=_line(front, "data"),
        samples_seen=_whole(front, "samples_seen", 0, 10**12),
        tile_px=_whole(front, "tile_px", 8, 4096),
        overlap_px=_whole(front, "overlap_px", 0, 4096),
        learned_steps=_learned_steps(front.get("learned_steps")),
        made_for_steps=made_for_steps if num_steps in made_for_steps else (),
        guidance_min_sigma=_sigma(front.get("guidance_min_sigma")),
    )


def keep_learned_steps(folder: Path, sampler: str, timesteps: Sequence[float]) -> None:
    """Add the timesteps of one number of steps to a card, or replace them; the body stays.

    Raises:
        OSError: the card cannot be written.
    """
    path = folder / "README.md"
    front = _read_front_matter(path)
    known = _learned_steps(front.get("learned_steps"))
    own = {**known.get(sampler, {}), len(timesteps): tuple(round(t, 2) for t in timesteps)}
    known[sampler] = dict(sorted(own.items()))
    lists = {name: {k: list(v) for k, v in of.items()} for name, of in known.items()}
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    found = _FRONT_MATTER.match(text)
    body = text[found.end() :] if found else text
    write_model_card(folder, {**front, "learned_steps": lists}, body)


def write_model_card(folder: Path, front: Mapping[str, Any], body: str) -> None:
    """Write `folder/README.md`: `front` (fields of `ModelCard` and others) as YAML, then body."""
    text = yaml.dump(dict(front), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=10**6)
    (folder / "README.md").write_text(f"---\n{text}---\n\n{body.strip()}\n", encoding="utf-8")


def rename_model_card(folder: Path, title: str) -> None:
    """Replace the title of a card that `write_model_card` wrote, above and in its first heading.

    Raises:
        OSError: it cannot be read or written.
    """
    text = (folder / "README.md").read_text(encoding="utf-8")
    found = _FRONT_MATTER.match(text)
    body = text[found.end() :].strip() if found else text.strip()
    heading, newline, rest = body.partition("\n")
    if heading.startswith("# "):
        body = f"# {title}{newline}{rest}"
    write_model_card(folder, {**_read_front_matter(folder / "README.md"), "title": title}, body)


class _Dumper(yaml.SafeDumper):
    """Lists of numbers in one line."""


_Dumper.add_representer(
    list, lambda dumper, value: dumper.represent_sequence("tag:yaml.org,2002:seq", value, True)
)


def _learned_steps(value: object) -> LearnedSteps:
    if not isinstance(value, dict):
        return {}
    found: LearnedSteps = {}
    for sampler, of_sampler in value.items():
        if not isinstance(of_sampler, dict) or not _SAMPLER.fullmatch(str(sampler)):
            continue
        for num_steps, times in of_sampler.items():
            if isinstance(times, list) and _are_timesteps(num_steps, times):
                found.setdefault(str(sampler), {})[num_steps] = tuple(map(float, times))
    return found


def _are_timesteps(num_steps: object, times: list[object]) -> bool:
    """As many as they say, descending, none below 0."""
    if isinstance(num_steps, bool) or not isinstance(num_steps, int) or len(times) != num_steps:
        return False
    if not all(isinstance(t, int | float) and 0 <= t < 10_000 for t in times):
        return False
    return 1 <= num_steps <= MAX_STEPS and all(a > b for a, b in zip(times, times[1:]))  # noqa: B905


def _numbers_of_steps(value: object) -> tuple[int, ...]:
    """Rising numbers of steps; none where one of them is none."""
    given = value if isinstance(value, list) else []
    if not all(isinstance(one, int) and not isinstance(one, bool) for one in given):
        return ()
    return tuple(sorted(set(given))) if all(1 <= one <= MAX_STEPS for one in given) else ()


def _read_front_matter(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES).decode("utf-8", errors="replace")
        found = _FRONT_MATTER.match(text)
        front = yaml.safe_load(found.group(1)) if found else None
    except (OSError, yaml.YAMLError, ValueError, RecursionError):
        return {}
    return front if isinstance(front, dict) else {}


def _line(front: Mapping[str, Any], key: str) -> str:
    value = front.get(key)
    if not isinstance(value, str):  # cards of the Hub have lists too; only a line is shown
        return ""
    return " ".join(value.split())[:300]


def _sigma(value: object) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value < math.inf else 0.0


def _whole(front: Mapping[str, Any], key: str, low: int, high: int) -> int | None:
    value = front.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        return None
    return value
