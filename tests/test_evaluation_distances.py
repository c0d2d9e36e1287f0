"""KID, FID, precision, recall and nearest neighbours against what can be worked out by hand."""

import math

import numpy as np
import pytest
import torch

from ddpm_demo.evaluation.distances import fid, inside, kid, precision_recall
from ddpm_demo.evaluation.neighbours import memorisation
from ddpm_demo.training import nearest as search
from ddpm_demo.training.nearest import nearest


def normal(count, dims=8, seed=0, shift=0.0):
    return torch.randn(count, dims, generator=torch.Generator().manual_seed(seed)) + shift


def test_kid_is_the_unbiased_estimate_with_a_cubic_kernel():
    x, y = normal(30).double(), normal(30, seed=1, shift=0.5).double()

    def kernel(a, b):
        return (a @ b.T / 8 + 1) ** 3

    def off_diagonal(k):
        return (k.sum() - k.diagonal().sum()) / (30 * 29)

    expected = off_diagonal(kernel(x, x)) + off_diagonal(kernel(y, y)) - 2 * kernel(x, y).mean()
    found = kid(x.float(), y.float())
    assert found.mean == pytest.approx(float(expected), rel=1e-4)
    assert (found.std, found.num_subsets, found.subset_size) == (0, 1, 30)


def test_kid_knows_equal_distributions_from_others(monkeypatch):
    monkeypatch.setattr("ddpm_demo.evaluation.distances.KID_SUBSET_SIZE", 200)
    same = kid(normal(600), normal(600, seed=1))
    other = kid(normal(600), normal(600, seed=1, shift=0.3))
    assert abs(same.mean) < 0.02 < 5 * 0.02 < other.mean
    assert same.subset_size == 200 and same.std > 0


def test_kid_draws_its_subsets_by_its_own_seed(monkeypatch):
    monkeypatch.setattr("ddpm_demo.evaluation.distances.KID_SUBSET_SIZE", 50)
    x, y = normal(120), normal(120, seed=1)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = kid(x, y, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    assert kid(x, y, seed=3) == first != kid(x, y, seed=4)


def test_fid_of_a_shifted_and_of_a_scaled_set():
    x = normal(400)
    assert fid(x, x) == pytest.approx(0, abs=1e-4)
    assert fid(x, x + 0.5) == pytest.approx(8 * 0.25, rel=1e-4)
    # Covariances S and 4 S: trace (S + 4 S - 2 * 2 S) = trace S.
    mean = x.mean(0)
    assert fid(x, mean + 2 * (x - mean)) == pytest.approx(float(x.T.cov().trace()), rel=1e-4)


def test_precision_and_recall_of_sets_on_a_line():
    line = torch.arange(10.0)[:, None]
    # With k = 1 a ball reaches to the neighbour, 1 away.
    points = torch.tensor([[4.5], [10.0], [10.1], [-1.0], [50.0]])
    assert inside(points, line, 1) == pytest.approx(3 / 5)
    assert inside(points, line, 1, chunk=2) == pytest.approx(3 / 5)
    # With k = 3 a point at an end reaches 3 away, the next one 2.
    assert inside(torch.tensor([[12.0], [12.1]]), line, 3) == pytest.approx(1 / 2)


def test_precision_and_recall_tell_poor_samples_from_missing_ones():
    real = normal(400)
    assert precision_recall(real, real) == (1, 1)
    assert precision_recall(real, real + 100) == (0, 0)
    narrow = normal(400, seed=1) * 0.3  # typical pictures only
    precision, recall = precision_recall(real, narrow)
    assert precision > 0.95 and recall < 0.3
    wide = normal(400, seed=1) * 3  # everything, and much nonsense besides
    precision, recall = precision_recall(real, wide)
    assert precision < 0.3 and recall > 0.95


def test_precision_and_recall_compare_equal_numbers():
    real, fake = normal(300), normal(100, seed=1)
    assert precision_recall(real, fake) == precision_recall(real[:100], fake)
    assert precision_recall(fake, real) == precision_recall(fake, real[:100])


@pytest.mark.parametrize("kind", ["float", "uint8", "memory map"])
def test_the_nearest_are_those_of_all_pairs(kind, monkeypatch, tmp_path):
    monkeypatch.setattr(search, "CHUNK_VALUES", 7 * 48)  # chunks that do not divide the sets
    rng = np.random.default_rng(0)
    base = rng.integers(0, 256, (40, 4, 4, 3), dtype=np.uint8)
    queries = rng.integers(0, 256, (15, 4, 4, 3), dtype=np.uint8)
    queries[3], queries[8] = base[39], base[0]
    if kind == "float":
        base, queries = torch.from_numpy(base).float(), torch.from_numpy(queries).float()
    if kind == "memory map":
        np.save(tmp_path / "base.npy", base)
        base = np.load(tmp_path / "base.npy", mmap_mode="r")
    told = []
    distance, index = nearest(queries, base, told.append)
    flat = [torch.from_numpy(np.asarray(x).astype(float)).flatten(1) for x in (queries, base)]
    pairs = torch.cdist(*flat, compute_mode="donot_use_mm_for_euclid_dist") / math.sqrt(48)
    expected = pairs.min(1)
    torch.testing.assert_close(distance, expected.values)
    assert torch.equal(index, expected.indices)
    assert distance[3] == 0 == distance[8]
    assert told[-1] == 40 and told == sorted(told)


def test_a_network_that_copies_is_seen():
    train, heldout = normal(2000), normal(500, seed=1)
    honest = memorisation(normal(500, seed=2), heldout, train)
    assert 0.9 < honest.ratio < 1.1 and honest.near_share < 0.05
    assert (honest.num_samples, honest.num_heldout, honest.num_train) == (500, 500, 2000)
    assert honest.ratio == pytest.approx(honest.samples_median / honest.heldout_median)
    copies = memorisation(train[:500] + 0.01, heldout, train)
    assert copies.ratio < 0.1 and copies.near_share == 1
    # A few copies among honest samples move no median, but show all the same.
    few = torch.cat([normal(480, seed=2), train[100:120]])
    some = memorisation(few, heldout, train)
    assert some.ratio > 0.9 and some.near_share >= 0.04
    assert {(i - 480, j - 100) for i, j, _ in some.nearest} <= {(k, k) for k in range(20)}
    assert len(some.nearest) == 8 and all(distance == 0 for _, _, distance in some.nearest)
