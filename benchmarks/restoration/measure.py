"""Running a method on a case and judging it; rows of one process."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from ddpm_demo.evaluation.features import load_extractor
from ddpm_demo.evaluation.photos import score

from .cases import Case, to_bytes
from .methods import Method
from .prior import Prior


@dataclass(frozen=True)
class Job:
    """One row to measure, and the key that it is kept under."""

    method: Method
    case: Case
    key: str


def key(method: Method, case: Case, weight_hash: str) -> str:
    prior = weight_hash if method.uses_prior else "no prior"
    return " | ".join((case.kind, case.task, case.name, method.family, method.setting, prior))


def measure(jobs: Sequence[Job], prior: Prior | None, out: Path) -> Iterator[dict[str, Any]]:
    """One row a job, as JSON values; the restored picture goes to a file in `out`."""
    for job in jobs:
        case, method = job.case, job.method
        pixels = case.clean.shape[0] * case.clean.shape[1]
        if prior:
            prior.counter.take(pixels)
        before = _reset_peak()
        wall, cpu = time.perf_counter(), time.process_time()
        restored = to_bytes(method.run(case, prior))
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        peak = _memory("VmHWM")
        if case.mask is not None:
            # What is known stays as it was for everybody, which only helps those that move it.
            restored = np.where(case.mask[..., None], restored, case.clean)
        quality = score(method.family, case.name, case.sigma_255 or 0, case.clean, restored)
        file = out / "pictures" / f"{job.key.replace(' | ', '/').replace(' ', '_')}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(restored).save(file)
        yield {
            "key": job.key,
            "kind": case.kind,
            "task": case.task,
            "name": case.name,
            "family": method.family,
            "setting": method.setting,
            "psnr_db": quality.psnr_db,
            "ssim": quality.ssim,
            "feature_distance": feature_distance(case.clean, restored),
            "evaluations": prior.counter.take(pixels) if prior and method.uses_prior else 0,
            "seconds": wall,
            "cpu_seconds": cpu,
            "megabytes": None if before is None or peak is None else (peak - before) / 1024,
        }


def feature_distance(clean: np.ndarray, restored: np.ndarray) -> float:
    """|f(restored) - f(clean)| / |f(clean)|, f the pooled features of EfficientNet-Lite0."""
    a = _features(clean.tobytes(), clean.shape)
    return float((a - _extractor()(restored[None])[0]).norm() / a.norm())


@lru_cache(maxsize=64)
def _features(pixels: bytes, shape: tuple[int, ...]) -> torch.Tensor:
    return _extractor()(np.frombuffer(pixels, np.uint8).reshape(1, *shape))[0]


@lru_cache(maxsize=1)
def _extractor() -> Any:
    return load_extractor("efficientnet-lite0")


def _memory(field: str) -> int | None:
    """Of this process, in kB; None where there is no /proc."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1])
    return None


def _reset_peak() -> int | None:
    """Memory now, in kB, the peak set back to it; None where that cannot be done."""
    _extractor()  # not part of anybody's memory
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
        return _memory("VmRSS")
    return None


def one_thread() -> None:
    """So that CPU seconds are what one core takes, also where others use the machine."""
    torch.set_num_threads(1)
    with contextlib.suppress(ImportError):
        import cv2

        cv2.setNumThreads(1)
