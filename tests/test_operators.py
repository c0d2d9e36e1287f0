"""Operators against dense matrices in float64; the conditional denoiser against Bayes."""

import pytest
import torch

from ddpm_demo.restoration.operators import (
    AveragePool,
    Blur,
    Grey,
    Identity,
    Mask,
    gaussian_kernel,
    motion_kernel,
)

SHAPE = (3, 8, 12)
SIZE = 3 * 8 * 12


def random_mask():
    generator = torch.Generator().manual_seed(3)
    return (torch.rand(1, 1, *SHAPE[1:], generator=generator) < 0.4).double()


OPERATORS = {
    "identity": Identity(),
    "mask": Mask(random_mask()),
    "empty mask": Mask(torch.zeros(1, 1, *SHAPE[1:], dtype=torch.float64)),
    "full mask": Mask(torch.ones(1, 1, *SHAPE[1:], dtype=torch.float64)),
    "average": AveragePool(4),
    "average of one": AveragePool(1),
    "grey": Grey(),
    "mean of channels": Grey((1 / 3, 1 / 3, 1 / 3)),
    "gaussian blur": Blur(gaussian_kernel(0.8)),
    "wide blur": Blur(gaussian_kernel(4.0)),
    "motion blur": Blur(motion_kernel(5, 30)),
}


def dense(operator):
    """A as a matrix [number observed, SIZE]."""
    return operator.A(torch.eye(SIZE, dtype=torch.float64).view(SIZE, *SHAPE)).flatten(1).T


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture(params=OPERATORS)
def operator(request):
    return OPERATORS[request.param]


def test_the_observation_has_the_shape_announced(operator):
    assert operator.A(draw(2, *SHAPE)).shape[1:] == operator.observation_shape(SHAPE)


def test_the_adjoint_is_the_transposed_matrix(operator):
    matrix = dense(operator)
    y = draw(2, *operator.observation_shape(SHAPE))
    torch.testing.assert_close(operator.A_T(y).flatten(1), y.flatten(1) @ matrix)


def test_the_pseudo_inverse_is_that_of_the_matrix(operator):
    matrix = dense(operator)
    y = draw(2, *operator.observation_shape(SHAPE))
    # The same cut-off as `Blur`: what a kernel all but removes is not brought back.
    inverse = torch.linalg.pinv(matrix, rtol=0, atol=1e-3)
    torch.testing.assert_close(operator.A_pinv(y).flatten(1), y.flatten(1) @ inverse.T)


def test_what_is_seen_of_the_pseudo_inverse_is_what_was_seen(operator):
    """A A_pinv A = A, up to the frequencies that a blur removes."""
    y = operator.A(draw(2, *SHAPE))
    atol = 5e-3 if isinstance(operator, Blur) else 1e-12
    torch.testing.assert_close(operator.A(operator.A_pinv(y)), y, rtol=0, atol=atol)


@pytest.mark.parametrize("sigma_y", [0.05, 1.0])
@pytest.mark.parametrize("rho", [0.1, 2.0])
def test_the_proximal_step_solves_the_normal_equations(operator, sigma_y, rho):
    matrix = dense(operator)
    x0, y = draw(2, *SHAPE), draw(2, *operator.observation_shape(SHAPE), seed=1)
    left = matrix.T @ matrix / sigma_y**2 + torch.eye(SIZE, dtype=torch.float64) / rho**2
    right = y.flatten(1) @ matrix / sigma_y**2 + x0.flatten(1) / rho**2
    expected = torch.linalg.solve(left, right.T).T
    torch.testing.assert_close(operator.prox(x0, y, sigma_y, rho).flatten(1), expected)


def test_without_noise_the_proximal_step_is_the_projection(operator):
    """x0 - A_pinv A x0 + A_pinv y, whatever rho."""
    x0, y = draw(2, *SHAPE), operator.A(draw(2, *SHAPE, seed=1))
    expected = x0 - operator.A_pinv(operator.A(x0)) + operator.A_pinv(y)
    torch.testing.assert_close(operator.prox(x0, y, 0.0, 0.3), expected)
    torch.testing.assert_close(operator.prox(x0, y, 0.0, 30.0), expected)


def test_one_observation_serves_a_whole_batch(operator):
    x0, y = draw(4, *SHAPE), draw(1, *operator.observation_shape(SHAPE))
    for sigma_y in (0.0, 0.2):
        together = operator.prox(x0, y, sigma_y, 0.5)
        apart = [operator.prox(x[None], y, sigma_y, 0.5) for x in x0]
        torch.testing.assert_close(together, torch.cat(apart))


def test_average_is_what_pillow_calls_a_box_reduction():
    import numpy as np
    from PIL import Image

    values = np.arange(64, dtype=np.float32).reshape(8, 8) ** 1.5
    reduced = np.asarray(Image.fromarray(values).reduce(4))
    mine = AveragePool(4).A(torch.from_numpy(values)[None, None])[0, 0]
    torch.testing.assert_close(mine, torch.from_numpy(reduced.copy()))


@pytest.mark.parametrize("kernel", [gaussian_kernel(2.0), motion_kernel(9, 20)])
def test_kernels_sum_to_one_around_their_middle(kernel):
    assert kernel.sum() == pytest.approx(1)
    assert (kernel >= 0).all()
    places = torch.arange(len(kernel), dtype=torch.float64) - len(kernel) // 2
    assert (kernel.sum(1) * places).sum() == pytest.approx(0, abs=1e-9)
    assert (kernel.sum(0) * places).sum() == pytest.approx(0, abs=1e-9)


def test_kernels_are_as_wide_as_asked():
    places = torch.arange(-8, 9, dtype=torch.float64)
    gaussian = gaussian_kernel(2.0).sum(0)
    assert ((gaussian * places**2).sum()) ** 0.5 == pytest.approx(2.0, rel=0.01)
    stroke = motion_kernel(12, 90)
    assert stroke.sum(0).count_nonzero() == 1  # upright: one column
    assert 12 <= stroke.sum(1).count_nonzero() <= 13


def test_a_blur_wider_than_the_picture_wraps_around():
    x = draw(1, 1, 4, 5)
    kernel = gaussian_kernel(3.0)
    half = len(kernel) // 2
    expected = torch.zeros_like(x)
    for i in range(len(kernel)):
        for j in range(len(kernel)):
            expected += kernel[i, j] * x.roll((i - half, j - half), (-2, -1))
    torch.testing.assert_close(Blur(kernel).A(x), expected)
