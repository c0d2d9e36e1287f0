"""The checkpoints a visitor can name, and the pipeline behind each; torch comes when needed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ..checkpoints.hub import parse_hub_id
from ..checkpoints.library import RESULT_FOLDER, CheckpointInfo, find, list_checkpoints
from ..errors import UserError
from ..jobs.records import read_job
from .asking import asking

if TYPE_CHECKING:
    from ..pipeline import DDPM

_log = logging.getLogger(__name__)


def _is_theirs(info: CheckpointInfo) -> bool:
    """Whether whoever is asking may see and use it."""
    if info.source != "local" or info.folder.name != RESULT_FOLDER:
        return True
    job = read_job(info.folder.parent)
    if job is None or not job.owner or job.shared:
        return True
    who = asking()
    return who.is_owner or who.key == job.owner


class Models:
    """Names to checkpoints. What a visitor names never reaches the file system.

    Args:
        default: name of the checkpoint that is chosen when the page opens, None for the first.
        owner_folders: folders that the person who started the app gave, by name.
    """

    def __init__(self, default: str | None = None, owner_folders: Mapping[str, str] | None = None):
        self.owner_folders = dict(owner_folders or {})
        self._default = default
        self._from_hub: dict[str, CheckpointInfo] = {}

    @property
    def default(self) -> str:
        """The name that the picker starts with; "" when there is no checkpoint at all."""
        names = [info.name for info in self.infos()]
        preferred = [self._default, "faces-64", *names]
        return next((name for name in preferred if name in names), self._default or "")

    def infos(self) -> list[CheckpointInfo]:
        """The owner's checkpoints, the bundled and the fine-tuned ones; of a visitor's own results
        those of whoever is asking, and those that are shared."""
        own = [replace(find(folder), name=name) for name, folder in self.owner_folders.items()]
        return own + [
            info
            for info in list_checkpoints()
            if info.name not in self.owner_folders and _is_theirs(info)
        ]

    def info(self, name: str) -> CheckpointInfo:
        """The checkpoint called `name`; a Hub id may be downloaded first, which takes its time.

        Raises:
            UserError: there is none, or it is broken, unsafe or out of reach.
        """
        known = self.peek(name)
        if known is None:
            self._check_hidden(name)
            known = self._from_hub[name] = self._find(name, name == self._default)
        return known

    def peek(self, name: str) -> CheckpointInfo | None:
        """The same where it is known already, else None; asks no network."""
        if not isinstance(name, str):  # what a stranger's program may send
            return None
        listed = {info.name: info for info in self.infos()}
        return listed.get(name) or self._from_hub.get(name)

    def check(self, name: str) -> None:
        """Refuse a name that cannot be a checkpoint; asks no network.

        Raises:
            UserError: neither one that is known nor a Hub id.
        """
        if self.peek(name) is None:
            self._check_hidden(name)
            if parse_hub_id(name) is None:
                self._find(name, False)

    def _find(self, name: str, allow_paths: bool) -> CheckpointInfo:
        """As `library.find`, which names all checkpoints where there is none of that name."""
        try:
            return find(name, allow_paths=allow_paths)
        except UserError as error:
            if error.key != "checkpoint_unknown":
                raise
            raise self._unknown(name) from None

    def _check_hidden(self, name: str) -> None:
        """Say of others' results what is said of what is not there."""
        if any(info.name == name for info in list_checkpoints()):
            raise self._unknown(name)

    def _unknown(self, name: str) -> UserError:
        return UserError(
            "checkpoint_unknown",
            "There is no checkpoint called “{name}”; choose one of {known}, "
            "or a Hugging Face Hub id such as owner/name.",
            field="checkpoint",
            name=name[:100],
            known=", ".join(info.name for info in self.infos()),
        )

    def load(self, name: str) -> DDPM:
        """The pipeline of the checkpoint called `name`; networks stay in memory.

        Raises:
            UserError: no such checkpoint, or one that is broken or unsafe.
        """
        from ..pipeline import DDPM

        folder = self.owner_folders.get(name)
        own = folder is not None or name == self._default  # named by whoever started the app
        return DDPM.from_pretrained(folder or name, allow_paths=own)

    def warm_up(self) -> threading.Thread:
        """Load the default checkpoint and run it once, in the background; returns the thread."""
        thread = threading.Thread(target=self._warm_up, name="warm-up", daemon=True)
        thread.start()
        return thread

    def _warm_up(self) -> None:
        try:
            ddpm = self.load(self.default)
            from ..tasks.generate import GenerateRecipe

            recipe = GenerateRecipe(checkpoint=self.default, num_images=16, num_steps=2)
            next(iter(ddpm.generate(recipe)))
        except Exception:  # the first run will say what is wrong, to the person who asked for it
            _log.warning("the default checkpoint could not be warmed up", exc_info=True)
