"""What the tab looks at: a picture as the loaded checkpoint's network sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import gradio as gr

from ...components.notice import notice_html
from ...context import Update
from ...errors import sentence
from ...models import Models
from ...restoration.pictures import load_picture

if TYPE_CHECKING:
    from torch import Tensor

    from ....pipeline import DDPM


@dataclass(frozen=True)
class Subject:
    """A loaded checkpoint and a picture for it.

    Args:
        ddpm: the checkpoint.
        x_0: [1, C, H, W] in [-1, 1], at the checkpoint's size, on the CPU.
        seed: of all noise.
    """

    ddpm: DDPM
    x_0: Tensor
    seed: int


def subject_of(models: Models, checkpoint: str, image: str | None, seed: float | None) -> Subject:
    """The subject that the controls name.

    Raises:
        UserError: no such checkpoint, no picture or none that can be read, a seed out of range.
    """
    from ....core.seeds import MAX_SEED
    from ....errors import check_range
    from ....recipes.prior import own_size_px, square

    # An empty seed is a new one for what is made anew; the story's own noise stays the same.
    seed = 0 if seed is None else seed
    check_range("seed", seed, 0, MAX_SEED)
    models.check(checkpoint or "")
    ddpm = models.load(checkpoint)
    picture = _picture(image) if image else load_picture(None)
    size_px = own_size_px(ddpm.info, [picture])
    return Subject(ddpm, square(picture, size_px, ddpm.denoiser.channels), int(seed))


@lru_cache(maxsize=16)
def _picture(path: str) -> Any:  # noqa: ANN401  a PIL picture
    # Gradio names uploads by their content, so that a path always means the same picture.
    return load_picture(path)


def or_sentence(
    make: Callable[[], Sequence[Update]], num_outputs: int, language: str
) -> list[Update]:
    """[notice, *what `make` returns]; after an error the sentence, and the rest as it was."""
    try:
        return ["", *make()]
    except Exception as error:
        return [notice_html(sentence(error, language)), *[gr.skip()] * num_outputs]
