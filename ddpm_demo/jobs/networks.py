"""The network of a run that starts from nothing, where the user names none."""

from __future__ import annotations

from typing import Any

# Small enough to learn something on two cores in an hour.
SCRATCH_UNET: dict[str, Any] = {
    "block_out_channels": [16, 32, 96, 160],
    "layers_per_block": 1,
    "norm_num_groups": 8,
    "attention_head_dim": 16,
    "down_block_types": ["DownBlock2D", "DownBlock2D", "DownBlock2D", "AttnDownBlock2D"],
    "up_block_types": ["AttnUpBlock2D", "UpBlock2D", "UpBlock2D", "UpBlock2D"],
}
