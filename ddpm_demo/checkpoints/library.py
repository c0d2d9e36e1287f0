"""Checkpoints: find them by name, describe them, load them.

A name is looked up among the bundled and fine-tuned folders, then as a path, then as a Hub id with
an optional @revision. Only safetensors weights are read; see `safety` for what is refused.
Describing a checkpoint does not import torch.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ..errors import UserError
from .hub import fetch, parse_hub_id
from .model_card import LearnedSteps, read_model_card
from .safety import GUIDE_FOLDER, CheckpointFiles, check_folder, looks_like_checkpoint
from .weights import HASH_DIGITS, build

if TYPE_CHECKING:
    import torch
    from diffusers import UNet2DModel

Source = Literal["bundled", "local", "hub"]

ROOT = Path(__file__).resolve().parents[2]
BUNDLED_FOLDER = ROOT / "checkpoints"
# On a Space, DDPM_DEMO_RUNS names the storage that outlives a restart.
RUNS_FOLDER = Path(os.environ.get("DDPM_DEMO_RUNS") or ROOT / "runs").absolute()
RESULT_FOLDER = "result"  # where a training run leaves its checkpoint, inside the run's folder
EXTRA_FOLDERS_VARIABLE = "DDPM_DEMO_CHECKPOINTS"
MAX_LOADED = 3

# What programs are told of a checkpoint: its pictures, what to ask it for, where it comes from.
_BRIEF = (
    *("name", "title", "size_px", "channels", "prior"),
    *("default_sampler", "default_num_steps"),
    *("license", "data", "samples_seen", "num_parameters", "weight_hash"),
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CheckpointInfo:
    """What the doors need to know of a checkpoint.

    Args:
        name: what to call it at every door: a listed name, a path, or a Hub id.
        title, title_zh: for people; `title_zh` equals `title` when the card has no Chinese one.
        folder: where its files lie.
        size_px: side of the square pictures it makes.
        channels: 1 grey, 3 colour.
        prior: "object" (whole things at their own size) or "photo" (texture, any size).
        default_sampler, default_num_steps: what suits it.
        license, data: of the weights and of what they were trained on; "" when not known.
        samples_seen: pictures seen in training; None when not known.
        num_parameters: of the network.
        weight_hash: first 12 hex digits of the SHA-256 of the weights file.
        source: "bundled", "local" (fine-tuned or a path) or "hub".
        tile_px, overlap_px: tiles that suit a photo prior; None for none.
        learned_steps: timesteps by sampler and number of steps, see `samplers.timesteps`.
        made_for_steps: the only numbers of steps that it was made for, see
            `samplers.table.few_steps_of`; empty for any.
        has_guide: whether a weaker version of it lies in its folder, see `core.autoguidance`.
        guidance_min_sigma: the noise level from which on to be steered away from that.
    """

    name: str
    title: str
    title_zh: str
    folder: Path
    size_px: int
    channels: int
    prior: str
    default_sampler: str
    default_num_steps: int
    license: str
    data: str
    samples_seen: int | None
    num_parameters: int
    weight_hash: str
    source: Source
    tile_px: int | None = None
    overlap_px: int | None = None
    learned_steps: LearnedSteps = field(default_factory=dict)
    made_for_steps: tuple[int, ...] = ()
    has_guide: bool = False
    guidance_min_sigma: float = 0.0

    def public(self) -> dict[str, Any]:
        """The description as JSON values, without where it lies on this machine."""
        values = asdict(self)
        del values["folder"]
        return values

    def title_in(self, language: str) -> str:
        """For people who read "en" or "zh-CN"."""
        return self.title_zh if language == "zh-CN" else self.title

    def brief(self) -> dict[str, Any]:
        """As `public`, but for what is of use to this program alone."""
        return {name: getattr(self, name) for name in _BRIEF}


class LoadedCheckpoint(NamedTuple):
    """A network in eval mode and float32, its scheduler's config, and its description."""

    unet: UNet2DModel
    scheduler_config: dict[str, Any]
    info: CheckpointInfo


def list_checkpoints() -> list[CheckpointInfo]:
    """The bundled checkpoints, then the fine-tuned ones; broken ones are left out."""
    found: dict[str, CheckpointInfo] = {}
    for name, folder, source in _named_folders():
        try:
            found.setdefault(name, _describe(name, folder, source)[0])
        except UserError as error:
            _log.warning("checkpoint %s is left out: %s", name, error)
    return list(found.values())


def find(name: str, *, allow_paths: bool = True) -> CheckpointInfo:
    """The description of the checkpoint called `name`.

    Args:
        name: bundled or fine-tuned name, a folder, or a Hub id "owner/name[@revision]".
        allow_paths: False for names from a web visitor, which never reach the file system, and
            for which the Hub is asked without the token of whoever runs the program.

    Raises:
        UserError: there is none, or it is broken, unsafe or out of reach.
    """
    return _find(name, allow_paths)[0]


def load(
    name: str, device: torch.device | str = "cpu", *, allow_paths: bool = True
) -> LoadedCheckpoint:
    """The network called `name`, on `device`; a few are kept in memory, each one only once.

    Args:
        name, allow_paths: as for `find`.
        device: where the weights go.

    Raises:
        UserError: as for `find`; also when weights and config do not belong together.
    """
    return _load(*_find(name, allow_paths), device)


def load_guide(info: CheckpointInfo, device: torch.device | str = "cpu") -> LoadedCheckpoint:
    """The weaker version that a checkpoint ships with, on `device`.

    Raises:
        UserError: it has none, or one that is broken or unsafe.
    """
    if not info.has_guide:
        # Not those that visitors have trained.
        bundled = (one for one in list_checkpoints() if one.source == "bundled")
        known = [one.name for one in bundled if one.has_guide]
        raise UserError(
            "guide_missing",
            "The checkpoint “{name}” comes without a weaker version of itself to be steered "
            "away from; set the guidance to 1, or choose one of {known}.",
            field="guidance",
            name=info.name,
            known=", ".join(known) or "–",
        )
    return _load(*_describe(info.name, info.folder / GUIDE_FOLDER, info.source), device)


def _load(
    info: CheckpointInfo, files: CheckpointFiles, device: torch.device | str
) -> LoadedCheckpoint:
    from ..core.denoiser import ready_for_inference

    key = (str(info.folder), info.weight_hash, str(device))
    with _lock:
        unet = _loaded.get(key)
        if unet is None:
            unet = ready_for_inference(build(files, info.weight_hash, device))
            _loaded[key] = unet
        _loaded.move_to_end(key)
        while len(_loaded) > MAX_LOADED:
            _loaded.popitem(last=False)
    return LoadedCheckpoint(unet, dict(files.scheduler_config), info)


_loaded: OrderedDict[tuple[str, str, str], UNet2DModel] = OrderedDict()
_lock = threading.Lock()


def _named_folders() -> Iterator[tuple[str, Path, Source]]:
    """(name, folder, source) of everything that looks like a checkpoint in the known places."""
    extra = os.environ.get(EXTRA_FOLDERS_VARIABLE, "").split(os.pathsep)
    roots: list[tuple[Path, Source]] = [(BUNDLED_FOLDER, "bundled"), (RUNS_FOLDER, "local")]
    roots += [(Path(folder).expanduser(), "local") for folder in extra if folder]
    for root, source in roots:
        children = sorted(root.iterdir()) if root.is_dir() else []
        for child in children:
            for folder in (child, child / RESULT_FOLDER):
                if child.is_dir() and looks_like_checkpoint(folder):
                    yield child.name, folder, source
                    break


def _find(name: str, allow_paths: bool) -> tuple[CheckpointInfo, CheckpointFiles]:
    for known, folder, source in _named_folders():
        if known == name:
            return _describe(name, folder, source)
    if allow_paths and (folder := _existing_path(name)):
        if not folder.is_dir():
            raise UserError(
                "checkpoint_is_file",
                "“{name}” is a file; give the checkpoint's folder instead.",
                field="checkpoint",
                name=name,
            )
        return _describe(name, folder, "local")
    hub_id = parse_hub_id(name)
    if hub_id is None:
        raise UserError(
            "checkpoint_unknown",
            "There is no checkpoint called “{name}”; choose one of {known}, "
            "or a Hugging Face Hub id such as owner/name.",
            field="checkpoint",
            name=name[:100],
            known=", ".join(dict.fromkeys(known for known, _, _ in _named_folders())),
        )
    return _describe(name, fetch(*hub_id, anonymous=not allow_paths), "hub")


def _existing_path(name: str) -> Path | None:
    try:
        path = Path(name).expanduser().resolve()
        return path if path.exists() else None
    except (OSError, RuntimeError, ValueError):  # too long, no such home, a null byte
        return None


def _describe(name: str, folder: Path, source: Source) -> tuple[CheckpointInfo, CheckpointFiles]:
    files = check_folder(folder)
    card = read_model_card(folder)
    title = card.title or (folder.name if source == "local" else name)
    info = CheckpointInfo(
        name=name,
        title=title,
        title_zh=card.title_zh or title,
        folder=folder,
        size_px=card.size_px or _native_size(files.unet_config),
        channels=files.unet_config.get("in_channels", 3),
        prior=card.prior,
        default_sampler=card.default_sampler,
        default_num_steps=card.default_num_steps,
        license=card.license,
        data=card.data,
        samples_seen=card.samples_seen,
        num_parameters=files.num_parameters,
        weight_hash=_weight_hash(files.weights),
        source=source,
        tile_px=card.tile_px,
        overlap_px=card.overlap_px,
        learned_steps=card.learned_steps,
        made_for_steps=card.made_for_steps,
        has_guide=looks_like_checkpoint(folder / GUIDE_FOLDER),
        guidance_min_sigma=card.guidance_min_sigma,
    )
    return info, files


def _native_size(unet_config: dict[str, Any]) -> int:
    size = unet_config.get("sample_size")
    return size[0] if isinstance(size, list) else size or 64


def _weight_hash(weights: Path) -> str:
    stat = weights.stat()
    return _hash_file(weights, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _hash_file(path: Path, size: int, modified_ns: int) -> str:  # the last two void the cache
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:HASH_DIGITS]
