"""Distillation into one to four evaluations with an adversary beside the teacher.

`consistency` asks a network for the teacher's own picture of every noise, which a small one cannot
give in one evaluation: it blurs, and keeps grain. Here its estimates are also held against the
data's pictures by a `Discriminator`, and learn to pass (Goodfellow et al. 2014): consistency
trajectory models (Kim et al. 2023, arXiv:2310.02279, eq. 9) whose trajectories all go to the end.
The adversary alone makes sharp pictures with other colours and less variety.

The two losses count alike: the adversary's is weighted so that its gradient with respect to the
estimates is `share` times the other's (Esser et al. 2020, arXiv:2012.09841, eq. 7).
"""

from __future__ import annotations

import torch
from torch import Tensor, distributed

from ..core.noise import NoiseSource
from ..core.seeds import apart
from .consistency import ConsistencyObjective
from .diffusers_classes import UNet2DModel
from .discriminator import Discriminator, loss_as
from .objective import Others, Predict

# Noise levels that pictures are judged at, log-normal, in [-1, 1] units.
LOG_SIGMA_MEAN = -1.5
LOG_SIGMA_STD = 1.2
SIGMA_RANGE = (0.03, 10.0)
ADAM_BETAS = (0.0, 0.99)


class AdversarialObjective:
    """The loss of a step, in place of `objective.Objective`; it trains the adversary on the way.

    Args:
        consistency: the other loss.
        teacher: its network, frozen, on `consistency.device`.
        size_px: of the pictures.
        share: of the adversary's gradient.
        learning_rate: of the adversary, AdamW.
        seed: of the run.
    """

    def __init__(
        self,
        consistency: ConsistencyObjective,
        teacher: UNet2DModel,
        size_px: int,
        share: float,
        learning_rate: float,
        seed: int,
    ):
        self.consistency = consistency
        self.share = share
        self.device = consistency.device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(apart(seed, "discriminator"))
            self.discriminator = Discriminator(teacher, size_px)
        self.optimizer = torch.optim.AdamW(
            self.discriminator.parameters(), learning_rate, betas=ADAM_BETAS, weight_decay=0.0
        )

    def others(self) -> Others:
        """The adversary."""
        return {"discriminator": (self.discriminator, self.optimizer)}

    def batch_loss(
        self, predict: Predict, x_0: Tensor, t: Tensor, noise: Tensor, step: int
    ) -> Tensor:
        """The loss of `consistency`, a scalar, whose gradient has the adversary's in it.

        Args: as for `ConsistencyObjective.batch_loss`.
        """
        estimate, distance = self.consistency.estimated(predict, x_0, t, noise, step)
        if not torch.is_grad_enabled():
            return distance
        # Clipped, as the sampler does: a background is exactly black, as in the data.
        made = estimate.clamp(-1, 1)
        # All further noise of a picture is a function of its first: the same in any process.
        more = NoiseSource(_seeds(noise), self.device)
        self._train_discriminator(x_0, made.detach(), more)
        self.discriminator.requires_grad_(False)
        passing = loss_as(self._judged(made, more), real=True)
        self.discriminator.requires_grad_(True)
        (mine,) = torch.autograd.grad(distance, estimate, retain_graph=True)
        (its,) = torch.autograd.grad(passing, estimate)
        norms = torch.stack([mine.square().sum(), its.square().sum()])
        wanted, pushed = _summed(norms).sqrt()
        # 0, with the adversary's gradient: its loss says nothing, as its weight goes along.
        pull = (estimate * (self.share * wanted / pushed.clamp(min=1e-12) * its)).sum()
        return distance + (pull - pull.detach())

    def _train_discriminator(self, real: Tensor, made: Tensor, more: NoiseSource) -> None:
        loss = loss_as(self._judged(real, more), real=True)
        loss = loss + loss_as(self._judged(made, more), real=False)
        loss.backward()
        for parameter in self.discriminator.parameters():
            parameter.grad = _summed(parameter.grad) / _num_processes()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def _judged(self, pictures: Tensor, more: NoiseSource) -> list[Tensor]:
        levels = more.randn((1,)).cpu().double()[:, 0]
        sigma = (LOG_SIGMA_MEAN + LOG_SIGMA_STD * levels).exp().clamp(*SIGMA_RANGE)
        a, b = self.consistency.scales(sigma)
        x_t = a * pictures + b * more.randn(pictures.shape[1:])
        times = self.consistency.timesteps(sigma)
        return self.discriminator(x_t, times, sigma.float().to(self.device))


def _num_processes() -> int:
    return distributed.get_world_size() if distributed.is_initialized() else 1


def _summed(values: Tensor) -> Tensor:
    """Over all processes, which then go the same way."""
    if _num_processes() > 1:
        distributed.all_reduce(values)
    return values


def _seeds(noise: Tensor) -> list[int]:
    """A number in [0, 2^62) a picture, of the bits of its noise."""
    bits = noise.detach().float().cpu().flatten(1)[:, :2].contiguous().view(torch.int32).long()
    return [int(one) for one in ((bits[:, 0] & 0x7FFFFFFF) << 31) | (bits[:, 1] & 0x7FFFFFFF)]
