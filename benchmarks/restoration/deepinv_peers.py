"""deepinv's DDRM, DiffPIR and DPS on our network.

deepinv works in [0, 1] and knows a denoiser by its noise level, so the network is reached through
that level and never through deepinv's timesteps: `Adapter` finds our timestep for it. What else it
takes to do them justice:

* DDRM draws its noise with 1 / sqrt(2) of the standard deviation that it tells the denoiser. Two
  settings: as shipped, and told what it truly draws. Its noise levels are those of our schedule at
  evenly spaced timesteps, as published, instead of its default, which starts at sigma = 1 where
  much of a picture is still visible.
* DiffPIR hard-codes the linear schedule. Two settings: as shipped (noise levels of the linear
  schedule, which the adapter serves exactly), and with our schedule in its place. Its rho has
  sigma_y in [0, 1] units over sigma_t in [-1, 1] units: lambda is half of what it says; so 7
  stands for 3.5. Of lambda 1, 7, 30 and zeta 0.1, 0.5, 1, tried on two faces at 20 steps, zeta = 1
  was ahead on every task, and lambda = 1 where there was noise (without any it hardly matters); so
  that setting stands beside the published one. For noiseless data sigma is 0.001, as in the
  authors' code.
* DPS follows its own linear schedule in sigma; its guidance weight is tried at several values.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .cases import FACTOR, Case
from .methods import INPAINT, UPSCALE, Method
from .prior import Prior, to_tensor

NOISELESS_SIGMA = 0.001


class Adapter(nn.Module):
    """Our network as deepinv's denoiser: x = x_0 + sigma n in [0, 1] -> x_0."""

    def __init__(self, prior: Prior, factor: float = 1.0):
        super().__init__()
        self.prior = prior
        self.factor = factor

    def forward(self, x: Tensor, sigma: float | Tensor, *args: Any, **kwargs: Any) -> Tensor:
        level = 2 * self.factor * float(torch.as_tensor(sigma).flatten()[0])
        return (self.prior.posterior_mean(2 * x.float() - 1, max(level, 1e-4)) + 1) / 2


def make_physics(case: Case) -> Any:
    """The observation as deepinv's physics: both kinds by their singular values."""
    import deepinv

    sigma = (case.sigma_255 or 0) / 255 or NOISELESS_SIGMA
    noise = deepinv.physics.GaussianNoise(sigma=sigma)
    if case.mask is not None:
        known = torch.from_numpy(~case.mask).float().expand(1, 3, -1, -1).contiguous()
        return deepinv.physics.Inpainting(known.shape[1:], mask=known, noise_model=noise)
    channels = case.observed.shape[-1]
    basis = _orthonormal_with_constant(FACTOR**2)

    def v_adjoint(x: Tensor) -> Tensor:
        blocks = nn.functional.pixel_unshuffle(x, FACTOR).unflatten(1, (channels, FACTOR**2))
        return torch.einsum("kp,bcphw->bkchw", basis.to(x), blocks).flatten(1, 2)

    def v(z: Tensor) -> Tensor:
        z = z.unflatten(1, (FACTOR**2, channels))
        blocks = torch.einsum("kp,bkchw->bcphw", basis.to(z), z).flatten(1, 2)
        return nn.functional.pixel_shuffle(blocks, FACTOR)

    def u(z: Tensor) -> Tensor:
        return z[:, :channels]

    def u_adjoint(y: Tensor) -> Tensor:
        return torch.cat([y, y.new_zeros(y.shape[0], channels * (FACTOR**2 - 1), *y.shape[2:])], 1)

    height, width = case.observed.shape[:2]
    singular = torch.zeros(1, channels * FACTOR**2, height, width)
    singular[:, :channels] = 1 / FACTOR
    return deepinv.physics.DecomposablePhysics(
        U=u,
        U_adjoint=u_adjoint,
        V=v,
        V_adjoint=v_adjoint,
        mask=singular,
        img_size=(channels, FACTOR * height, FACTOR * width),
        noise_model=noise,
    )


def _orthonormal_with_constant(n: int) -> Tensor:
    """An orthonormal basis of R^n, rows, the first one constant."""
    start = torch.cat([torch.ones(n, 1), torch.eye(n)[:, 1:]], 1).double()
    q = torch.linalg.qr(start).Q.T
    return q * torch.sign(q[0, 0])


def finish(x: Tensor) -> np.ndarray:
    return 255 * x[0].permute(1, 2, 0).double().numpy()


def ddrm(num_steps: int, told_truly: bool, case: Case, prior: Prior) -> np.ndarray:
    import deepinv

    schedule = prior.denoiser.schedule
    ts = np.linspace(schedule.num_timesteps - 1, 0, num_steps)
    sigmas = [schedule.sigma(float(t)) / 2 for t in ts]
    adapter = Adapter(prior, 0.5**0.5 if told_truly else 1.0)
    model = deepinv.sampling.DDRM(denoiser=adapter, sigmas=sigmas)
    y = to_tensor(case.observed)  # a fresh one: DDRM writes into it
    return finish(model(y, make_physics(case), seed=1))


def diffpir(
    num_steps: int, lambda_: float, zeta: float, our_schedule: bool, case: Case, prior: Prior
) -> np.ndarray:
    import deepinv

    physics = make_physics(case)
    model = _diffpir_class(prior if our_schedule else None)(
        model=Adapter(prior),
        data_fidelity=deepinv.optim.data_fidelity.L2(),
        sigma=float(physics.noise_model.sigma),
        max_iter=num_steps,
        lambda_=lambda_,
        zeta=zeta,
    )
    # In float64: at the highest noise levels the weights of the proximal step differ by 1e14.
    y, physics = to_tensor(case.observed).double(), physics.double()
    x_init = physics.A_dagger(y)
    return finish(model(y, physics, seed=1, x_init=x_init).clamp(0, 1))


def _diffpir_class(prior: Prior | None) -> type:
    import deepinv

    if prior is None:
        return deepinv.sampling.DiffPIR
    betas = prior.denoiser.schedule.betas.float()

    class OnOurSchedule(deepinv.sampling.DiffPIR):
        """The two places where the linear schedule is written out."""

        def get_alpha_beta(self) -> tuple[Tensor, ...]:
            abar = prior.denoiser.schedule.alphas_cumprod
            parts = (1 - abar).sqrt(), ((1 - abar) / abar).sqrt(), abar.sqrt(), abar.rsqrt()
            return *(p.float() for p in (*parts, (1 / abar - 1).sqrt())), betas

        def get_alpha_prod(self, *args: Any) -> tuple[Tensor, Tensor]:
            return self.sqrt_recip_alphas_cumprod, self.sqrt_recipm1_alphas_cumprod

    return OnOurSchedule


def dps(num_steps: int, weight: float, case: Case, prior: Prior) -> np.ndarray:
    import deepinv

    model = deepinv.sampling.DPS(
        denoiser=Adapter(prior),
        num_steps=num_steps,
        weight=weight,
        rng=torch.Generator().manual_seed(1),
    )
    physics = make_physics(case)
    return finish(model(to_tensor(case.observed), physics, seed=1).detach().clamp(0, 1))


def methods() -> list[Method]:
    tasks = INPAINT + UPSCALE
    found = [
        Method(
            "DDRM (deepinv)",
            f"{steps} steps, " + ("told its true noise" if told else "as shipped"),
            tasks,
            partial(ddrm, steps, told),
            uses_prior=True,
        )
        for steps in (20, 100)
        for told in (False, True)
    ]
    for steps, lambda_, zeta, ours in (
        (20, 7.0, 0.3, False),
        (20, 1.0, 1.0, False),
        (20, 1.0, 1.0, True),
        (100, 1.0, 1.0, True),
    ):
        schedule = "our schedule" if ours else "as shipped"
        found.append(
            Method(
                "DiffPIR (deepinv)",
                f"{steps} steps, lambda {lambda_:g}, zeta {zeta:g}, {schedule}",
                tasks,
                partial(diffpir, steps, lambda_, zeta, ours),
                uses_prior=True,
            )
        )
    return found


def dps_methods(family: str, settings: Sequence[tuple[int, float]]) -> list[Method]:
    """DPS with (evaluations, weight)."""
    return [
        Method(
            family,
            f"{steps} steps, weight {weight:g}",
            INPAINT + UPSCALE,
            partial(dps, steps, weight),
            uses_prior=True,
        )
        for steps, weight in settings
    ]
