"""What every operator can do: A, its adjoint, its pseudo-inverse, the proximal step."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor


class Operator(ABC):
    """A linear observation y = A x_0 + n of pictures x_0 [B, C, H, W].

    Everything works on batches; an observation of batch 1 stands for the whole batch.
    """

    @abstractmethod
    def A(self, x: Tensor) -> Tensor:
        """What is observed of x [B, C, H, W] when there is no noise."""

    @abstractmethod
    def A_T(self, y: Tensor) -> Tensor:
        """The adjoint: <A x, y> = <x, A_T y>."""

    @abstractmethod
    def A_pinv(self, y: Tensor) -> Tensor:
        """The Moore-Penrose pseudo-inverse: the smallest x that explains y as well as any."""

    @abstractmethod
    def prox(self, x0: Tensor, y: Tensor, sigma_y: float, rho: float) -> Tensor:
        """argmin_x |A x - y|^2 / sigma_y^2 + |x - x0|^2 / rho^2, in closed form.

        Zhu et al. 2023 (DiffPIR, arXiv:2305.08995, eq. 12b and 13). With sigma_y = 0 it is the
        projection of x0 onto A x = y, whatever rho (Wang et al. 2022, DDNM, arXiv:2212.00490,
        eq. 10).

        Args:
            x0: [B, C, H, W].
            y: as A gives it.
            sigma_y: standard deviation of the noise in y, in the units of x; at least 0.
            rho: standard deviation of the error in x0, above 0.
        """

    def observation_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape [C, H, W] of y for pictures of that shape."""
        return image_shape


class TightOperator(Operator):
    """An operator whose A A^T is `gain` times the identity on what it observes.

    So A_pinv = A_T / gain, and the proximal step needs one A and one A_T.
    """

    gain: float = 1.0

    def A_pinv(self, y: Tensor) -> Tensor:
        return self.A_T(y) / self.gain

    def prox(self, x0: Tensor, y: Tensor, sigma_y: float, rho: float) -> Tensor:
        share = self.gain * rho**2 / (self.gain * rho**2 + sigma_y**2)
        return x0 + share * self.A_pinv(y - self.A(x0))
