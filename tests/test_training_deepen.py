"""A deeper network that does at first what the shallower one did."""

import pytest
import torch
from diffusers import UNet2DModel

from ddpm_demo.checkpoints import library
from ddpm_demo.errors import UserError
from ddpm_demo.training import deepen

SMALL = {
    "sample_size": 16,
    "block_out_channels": (8, 16),
    "down_block_types": ("DownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "UpBlock2D"),
    "norm_num_groups": 4,
    "add_attention": False,
}


@pytest.mark.parametrize("layers", [1, 2])
def test_it_gives_what_the_network_gave_and_all_of_it_learns(layers):
    torch.manual_seed(0)
    unet = UNet2DModel(**SMALL, layers_per_block=layers).eval()
    deep = deepen.deepen(unet)
    assert deep.config.layers_per_block == layers + 1 and not deep.training
    x, t = torch.randn(2, 3, 16, 16), torch.tensor([3, 700])
    with torch.no_grad():
        assert torch.equal(deep(x, t).sample, unet(x, t).sample)
    count = sum(p.numel() for p in unet.parameters())
    assert sum(p.numel() for p in deep.parameters()) > 1.2 * count
    deep(x, t).sample.square().mean().backward()
    new = deep.down_blocks[0].resnets[-1], deep.up_blocks[1].resnets[-2]
    assert all(float(block.conv2.weight.grad.abs().max()) > 0 for block in new)


def test_a_network_with_attention_is_refused():
    unet = UNet2DModel(**{**SMALL, "up_block_types": ("AttnUpBlock2D", "UpBlock2D")})
    with pytest.raises(UserError, match="AttnUpBlock2D"):
        deepen.deepen(unet)


def test_the_command_writes_a_checkpoint_or_says_why_not(tmp_path, capsys):
    assert deepen.main(["photos", "--out", str(tmp_path / "deep")]) == 0
    found = library.load(str(tmp_path / "deep"))
    assert found.unet.config.layers_per_block == 2
    assert deepen.main(["faces-64", "--out", str(tmp_path / "no")]) == 2
    assert deepen.main(["nothing-here", "--out", str(tmp_path / "no")]) == 2
    assert not (tmp_path / "no").exists()
    assert "Traceback" not in capsys.readouterr().err
