"""The loss of a step: what the network shall predict, and how much each timestep counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from ..core.schedule import Schedule

Predict = Callable[[Tensor, Tensor], Tensor]
# Of a step's timesteps, where the others follow a distribution of noise levels.
UNIFORM_SHARE = 0.25
Others = Mapping[str, tuple[nn.Module, torch.optim.Optimizer]]


class StepLoss(Protocol):
    """What a run learns: `Objective`, `consistency` or `adversarial`."""

    def batch_loss(
        self, predict: Predict, x_0: Tensor, t: Tensor, noise: Tensor, step: int
    ) -> Tensor:
        """The loss of a step, a scalar.

        Args:
            predict: the network's output for (x_t, t), the same dropout at each call.
            x_0, noise: [B, C, H, W].
            t: int64 [B] in [0, T - 1], uniform and stratified over the batch.
            step: of training.
        """
        ...

    def others(self) -> Others:
        """What is trained beside the network, by name, so that a run can go on with it."""
        ...


class Objective:
    """Weighted squared error of what the network predicts over a batch of timesteps.

    Args:
        schedule: alphas_cumprod.
        prediction_type: "v_prediction", "epsilon" or "sample", which is x_0.
        snr_gamma: Min-SNR (Hang et al. 2023, arXiv:2303.09556): the x_0 loss is weighted by
            min(snr, gamma), that is min(snr, gamma) / (snr + 1) for v and / snr for eps.
            None weights every timestep alike.
        device: where batches live.
        log_sigma: mean and deviation of ln(sigma), see `spread`; none for uniform timesteps.
    """

    def __init__(
        self,
        schedule: Schedule,
        prediction_type: str,
        snr_gamma: float | None,
        device: torch.device | str = "cpu",
        log_sigma: Sequence[float] = (),
    ):
        abar = schedule.alphas_cumprod
        snr = abar / (1 - abar)
        weight = torch.ones_like(snr)
        if snr_gamma is not None:
            # With zero terminal SNR the eps weight would be 0 / 0; it carries no signal there.
            divisors = {
                "v_prediction": snr + 1,
                "epsilon": snr.clamp(min=1e-20),
                "sample": torch.ones_like(snr),
            }
            weight = snr.clamp(max=snr_gamma) / divisors[prediction_type]
        self.prediction_type = prediction_type
        self._root_abar = abar.sqrt().float().to(device)
        self._root_rest = (1 - abar).sqrt().float().to(device)
        self._weight = weight.float().to(device)
        self._spread = spread(schedule, *log_sigma).to(device) if log_sigma else None

    def corrupt(self, x_0: Tensor, t: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """(x_t, target) for x_0 and noise [B, C, H, W] and int64 t [B]; Ho et al. 2020, eq. 4."""
        a = self._root_abar[t].view(-1, 1, 1, 1)
        b = self._root_rest[t].view(-1, 1, 1, 1)
        x_t = a * x_0 + b * noise
        if self.prediction_type == "epsilon":
            return x_t, noise
        if self.prediction_type == "sample":
            return x_t, x_0
        return x_t, a * noise - b * x_0

    def loss(self, output: Tensor, target: Tensor, t: Tensor) -> Tensor:
        """The mean over the batch of the weighted mean squared error, a scalar."""
        per_image = (output.float() - target).square().mean(dim=(1, 2, 3))
        return (self._weight[t] * per_image).mean()

    def others(self) -> Others:
        """Nothing is trained beside the network."""
        return {}

    def batch_loss(
        self, predict: Predict, x_0: Tensor, t: Tensor, noise: Tensor, step: int
    ) -> Tensor:
        """The loss of a step: `predict` gives the network's output for (x_t, t)."""
        if self._spread is not None:
            t = self._spread[t]
        x_t, target = self.corrupt(x_0, t, noise)
        return self.loss(predict(x_t, t), target, t)


def spread(schedule: Schedule, mean: float, deviation: float) -> Tensor:
    """The timesteps, int64 [T] and rising, that T uniform ones are taken to.

    Three quarters of them have ln(sigma_t), sigma_t = sqrt((1 - abar_t) / abar_t), as a normal
    distribution has it (Karras et al. 2022, arXiv:2206.00364, table 1); the others stay uniform,
    so that no noise level is forgotten. Uniform and stratified draws stay stratified.

    Args:
        schedule: alphas_cumprod.
        mean, deviation: of ln(sigma), for pictures in [-1, 1]: ln(2 s / 255) for s grey levels.
    """
    abar, count = schedule.alphas_cumprod, schedule.num_timesteps
    log_sigma = ((1 - abar) / abar).log() / 2
    between = (log_sigma[1:] + log_sigma[:-1]) / 2
    below = torch.special.ndtr((between - mean) / deviation)
    share = torch.cat([below.new_zeros(1), below, below.new_ones(1)]).diff()
    share = (1 - UNIFORM_SHARE) * share + UNIFORM_SHARE / count
    quantiles = (torch.arange(count, dtype=share.dtype) + 0.5) / count
    return torch.searchsorted(share.cumsum(0), quantiles).clamp(max=count - 1)
