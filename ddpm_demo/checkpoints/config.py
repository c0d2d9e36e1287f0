"""Bounds on `unet/config.json` and `scheduler_config.json`: a whitelist, checked before building.

Only settings named here reach `UNet2DModel`; each has a range that real networks stay inside. The
ranges bound the work of laying the network out; how large it comes out is checked afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import UserError

MAX_TRAIN_TIMESTEPS = 10_000
PREDICTION_TYPES = ("epsilon", "sample", "v_prediction")

# Their predictions mean what ours mean: x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps.
SCHEDULER_CLASSES = (
    "DDPMScheduler",
    "DDIMScheduler",
    "PNDMScheduler",
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "DEISMultistepScheduler",
    "UniPCMultistepScheduler",
    "EulerDiscreteScheduler",
    "EulerAncestralDiscreteScheduler",
    "HeunDiscreteScheduler",
    "LMSDiscreteScheduler",
    "RePaintScheduler",
)

_BLOCKS = ("", "Attn", "Resnet", "Skip", "AttnSkip")
_DOWN_BLOCKS = tuple(f"{b}{'Downsample' if b == 'Resnet' else 'Down'}Block2D" for b in _BLOCKS)
_UP_BLOCKS = tuple(f"{b}{'Upsample' if b == 'Resnet' else 'Up'}Block2D" for b in _BLOCKS)

Check = Callable[[Any], bool]


def _whole(low: int, high: int) -> Check:
    return lambda v: isinstance(v, int) and not isinstance(v, bool) and low <= v <= high


def _number(low: float, high: float) -> Check:
    return lambda v: isinstance(v, int | float) and not isinstance(v, bool) and low <= v <= high


def _text(max_length: int) -> Check:
    return lambda v: isinstance(v, str) and len(v) <= max_length


def _one_of(*known: str) -> Check:
    return lambda v: isinstance(v, str) and v in known


def _list_of(check: Check, low: int, high: int) -> Check:
    return lambda v: isinstance(v, list) and low <= len(v) <= high and all(map(check, v))


def _or_none(check: Check) -> Check:
    return lambda v: v is None or check(v)


def _either(*checks: Check) -> Check:
    return lambda v: any(check(v) for check in checks)


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _nothing(value: object) -> bool:
    return value is None


_SIDE = _whole(1, 4096)
_MAX_LEVELS = 8
_DEFAULT_LEVELS = 4  # of UNet2DModel

_UNET_CHECKS: dict[str, Check] = {
    "act_fn": _one_of("silu", "swish", "mish", "gelu", "relu"),
    "add_attention": _flag,
    "attention_head_dim": _or_none(_whole(1, 4096)),
    "attn_norm_num_groups": _or_none(_whole(1, 1024)),
    "block_out_channels": _list_of(_whole(1, 4096), 1, _MAX_LEVELS),
    "center_input_sample": _flag,
    "class_embed_type": _nothing,
    "down_block_types": _list_of(_one_of(*_DOWN_BLOCKS), 1, _MAX_LEVELS),
    "downsample_padding": _whole(0, 1),
    "downsample_type": _one_of("conv", "resnet"),
    "dropout": _number(0, 0.99),
    "flip_sin_to_cos": _flag,
    "freq_shift": _number(0, 1),
    "in_channels": _either(_whole(1, 1), _whole(3, 3)),
    "layers_per_block": _whole(1, 8),
    "mid_block_scale_factor": _number(1e-3, 1e3),
    "mid_block_type": _or_none(_one_of("UNetMidBlock2D")),
    "norm_eps": _number(1e-12, 0.1),
    "norm_num_groups": _whole(1, 1024),
    "num_class_embeds": _nothing,
    "num_train_timesteps": _or_none(_whole(1, MAX_TRAIN_TIMESTEPS)),
    "out_channels": _whole(1, 6),
    "resnet_time_scale_shift": _one_of("default", "scale_shift"),
    "sample_size": _or_none(_either(_SIDE, _list_of(_SIDE, 2, 2))),
    "time_embedding_dim": _or_none(_whole(1, 16384)),
    "time_embedding_type": _one_of("positional", "fourier"),
    "up_block_types": _list_of(_one_of(*_UP_BLOCKS), 1, _MAX_LEVELS),
    "upsample_type": _one_of("conv", "resnet"),
}

_SCHEDULER_CHECKS: dict[str, Check] = {
    "beta_end": _number(1e-8, 0.999999),
    "beta_schedule": _text(40),  # `Schedule.from_config` knows which there are
    "beta_start": _number(1e-8, 0.999999),
    "clip_sample": _flag,
    "clip_sample_range": _number(1e-3, 1e3),
    "num_train_timesteps": _whole(1, MAX_TRAIN_TIMESTEPS),
    "prediction_type": _one_of(*PREDICTION_TYPES),
    "rescale_betas_zero_snr": _flag,
    "trained_betas": _or_none(_list_of(_number(1e-8, 1), 1, MAX_TRAIN_TIMESTEPS)),
    "variance_type": _or_none(_text(40)),
}


def check_unet_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The known settings of a U-Net's config, each inside its bounds; others are dropped.

    Raises:
        UserError: a setting outside its bounds, or settings that do not fit together.
    """
    kept = _check(config, _UNET_CHECKS, "config.json")
    per_level = ("block_out_channels", "down_block_types", "up_block_types")
    levels = {len(kept[key]) if key in kept else _DEFAULT_LEVELS for key in per_level}
    groups = kept.get("norm_num_groups", 32)
    if len(levels) > 1:
        _refuse("config.json", "block_out_channels", kept.get("block_out_channels"))
    if any(c % groups for c in kept.get("block_out_channels", ())):
        _refuse("config.json", "norm_num_groups", groups)
    # Twice the channels: a learned variance beside the mean.
    channels, outputs = kept.get("in_channels", 3), kept.get("out_channels", 3)
    if outputs not in (channels, 2 * channels):
        _refuse("config.json", "out_channels", outputs)
    return kept


def check_scheduler_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a scheduler's config that say what the network was trained with, checked.

    Raises:
        UserError: a setting outside its bounds, or a scheduler of another family.
    """
    name = config.get("_class_name", SCHEDULER_CLASSES[0])
    if name not in SCHEDULER_CLASSES:
        _refuse("scheduler_config.json", "_class_name", name)
    return _check(config, _SCHEDULER_CHECKS, "scheduler_config.json")


def _check(config: Mapping[str, Any], checks: Mapping[str, Check], file: str) -> dict[str, Any]:
    kept = {key: value for key, value in config.items() if key in checks}
    for key, value in kept.items():
        if not checks[key](value):
            _refuse(file, key, value)
    return kept


def _refuse(file: str, setting: str, value: object) -> None:
    text = repr(value)
    raise UserError(
        "checkpoint_config_refused",
        "The checkpoint's {file} sets {setting} to {value}, which this program does not take.",
        field="checkpoint",
        file=file,
        setting=setting,
        value=text if len(text) <= 60 else text[:57] + "...",
    )
