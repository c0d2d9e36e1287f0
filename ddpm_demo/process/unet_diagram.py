"""The U-Net of a checkpoint as blocks with sizes and channels, read from its config alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Block:
    """One box of the drawing.

    Args:
        side: "in", "down", "middle", "up" or "out".
        level: 0 for full resolution, one more for each halving.
        size_px: side of the maps that the block's layers work on.
        channels_in, channels_out: of the maps that come in (without the skips) and go out.
        num_layers: residual layers.
        has_attention: self-attention after the layers.
    """

    side: str
    level: int
    size_px: int
    channels_in: int
    channels_out: int
    num_layers: int
    has_attention: bool


def unet_blocks(config: Mapping[str, Any], size_px: int | None = None) -> list[Block]:
    """The blocks from the picture to the prediction, in the order in which they are run.

    Down block k and up block k lie on level k and are joined by skips.

    Args:
        config: of a diffusers `UNet2DModel`.
        size_px: side of the picture; None for the config's `sample_size`.
    """
    sample_size = config.get("sample_size") or 32
    native = sample_size if isinstance(sample_size, int) else sample_size[0]
    size_px = native if size_px is None else size_px
    channels = [int(c) for c in config["block_out_channels"]]
    layers = int(config.get("layers_per_block", 2))
    down, up = list(config["down_block_types"]), list(config["up_block_types"])
    blocks = [Block("in", 0, size_px, int(config["in_channels"]), channels[0], 0, False)]
    before = channels[0]
    for level, (kind, after) in enumerate(zip(down, channels, strict=True)):
        size = _halved(size_px, level)
        blocks.append(Block("down", level, size, before, after, layers, "Attn" in kind))
        before = after
    last = len(channels) - 1
    if config.get("mid_block_type", "UNetMidBlock2D") is not None:
        attention = bool(config.get("add_attention", True))
        size = _halved(size_px, last)
        blocks.append(Block("middle", last, size, before, before, 2, attention))
    for position, kind in enumerate(up):
        level = last - position
        size = _halved(size_px, level)
        blocks.append(
            Block("up", level, size, before, channels[level], layers + 1, "Attn" in kind)
        )
        before = channels[level]
    blocks.append(Block("out", 0, size_px, before, int(config["out_channels"]), 0, False))
    return blocks


def _halved(size_px: int, times: int) -> int:
    for _ in range(times):
        size_px = -(-size_px // 2)
    return size_px
