"""From a U-Net and a schedule to `predict(x_t, t) -> Prediction(x0, eps)`.

Samplers and tasks see only `Denoiser`: never whether the network was trained on eps, x_0 or v,
never its native size, never the memory format.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import UserError
from . import progress
from .precision import choose, in_precision
from .schedule import Schedule

PREDICTION_TYPES = ("epsilon", "sample", "v_prediction")
# Tiles that the network takes at a time: under a second on two cores, so that a run can be watched
# and stopped within an evaluation, and in the faster caches besides.
MAX_SLICE_PIXELS = 2**17
# Noise, v and pictures are of the order of 1.
LARGEST_OUTPUT = 1e6
# Below this share of the picture in x_t, its network was not made for the schedule.
NO_SIGNAL = 1e-12


@dataclass(frozen=True)
class Prediction:
    """The network's x0 = E[x_0 | x_t] and eps, where x_t = a x0 + b eps; both [B, C, H, W]."""

    x0: Tensor
    eps: Tensor


class Denoiser(Protocol):
    """Anything that estimates x_0 from x_t; `tests` and benchmarks put exact ones in its place."""

    schedule: Schedule

    def predict(self, x_t: Tensor, t: float) -> Prediction:
        """The estimate at timestep t in [0, T - 1], the same for the whole batch."""
        ...


class UNetDenoiser:
    """A diffusers `UNet2DModel` as a `Denoiser`, for pictures of any size in [-1, 1].

    Args:
        unet: in eval mode; moved to channels-last and frozen here where it is not yet.
        schedule: the one it was trained with.
        prediction_type: "epsilon", "sample" or "v_prediction".
        clip_range: x0 is clipped to +- this and eps derived again; None leaves it alone.
        max_batch_pixels: larger batches are run in slices, so that memory is bounded.
        precision: of the network's products, see `precision.choose`; None for what suits.

    Raises:
        UserError: unknown prediction type or precision.
    """

    def __init__(
        self,
        unet: nn.Module,
        schedule: Schedule,
        prediction_type: str = "epsilon",
        clip_range: float | None = 1.0,
        max_batch_pixels: int = 2**21,
        precision: str | None = None,
    ):
        if prediction_type not in PREDICTION_TYPES:
            raise UserError(
                "prediction_type_unknown",
                "The prediction type “{name}” is not known; it must be one of {known}.",
                name=prediction_type,
                known=", ".join(PREDICTION_TYPES),
            )
        self.unet = ready_for_inference(unet)
        self.schedule = schedule
        self.prediction_type = prediction_type
        self.clip_range = clip_range
        self.max_batch_pixels = max_batch_pixels
        self.precision = choose(precision, self.device)
        config = unet.config
        self.channels = int(config.in_channels)
        # Two times the channels means a learned variance beside the mean: only the mean is used.
        self.size_multiple = 2 ** (len(config.block_out_channels) - 1)

    @property
    def device(self) -> torch.device:
        return next(self.unet.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        return next(self.unet.parameters()).dtype

    def predict(self, x_t: Tensor, t: float) -> Prediction:
        """Prediction at t for x_t [B, C, H, W]; t in [0, T - 1], fractions allowed.

        A colour picture given to a grey network is taken channel by channel, a grey picture given
        to a colour network is repeated and the answers averaged.

        Raises:
            UserError: the network answers with what are no numbers, or has nothing to go by.
        """
        if self.prediction_type == "epsilon" and self.schedule.abar(t) < NO_SIGNAL:
            raise UserError(
                "no_signal",
                "At t = {t} this checkpoint's schedule leaves nothing of the picture, and a "
                "network that predicts the noise cannot begin there; its scheduler_config.json "
                "was not made for it (rescale_betas_zero_snr).",
                t=round(t),
            )
        output = self._forward_channels(x_t.to(self.dtype), t).to(x_t.dtype)
        if not bool(output.abs().amax() <= LARGEST_OUTPUT):  # also where it is no number
            raise UserError(
                "not_numbers",
                "At t = {t} the network's answer is not made of numbers any more, or of ones "
                "beyond all reason; its weights are damaged, or too large for this precision.",
                t=round(t),
            )
        x0 = self.schedule.x0_from_output(x_t, output, t, self.prediction_type)
        if self.clip_range is not None:
            x0 = x0.clamp(-self.clip_range, self.clip_range)
        return Prediction(x0, self.schedule.eps_from_x0(x_t, x0, t))

    def _forward_channels(self, x_t: Tensor, t: float) -> Tensor:
        channels = x_t.shape[1]
        if channels == self.channels:
            return self._forward_batch(x_t, t)
        if self.channels == 1:
            folded = self._forward_batch(x_t.flatten(0, 1).unsqueeze(1), t)
            return folded.view(x_t.shape)
        if channels == 1:
            repeated = x_t.expand(-1, self.channels, -1, -1)
            return self._forward_batch(repeated, t).mean(1, keepdim=True)
        raise UserError(
            "channels_mismatch",
            "The checkpoint works on {expected} channels but the picture has {actual}; "
            "choose another checkpoint or convert the picture.",
            expected=self.channels,
            actual=channels,
        )

    def _forward_batch(self, x_t: Tensor, t: float) -> Tensor:
        pixels = x_t.shape[-2] * x_t.shape[-1]
        per_slice = max(1, self.max_batch_pixels // pixels)
        outputs, run = [], progress.current()
        with run.evaluation(x_t.shape[0]) as done:
            for part in x_t.split(per_slice):
                outputs.append(self._forward(part, t))
                run.seen(len(part) * pixels)
                done(len(part))
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs)

    def _forward(self, x_t: Tensor, t: float) -> Tensor:
        height, width = x_t.shape[-2:]
        x_t = pad_to_multiple(x_t, self.size_multiple).contiguous(
            memory_format=torch.channels_last
        )
        # A plain number would be cut to a whole one inside the network.
        timestep = torch.tensor([t], dtype=torch.float32, device=x_t.device)
        network = in_precision(self.unet, self.precision)
        output = network(x_t, timestep, return_dict=False)[0]
        return output[:, : self.channels, :height, :width]


def ready_for_inference(unet: nn.Module) -> nn.Module:
    """The network itself, channels-last and frozen.

    One that is so already is not touched: `Module.to` writes every parameter anew, and another
    thread may be in the middle of a convolution with it.
    """
    weights = list(unet.parameters())
    layout = torch.channels_last
    if not all(w.is_contiguous(memory_format=layout) for w in weights if w.dim() == 4):
        nn.Module.to(unet, memory_format=layout)  # diffusers' own would import torch's compiler
    if any(w.requires_grad for w in weights):
        unet.requires_grad_(False)
    return unet


def without_clipping(denoiser: Denoiser) -> Denoiser:
    """The same denoiser, the network shared, that leaves x_0 as it comes out of it."""
    if not isinstance(denoiser, UNetDenoiser) or denoiser.clip_range is None:
        return denoiser
    unclipped = copy.copy(denoiser)
    unclipped.clip_range = None
    return unclipped


def use(denoiser: Denoiser, precision: str | None) -> Denoiser:
    """The same denoiser, the network shared, with its products in another precision.

    Args:
        denoiser: a network's, or one that asks another (`denoiser.denoiser`); an exact one stays.
        precision: one of `precision.PRECISIONS`; None changes nothing.

    Raises:
        UserError: no such precision.
    """
    if precision is None:
        return denoiser
    if isinstance(denoiser, UNetDenoiser):
        other = copy.copy(denoiser)
        other.precision = choose(precision, denoiser.device)
        return other
    inner = getattr(denoiser, "denoiser", None)
    if inner is None:
        return denoiser
    outer = copy.copy(denoiser)
    outer.denoiser = use(inner, precision)
    return outer


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """x [B, C, H, W] with reflected pixels added at the right and at the bottom."""
    pad_h, pad_w = -x.shape[-2] % multiple, -x.shape[-1] % multiple
    if not pad_h and not pad_w:
        return x
    if pad_h < x.shape[-2] and pad_w < x.shape[-1]:
        return F.pad(x, (0, pad_w, 0, pad_h), mode="reflect")
    return F.pad(x, (0, pad_w, 0, pad_h), mode="replicate")  # too small to reflect


class TiledDenoiser:
    """Predicts a picture in overlapping tiles whose x0 are averaged: no seams, bounded memory.

    For networks that work best near their training size: attention, or group normalisation, whose
    statistics cover the whole input. The weights fall linearly towards a tile's edge.

    Args:
        denoiser: predicts tiles of `tile_px` x `tile_px`.
        tile_px: side of a tile, at least 8.
        overlap_px: by how much neighbours overlap, less than `tile_px`.
    """

    def __init__(self, denoiser: Denoiser, tile_px: int, overlap_px: int):
        if tile_px < 8 or not 0 <= overlap_px < tile_px:
            raise UserError(
                "tile_invalid",
                "Tiles must be at least 8 pixels wide and overlap by less than their width.",
            )
        self.denoiser = denoiser
        self.schedule = denoiser.schedule
        self.tile_px = tile_px
        self.overlap_px = overlap_px

    def predict(self, x_t: Tensor, t: float) -> Prediction:
        batch, channels, height, width = x_t.shape
        side = self.tile_px
        padded = F.pad(x_t, (0, max(0, side - width), 0, max(0, side - height)), mode="replicate")
        tops = tile_starts(padded.shape[-2], side, self.overlap_px)
        lefts = tile_starts(padded.shape[-1], side, self.overlap_px)
        places = [(top, left) for top in tops for left in lefts]
        per_slice = max(1, MAX_SLICE_PIXELS // (batch * side**2))
        window = self._window(x_t)
        total, weight = torch.zeros_like(padded), torch.zeros_like(padded[:1, :1])
        with progress.current().evaluation(len(places) * batch) as done:
            for start in range(0, len(places), per_slice):
                part = places[start : start + per_slice]
                tiles = torch.cat([padded[..., i : i + side, j : j + side] for i, j in part])
                x0_tiles = self.denoiser.predict(tiles, t).x0.split(batch)
                for (i, j), x0 in zip(part, x0_tiles, strict=True):
                    total[..., i : i + side, j : j + side] += window * x0
                    weight[..., i : i + side, j : j + side] += window
                done(len(part) * batch)
        x0 = (total / weight)[..., :height, :width]
        return Prediction(x0, self.schedule.eps_from_x0(x_t, x0, t))

    def _window(self, like: Tensor) -> Tensor:
        ramp = torch.arange(1, self.tile_px + 1, dtype=like.dtype, device=like.device)
        ramp = torch.minimum(ramp, ramp.flip(0)).clamp(max=max(1, self.overlap_px))
        return ramp[:, None] * ramp[None, :]


def tile_starts(length: int, tile_px: int, overlap_px: int) -> list[int]:
    """First pixels of tiles that cover [0, length), evenly spread, with at least this overlap."""
    if length <= tile_px:
        return [0]
    count = -(-(length - overlap_px) // (tile_px - overlap_px))
    return [round(k * (length - tile_px) / (count - 1)) for k in range(count)]
