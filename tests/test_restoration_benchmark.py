"""The benchmark of restoration, without its peers: what it measures and what it shows."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

from restoration import cases, deepinv_peers, tables  # noqa: E402
from restoration.prior import Counter  # noqa: E402


def picture(seed: int = 0, size_px: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size_px, size_px, 3), dtype=np.uint8)


def test_every_task_is_there_and_hides_what_it_says():
    made = {case.task: case for case in cases.make_cases("faces", {"a": picture()})}
    assert len(made) == 11
    for task, case in made.items():
        assert case.observed.dtype == np.uint8
        if case.mask is not None:
            known = ~case.mask
            assert (case.observed[known] == case.clean[known]).all()
            assert not case.observed[case.mask].any()
        assert (case.sigma_255 is None) == task.endswith("blind")
    assert made["inpaint scattered"].mask.mean() == pytest.approx(0.7, abs=1e-3)
    assert made["inpaint box"].mask.mean() == 0.25
    assert 0.05 < made["inpaint text"].mask.mean() < 0.6
    noise = made["denoise 15"].observed.astype(float) - made["denoise 15"].clean
    assert 10 < noise.std() < 16  # clipped, so a little less than 15
    assert (made["denoise 15"].observed == made["denoise 15, blind"].observed).all()


def test_reduced_pictures_are_means_of_four_by_four():
    clean = picture()
    small = cases.reduce(clean)
    assert small[2, 3, 1] == clean[8:12, 12:16, 1].mean()


def test_basis_of_the_peers_is_orthonormal_and_starts_with_the_mean():
    basis = deepinv_peers._orthonormal_with_constant(16)
    torch.testing.assert_close(basis @ basis.T, torch.eye(16, dtype=torch.float64))
    torch.testing.assert_close(basis[0], torch.full((16,), 0.25, dtype=torch.float64))


def test_evaluations_are_counted_in_pictures():
    network = torch.nn.Conv2d(3, 3, 1)
    counter = Counter(network)
    network(torch.zeros(4, 3, 8, 8))
    network(torch.zeros(1, 3, 4, 8))
    assert counter.take(64) == 4.5
    assert counter.take(64) == 0


def row(family: str, setting: str, name: str, psnr_db: float) -> dict:
    return {
        "kind": "faces",
        "task": "x4",
        "name": name,
        "family": family,
        "setting": setting,
        "psnr_db": psnr_db,
        "ssim": 0.9,
        "feature_distance": 0.5,
        "evaluations": 20,
        "cpu_seconds": 1.0,
        "megabytes": None,
    }


def test_a_peer_is_shown_at_its_best_and_ours_at_its_default():
    rows = [
        row("peer", "weak", "a", 20.0),
        row("peer", "strong", "a", 25.0),
        row("ours, faithful", "100 steps", "a", 40.0),
        row("ours, faithful", "defaults", "a", 24.0),
        row("ours, sharp", "defaults", "a", 23.0),
    ]
    table = tables.task_table(rows)
    assert "strong" in table and "weak" not in table
    assert "defaults" in table and "100 steps" not in table
    assert "-1.00 dB" in table
    assert "| peer | -1.00 |" in tables.summary(rows)


def test_the_margin_is_that_on_common_pictures():
    ours = [row("ours, faithful", "defaults", "a", 30.0), row("ours, faithful", "d", "b", 20.0)]
    assert tables.margin(ours, [row("peer", "s", "b", 19.0)]) == 1.0
    assert np.isnan(tables.margin(ours, [row("peer", "s", "c", 19.0)]))
