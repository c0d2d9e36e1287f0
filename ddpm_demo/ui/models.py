"""The checkpoints a visitor can name, and the pipeline behind each; torch comes when needed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..checkpoints import CheckpointInfo, find, list_checkpoints

if TYPE_CHECKING:
    from ..pipeline import DDPM

_log = logging.getLogger(__name__)


class Models:
    """Names to checkpoints. What a visitor names never reaches the file system.

    Args:
        default: name of the checkpoint that is chosen when the page opens, None for the first.
        owner_folders: folders that the person who started the app gave, by name.
    """

    def __init__(self, default: str | None = None, owner_folders: Mapping[str, str] | None = None):
        self.owner_folders = dict(owner_folders or {})
        self._default = default

    @property
    def default(self) -> str:
        """The name that the picker starts with; "" when there is no checkpoint at all."""
        names = [info.name for info in self.infos()]
        preferred = [self._default, "faces-64", *names]
        return next((name for name in preferred if name in names), self._default or "")

    def infos(self) -> list[CheckpointInfo]:
        """The owner's checkpoints, the bundled and the fine-tuned ones."""
        own = [find(folder) for folder in self.owner_folders.values()]
        names = {info.name for info in own}
        return own + [info for info in list_checkpoints() if info.name not in names]

    def info(self, name: str | None) -> CheckpointInfo:
        """The checkpoint called `name`.

        Raises:
            UserError: there is none.
        """
        folder = self.owner_folders.get(name or "")
        return find(folder) if folder else find(name or "", allow_paths=False)

    def load(self, name: str) -> DDPM:
        """The pipeline of the checkpoint called `name`; networks stay in memory.

        Raises:
            UserError: no such checkpoint, or one that is broken or unsafe.
        """
        from ..pipeline import DDPM

        folder = self.owner_folders.get(name)
        return DDPM.from_pretrained(folder or name, allow_paths=folder is not None)

    def warm_up(self) -> threading.Thread:
        """Load the default checkpoint and run it once, in the background; returns the thread."""
        thread = threading.Thread(target=self._warm_up, name="warm-up", daemon=True)
        thread.start()
        return thread

    def _warm_up(self) -> None:
        try:
            ddpm = self.load(self.default)
            from ..recipes import GenerateRecipe

            recipe = GenerateRecipe(checkpoint=self.default, num_images=16, num_steps=2)
            next(iter(ddpm.generate(recipe)))
        except Exception:  # the first run will say what is wrong, to the person who asked for it
            _log.warning("the default checkpoint could not be warmed up", exc_info=True)
