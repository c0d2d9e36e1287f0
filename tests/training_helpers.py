"""A training run that takes a second: 16 tiny pictures, a network of a few thousand parameters."""

import shutil

import numpy as np

from ddpm_demo.training.config import TrainConfig
from ddpm_demo.training.events import loss_curve
from ddpm_demo.training.run import train
from ddpm_demo.training.state import list_checkpoints

TINY = {
    "block_out_channels": [4, 8],
    "down_block_types": ["DownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "UpBlock2D"],
    "layers_per_block": 1,
    "norm_num_groups": 2,
    "add_attention": False,
}


def pictures(count=16, size_px=8, channels=3, seed=0):
    """uint8 [count, size_px, size_px, channels] that differ from one another."""
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (count, size_px, size_px, channels), dtype=np.uint8)


def tiny_config(tmp_path, **changes):
    """A run on `tmp_path/data.npy` into `tmp_path/run`."""
    data = tmp_path / "data.npy"
    if not data.exists():
        np.save(data, pictures())
    values = {
        "data": str(data),
        "out": str(tmp_path / "run"),
        "unet": TINY,
        "sizes_px": [8],
        "batch_size": 4,
        "warmup_steps": 2,
        "decay_fraction": 0.0,
        "max_steps": 6,
        "log_steps": 2,
        "checkpoint_minutes": None,
        "sample_minutes": None,
        "validation_minutes": None,
        "num_threads": 1,
        "mixed_precision": "no",
        "num_samples": 2,
        "sample_num_steps": 2,
        **changes,
    }
    return TrainConfig.from_mapping(values)


def distilling(tmp_path, own, **changes):
    """A run that distils the checkpoint `own` of 16 x 16 pictures."""
    np.save(tmp_path / "data.npy", pictures(16, 16))
    settings = {
        "objective": "consistency",
        "teacher": str(own),
        "unet": {},
        "sizes_px": [16],
        "gap_halving_steps": 2,
        "max_steps": 8,
        **changes,
    }
    return tiny_config(tmp_path, **settings)


def at_once_and_in_parts(tmp_path, own, **changes):
    """The same distillation without a break, and stopped after 3 of 8 steps and gone on with when
    its teacher was gone: the loss curves, and the folders of the newest checkpoints."""
    folders = [tmp_path / name for name in ("whole", "parts")]
    for folder in folders:
        folder.mkdir()
    train(distilling(folders[0], own, **changes))
    teacher = shutil.copytree(own, tmp_path / "teacher")
    train(distilling(folders[1], teacher, **changes, max_steps=3))
    shutil.rmtree(teacher)
    train(distilling(folders[1], teacher, **changes))
    runs = [folder / "run" for folder in folders]
    return [loss_curve(run) for run in runs], [list_checkpoints(run)[0][1] for run in runs]
