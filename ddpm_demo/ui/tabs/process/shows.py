"""Links from a place in the story to the tab that does what is told there, its recipe set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from ....texts import text

# The checkpoint, seed and noise of the stored pictures beside the text.
_STORED = {"checkpoint": "faces-64", "seed": 7, "num_images": 4}
_PHOTO = {"checkpoint": "photos", "seed": 7}


@dataclass(frozen=True)
class Show:
    """A link.

    Args:
        words: key of its text, "process.<words>".
        tab: that it opens.
        values: what the recipe of that tab's task says beside its defaults; none to open only.
    """

    words: str
    tab: str
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The link's address: the tab, and after a "?" the fields of its task's recipe."""
        return f"#{self.tab}?{urlencode(self.values)}" if self.values else f"#{self.tab}"


def _generate(words: str, sampler: str, num_steps: int, **more: float) -> Show:
    return Show(words, "generate", {**_STORED, "sampler": sampler, "num_steps": num_steps, **more})


SHOWS: dict[str, tuple[Show, ...]] = {
    "training_1": (Show("show_finetune", "finetune"),),
    "generation_1": (_generate("show_ddpm", "ddpm", 100),),
    "generation_2": (
        _generate("show_ddim", "ddim", 20),
        _generate("show_eta", "ddim", 50, eta=0.5),
    ),
    "generation_3": (_generate("show_dpmpp", "dpmpp_2m", 20),),
    "came_1": (_generate("show_langevin", "langevin", 20),),
    "came_2": (
        Show(
            "show_one_step",
            "generate",
            {**_STORED, "checkpoint": "fashion-32-fast", "num_steps": 1},
        ),
        Show("show_denoise", "denoise", _PHOTO),
        Show("show_inpaint", "inpaint", _PHOTO),
        Show("show_upscale", "upscale", _PHOTO),
    ),
}


def shows_of(key: str, language: str) -> str:
    """Markdown of the links that follow the beat `key`; nothing where there are none."""
    links = [
        f"[{text(language, f'process.{show.words}')}]({show.address})"
        for show in SHOWS.get(key, ())
    ]
    if not links:
        return ""
    return text(language, "process.show_me", links=text(language, "process.show_join").join(links))
