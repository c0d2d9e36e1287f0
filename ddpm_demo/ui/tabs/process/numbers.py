"""What the panes draw from: texts, the picture in numbers, stored runs of the real checkpoints."""

from __future__ import annotations

import base64
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....texts import LANGUAGES, section, text
from .fragments import generators_html, one_step_html, years_html

if TYPE_CHECKING:
    from .subject import Subject

_FOLDER = Path(__file__).parent / "numbers"
LATER = ("2020b", "2021", "2022", "2023")


@cache
def stored(name: str) -> dict[str, Any]:
    """`numbers/<name>.json`, made by benchmarks/story_numbers.py."""
    return json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))


@cache
def sheet(name: str) -> str:
    """`numbers/<name>.png` as a data: address."""
    content = (_FOLDER / f"{name}.png").read_bytes()
    return "data:image/png;base64," + base64.b64encode(content).decode("ascii")


def start_value(language: str, subject: Subject | None = None) -> str:
    """The words of the panes, and the picture once there is one."""
    value: dict[str, Any] = {"language": language, "texts": section(language, "process")}
    if subject is not None:
        value["subject"] = subject_numbers(subject)
    return json.dumps(value, ensure_ascii=False)


def subject_numbers(subject: Subject) -> dict[str, Any]:
    """x_0, its noise and the schedule as little-endian arrays in base64."""
    from ....core.noise import NoiseSource

    x_0 = subject.x_0
    eps = NoiseSource([subject.seed]).randn(x_0.shape[1:])
    return {
        "side": x_0.shape[-1],
        "channels": x_0.shape[1],
        "seed": subject.seed,
        "betas": _packed(subject.ddpm.schedule.betas.double().numpy()),
        "x0": _packed(x_0.float().numpy()),
        "eps": _packed(eps.float().numpy()),
    }


def _packed(array: Any) -> str:  # noqa: ANN401  a NumPy array
    return base64.b64encode(array.tobytes()).decode("ascii")


def why_value(language: str) -> str:
    """For the pane "why"."""
    years = years_html(language, ("2015", "2019", "2020"))
    return json.dumps({"table": generators_html(language), "years": years}, ensure_ascii=False)


def reverse_value(language: str) -> str:
    """For the pane "reverse"."""
    film = stored("film")
    return json.dumps({"one_step": one_step_html(language, film, sheet("film-x0_hat"))})


def training_value(language: str) -> str:
    """For the pane "training"."""
    losses = dict(stored("losses"))
    losses["says"] = text(
        language,
        "process.losses_say",
        checkpoint=losses["checkpoint"],
        count=losses["num_images"],
    )
    return json.dumps({"losses": losses}, ensure_ascii=False)


def generation_value(language: str) -> str:
    """For the pane "generation"."""
    film, few = stored("film"), stored("few")
    rows = [{**row, "sheet": sheet(f"few-{row['name']}")} for row in few["rows"]]
    says = text(language, "process.few_says", checkpoint=few["checkpoint"], seed=few["seed"])
    sheets = {name: sheet(f"film-{name}") for name in ("x_t", "x0_hat")}
    return json.dumps({"film": {**film, **sheets}, "few": {**few, "rows": rows, "says": says}})


def came_value(language: str) -> str:
    """For the pane "came"."""
    return json.dumps({"cost": stored("cost"), "years": years_html(language, LATER)})


@cache
def playground_value() -> str:
    """For the pane "playground": the sets of points, the same in every language."""
    from ....process.playground import POINT_SETS, point_set

    points = {name: point_set(name).round(4).flatten().tolist() for name in POINT_SETS}
    return json.dumps({"points": points})


def pane_value(name: str, language: str) -> str:
    """The value of the pane `name`; nothing for those that need the picture alone."""
    values = {
        "why": why_value,
        "reverse": reverse_value,
        "training": training_value,
        "generation": generation_value,
        "came": came_value,
        "playground": lambda _: playground_value(),
    }
    assert language in LANGUAGES
    return values[name](language) if name in values else ""
