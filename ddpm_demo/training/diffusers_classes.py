"""The classes of diffusers that training stands on, without what else importing them brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.diffusers_parts import NETWORK, SCHEDULERS, import_part

if TYPE_CHECKING:
    from diffusers import DDPMScheduler, UNet2DModel
    from diffusers.models.attention_processor import Attention, AttnProcessor
else:
    UNet2DModel = import_part(NETWORK).UNet2DModel
    DDPMScheduler = import_part(f"{SCHEDULERS}.scheduling_ddpm").DDPMScheduler
    # Whole in the network's wake.
    from diffusers.models.attention_processor import Attention, AttnProcessor

__all__ = ["Attention", "AttnProcessor", "DDPMScheduler", "UNet2DModel"]
