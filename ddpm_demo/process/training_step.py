"""Training seen slowly: one step taken apart, and the loss at every t.

Ho et al. 2020 (arXiv:2006.11239), algorithm 1 and eq. 14; v-prediction as in Salimans & Ho 2022
(arXiv:2202.00512); Min-SNR weights of Hang et al. 2023 (arXiv:2303.09556).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..core.denoiser import Denoiser, UNetDenoiser, without_clipping
from ..core.noise import NoiseSource
from ..core.schedule import Schedule

MIN_SNR_GAMMA = 5.0


@dataclass(frozen=True)
class TrainingStep:
    """One training step on one picture; the tensors are [1, C, H, W].

    Args:
        t: drawn uniformly from 0 to T - 1.
        x_0, eps, x_t: the picture, the noise drawn, their mix.
        prediction_type: what the network is asked for: "epsilon", "sample" or "v_prediction".
        target: that quantity, known since x_0 and eps are.
        output: what the network says.
        x0_hat: the picture that follows from `output`.
        loss: mean squared error between output and target.
        weight: Min-SNR's for this t.
    """

    t: int
    x_0: Tensor
    eps: Tensor
    x_t: Tensor
    prediction_type: str
    target: Tensor
    output: Tensor
    x0_hat: Tensor
    loss: float
    weight: float


def prediction_type_of(denoiser: Denoiser) -> str:
    """What its network predicts; exact denoisers count as predicting eps."""
    return denoiser.prediction_type if isinstance(denoiser, UNetDenoiser) else "epsilon"


def min_snr_weight(schedule: Schedule, t: int, prediction_type: str) -> float:
    """min(snr, 5) over snr + 1 for v, over snr for eps; min(snr, 5) for x_0."""
    snr = schedule.snr(t)
    capped = min(snr, MIN_SNR_GAMMA)
    if prediction_type == "v_prediction":
        return capped / (snr + 1)
    if prediction_type == "epsilon":
        return capped / snr if snr > 0 else 1.0
    return capped


@torch.inference_mode()
def training_step(
    denoiser: Denoiser, x_0: Tensor, seed: int = 0, t: int | None = None
) -> TrainingStep:
    """What a training step on the picture x_0 [1, C, H, W] does before the gradient.

    Args:
        denoiser: the checkpoint's; clipping is left out, as in training.
        x_0: in [-1, 1].
        seed: of t and eps.
        t: 0 to T - 1; None to draw it.
    """
    schedule, denoiser = denoiser.schedule, without_clipping(denoiser)
    if t is None:
        generator = torch.Generator().manual_seed(seed)
        t = int(torch.randint(schedule.num_timesteps, (), generator=generator))
    eps = NoiseSource([seed], x_0.device, x_0.dtype).randn(x_0.shape[1:])
    x_t = schedule.q_sample(x_0, t, eps)
    prediction = denoiser.predict(x_t, t)
    kind = prediction_type_of(denoiser)
    target = _in_terms_of(kind, schedule, x_0, eps, t)
    output = _in_terms_of(kind, schedule, prediction.x0, prediction.eps, t)
    loss = float((output - target).square().mean())
    weight = min_snr_weight(schedule, t, kind)
    return TrainingStep(t, x_0, eps, x_t, kind, target, output, prediction.x0, loss, weight)


def compared(schedule: Schedule, step: TrainingStep, kind: str) -> tuple[Tensor, Tensor, float]:
    """(the network's answer, the right one, the loss's weight) in terms of `kind`.

    Whatever the network was asked for, its answer says x_0, eps and v at once, since x_t is known;
    what differs is how a mistake looks and how much it weighs.

    Args:
        schedule: of the denoiser.
        step: of `training_step`.
        kind: "epsilon", "sample" or "v_prediction".
    """
    said_eps = schedule.eps_from_x0(step.x_t, step.x0_hat, step.t)
    output = _in_terms_of(kind, schedule, step.x0_hat, said_eps, step.t)
    if kind == step.prediction_type:  # to the last bit, without the way round
        output = step.output
    target = _in_terms_of(kind, schedule, step.x_0, step.eps, step.t)
    return output, target, min_snr_weight(schedule, step.t, kind)


def _in_terms_of(kind: str, schedule: Schedule, x_0: Tensor, eps: Tensor, t: int) -> Tensor:
    if kind == "v_prediction":
        return schedule.v_from_x0_eps(x_0, eps, t)
    return eps if kind == "epsilon" else x_0


@dataclass(frozen=True)
class LossAtT:
    """Mean squared errors at one t over a batch, of the same answers seen three ways.

    Args:
        t: 0 to T - 1.
        eps, x0, v: error of eps, of x_0 and of v; a network trained on one of them has
            minimised that one.
    """

    t: int
    eps: float
    x0: float
    v: float


def spread_timesteps(num_timesteps: int, count: int) -> list[int]:
    """At most `count` different timesteps, evenly spread from 0 to T - 1."""
    count = max(2, min(count, num_timesteps))
    return sorted({round(k * (num_timesteps - 1) / (count - 1)) for k in range(count)})


@torch.inference_mode()
def loss_per_t(
    denoiser: Denoiser, x_0: Tensor, timesteps: Sequence[int], noise: NoiseSource
) -> Iterator[LossAtT]:
    """The losses at each t, one evaluation a picture and timestep.

    Args:
        denoiser: the checkpoint's; clipping is left out, as in training.
        x_0: a sample of data in [-1, 1], [B, C, H, W].
        timesteps: each 0 to T - 1.
        noise: a source for B images; every t gets the same draw, which makes the curve smooth.
    """
    schedule, denoiser = denoiser.schedule, without_clipping(denoiser)
    eps = noise.randn(x_0.shape[1:])
    for t in timesteps:
        predicted_x0 = denoiser.predict(schedule.q_sample(x_0, t, eps), t).x0
        x0_error = float((predicted_x0 - x_0).square().mean())
        # eps and v are off by x_0's error times sqrt(snr) and times 1 / sqrt(1 - abar).
        abar = max(schedule.abar(t), 1e-20)
        rest = -math.expm1(math.log(abar))
        yield LossAtT(t, x0_error * abar / rest, x0_error, x0_error / rest)
