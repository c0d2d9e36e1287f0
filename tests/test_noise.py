"""A seed gives the same noise whatever else is in the batch."""

import pytest
import torch

from ddpm_demo.core.noise import NoiseSource, slerp
from ddpm_demo.core.seeds import MAX_SEED, apart


def test_noise_of_an_image_does_not_depend_on_its_batch():
    whole = NoiseSource.for_run(7, 5)
    first, second = whole.randn((3, 4, 4)), whole.randn((3, 4, 4))
    for i in range(5):
        alone = NoiseSource.for_run(7 + i, 1)
        assert torch.equal(alone.randn((3, 4, 4))[0], first[i])
        assert torch.equal(alone.randn((3, 4, 4))[0], second[i])
    assert not torch.equal(first[0], first[1])


def test_noise_for_another_purpose_is_other_noise():
    """torch takes the lower 32 bits of a seed on the CPU: a summand of 2^40 is no other seed."""
    shape = (1, 8, 8)
    first = NoiseSource([5]).randn(shape)
    assert torch.equal(NoiseSource([5 + 2**40]).randn(shape), first)
    seeds = {5, apart(5, "added noise"), apart(5, "weights"), apart(6, "weights")}
    assert len(seeds) == 4 and all(0 <= seed <= MAX_SEED for seed in seeds)
    assert apart(5, "weights") == apart(5, "weights")
    for seed in seeds - {5}:
        other = NoiseSource([seed]).randn(shape)
        assert abs(float((other * first).mean())) < 0.5 and not torch.equal(other, first)


def test_noise_is_standard_normal():
    draw = NoiseSource.for_run(0, 4, dtype=torch.float64).randn((1, 100, 100))
    assert draw.mean().abs() < 0.02
    assert (draw.std() - 1).abs() < 0.02


def test_slerp_has_the_right_ends_norms_and_symmetry():
    a, b = NoiseSource.for_run(0, 2, dtype=torch.float64).randn((3, 16, 16)).split(1)
    assert torch.allclose(slerp(a, b, 0.0), a)
    assert torch.allclose(slerp(a, b, 1.0), b)
    assert torch.allclose(slerp(a, b, 0.3), slerp(b, a, 0.7))
    middle = slerp(a, b, 0.5)
    expected = (a.norm() + b.norm()) / 2
    assert middle.norm() == pytest.approx(expected.item(), rel=0.02)
    assert ((a + b) / 2).norm() < 0.8 * expected  # what a straight line would give


def test_slerp_of_parallel_noise_is_the_straight_line():
    a = torch.ones(2, 3)
    assert torch.allclose(slerp(a, 2 * a, 0.5), 1.5 * a)
