"""The cosine transform of long pictures is that of short ones, and takes no matrix."""

import pytest
import torch

from ddpm_demo.restoration import cosine_transform
from ddpm_demo.restoration.spectrum import from_frequencies, to_frequencies


@pytest.mark.parametrize("size", [(9, 5), (5, 9), (16, 33), (1, 40)])
def test_an_fft_gives_what_a_matrix_gives(size, monkeypatch):
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    by_matrix = to_frequencies(x)
    monkeypatch.setattr(cosine_transform, "MATRIX_PX", 8)
    seen = to_frequencies(x)
    assert torch.allclose(seen, by_matrix, atol=1e-12)
    assert torch.allclose(from_frequencies(seen), x, atol=1e-12)
    single = from_frequencies(to_frequencies(x.float()))
    assert torch.allclose(single, x.float(), atol=1e-5)


def test_a_side_of_50_000_is_no_matrix_of_its_square():
    """Which would be 10 GB; a panorama of 10,000 x 300 took minutes a step."""
    x = torch.randn(1, 1, 8, 50_000)
    assert torch.allclose(from_frequencies(to_frequencies(x)), x, atol=1e-4)
