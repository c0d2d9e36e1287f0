"""A checkpoint with one more layer in every block, which does at first exactly what it did.

    python -m ddpm_demo.training.deepen CHECKPOINT --out FOLDER

A run `from_checkpoint` FOLDER then goes on from what the smaller network knew (Net2Net: Chen et
al. 2016, arXiv:1511.05641) instead of learning it again: the new residual blocks start as the
identity, x + 0, and learn the rest of it.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from ..checkpoints import library as checkpoints
from ..errors import UserError
from .diffusers_classes import DDPMScheduler, UNet2DModel
from .export import scheduler_arguments, write_pipeline

# Blocks up but the first.
_UP = re.compile(r"^(up_blocks\.\d+\.resnets\.)([1-9]\d*)\.")


def deepen(unet: UNet2DModel) -> UNet2DModel:
    """A network with `layers_per_block` + 1 whose output is that of `unet`, on its device.

    Args:
        unet: of blocks without attention; left as it is.

    Raises:
        UserError: the network has blocks of other kinds.
    """
    kinds = {*unet.config.down_block_types, *unet.config.up_block_types}
    if kinds != {"DownBlock2D", "UpBlock2D"}:
        raise UserError(
            "deepen_attention",
            "Only networks whose blocks have no attention can be deepened; this one has {kinds}.",
            kinds=", ".join(sorted(kinds - {"DownBlock2D", "UpBlock2D"})),
        )
    layers = unet.config.layers_per_block
    config = {k: v for k, v in unet.config.items() if not k.startswith("_")}
    deep = UNet2DModel.from_config({**config, "layers_per_block": layers + 1})
    # Down, the new block is the last; up, the second: it takes what the new one down, of which the
    # first block up takes the like, was given.
    new = {
        *(f"down_blocks.{i}.resnets.{layers}." for i in range(len(unet.down_blocks))),
        *(f"up_blocks.{i}.resnets.1." for i in range(len(unet.up_blocks))),
    }
    old = {_UP.sub(_one_further, name): value for name, value in unet.state_dict().items()}
    missing, unexpected = deep.load_state_dict(old, strict=False)
    assert not unexpected
    assert all(name.startswith(tuple(new)) for name in missing)
    with torch.no_grad():
        for prefix in new:
            _make_identity(deep.get_submodule(prefix[:-1]))
    # Not by diffusers' own `to`, which warns of layers that there are none of.
    return nn.Module.to(deep, unet.device, unet.dtype).train(unet.training)


def _one_further(name: re.Match[str]) -> str:
    return f"{name[1]}{int(name[2]) + 1}."


def _make_identity(block: nn.Module) -> None:
    """Makes a residual block x + f(x) give x: f ends in a convolution, which becomes 0.

    A block up is given x and, behind it, a skip connection; its 1 x 1 shortcut passes on x.
    """
    nn.init.zeros_(block.conv2.weight)
    nn.init.zeros_(block.conv2.bias)
    if block.conv_shortcut is not None:
        nn.init.dirac_(block.conv_shortcut.weight)
        nn.init.zeros_(block.conv_shortcut.bias)


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the deepened checkpoint; exit code 2 and one sentence for what the user can mend."""
    parser = argparse.ArgumentParser(
        prog="python -m ddpm_demo.training.deepen", description="Add a layer to every block."
    )
    parser.add_argument("checkpoint", help="name in checkpoints/, or a pipeline folder")
    parser.add_argument("--out", type=Path, required=True, help="pipeline folder to write")
    options = parser.parse_args(arguments)
    try:
        loaded = checkpoints.load(options.checkpoint)
        scheduler = DDPMScheduler(**scheduler_arguments(loaded.scheduler_config))
        write_pipeline(deepen(loaded.unet), scheduler, options.out)
    except (UserError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{options.checkpoint} with a layer more in every block written to {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
