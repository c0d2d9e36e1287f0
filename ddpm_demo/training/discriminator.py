"""Real or made? Small heads on what the teacher's network sees in a noised picture.

The teacher has learned what pictures are like at every noise level, so that its encoder, frozen,
tells more apart after a minute of training than a network of one's own would after hours (Sauer
et al. 2024, LADD, arXiv:2403.12015; Zheng & Yang 2024, arXiv:2405.20750). Noise of many levels
keeps the two kinds from being told apart for good, and lets a head judge shapes or grain.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .diffusers_classes import UNet2DModel

WIDTH = 64
NUM_GROUPS = 8
# Of the noise level's log, sine and cosine of so many multiples of 1/2.
NUM_WAVES = 16
# A head looks at every second place of maps from this size on.
WIDE_PX = 32
SLOPE = 0.2


def encode(unet: UNet2DModel, x_t: Tensor, t: Tensor) -> list[Tensor]:
    """What the network's way down has seen, a map [B, C_k, h_k, w_k] a level, and its middle's.

    Args:
        unet: not conditioned on anything but t.
        x_t: [B, C, H, W].
        t: [B].
    """
    maps: list[Tensor] = []
    watched = [getattr(block, "attentions", block.resnets)[-1] for block in unet.down_blocks]
    if unet.mid_block is not None:
        watched.append(unet.mid_block)

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        maps.append(output)
        if module is unet.mid_block:
            raise _Seen  # what comes after is another half of the work

    handles = [module.register_forward_hook(note) for module in watched]
    try:
        unet(x_t, t)
    except _Seen:
        pass
    finally:
        for handle in handles:
            handle.remove()
    return maps


class _Seen(Exception):
    """There is nothing more to see."""


class Head(nn.Module):
    """From one map to a logit for every place of it."""

    def __init__(self, channels: int, side_px: int):
        super().__init__()
        self.first = nn.Conv2d(
            channels, WIDTH, 3, stride=2 if side_px >= WIDE_PX else 1, padding=1
        )
        self.level = nn.Linear(2 * NUM_WAVES, WIDTH)
        self.second = nn.Conv2d(WIDTH, WIDTH, 3, stride=2, padding=1)
        self.norm = nn.GroupNorm(NUM_GROUPS, WIDTH)
        self.last = nn.Conv2d(WIDTH, 1, 1)

    def forward(self, seen: Tensor, waves: Tensor) -> Tensor:
        """seen [B, C, h, w], waves [B, 2 NUM_WAVES] -> [B, 1, h', w']."""
        # Without weights: maps of different levels differ by orders of magnitude.
        hidden = self.first(F.group_norm(seen, 1)) + self.level(waves)[..., None, None]
        hidden = F.leaky_relu(hidden, SLOPE)
        return self.last(F.leaky_relu(self.norm(self.second(hidden)), SLOPE))


class Discriminator(nn.Module):
    """Logits of being real, of noised pictures.

    Args:
        teacher: frozen; not a part of this module.
        size_px: of its pictures.
    """

    def __init__(self, teacher: UNet2DModel, size_px: int):
        super().__init__()
        self._teacher = (teacher,)  # not to be trained, nor kept with the heads
        device = next(teacher.parameters()).device
        probe = torch.zeros(1, teacher.config.in_channels, size_px, size_px, device=device)
        with torch.no_grad():
            maps = encode(teacher, probe, torch.zeros(1, device=device))
        self.heads = nn.ModuleList(Head(seen.shape[1], seen.shape[-1]) for seen in maps)
        self.to(device)

    def forward(self, x_t: Tensor, t: Tensor, sigma: Tensor) -> list[Tensor]:
        """For every head a logit for each place of its map, [B, 1, h', w'].

        Args:
            x_t: [B, C, H, W], noised to sigma.
            t: [B], of the teacher's schedule.
            sigma: [B], the same as noise levels.
        """
        multiples = torch.arange(1, NUM_WAVES + 1, device=x_t.device) / 2
        angles = torch.outer(sigma.to(x_t).log(), multiples)
        waves = torch.cat([angles.sin(), angles.cos()], 1)
        maps = encode(self._teacher[0], x_t, t)
        return [head(seen, waves) for head, seen in zip(self.heads, maps, strict=True)]


def loss_as(logits: list[Tensor], real: bool) -> Tensor:
    """The mean over heads and places of -log p(real), or of -log p(made), a scalar: log 2 for
    who cannot tell."""
    sign = -1 if real else 1
    return torch.stack([F.softplus(sign * one).mean() for one in logits]).mean()
