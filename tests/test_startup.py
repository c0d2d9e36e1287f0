"""What a first picture imports, in a process of its own."""

import subprocess
import sys

WITHOUT = """
import sys
from ddpm_demo.pipeline import DDPM
from ddpm_demo.tasks.generate import GenerateRecipe
ddpm = DDPM.from_pretrained(sys.argv[1])
for sampler in ("dpmpp_2m", "deis", "heun", "ddim", "consistency"):
    recipe = GenerateRecipe(checkpoint=sys.argv[1], num_images=1, num_steps=2, sampler=sampler)
    ddpm.generate(recipe).images()
unused = ("torch._dynamo", "scipy.stats", "sympy", "diffusers.models.transformers")
loaded = [name for name in unused if name in sys.modules]
assert not loaded, loaded
import scipy.stats, torch._dynamo
from diffusers import DDPMPipeline, DEISMultistepScheduler
from diffusers.utils import is_scipy_available
assert is_scipy_available() and torch._dynamo.is_compiling() is False
import diffusers, diffusers.models.unets.unet_2d, torch
assert type(ddpm.denoiser.unet) is diffusers.UNet2DModel
assert diffusers.models.unets.unet_2d.UNet2DModel is diffusers.UNet2DModel
from diffusers.models.transformers import Transformer2DModel
conditional = diffusers.UNet2DConditionModel(
    sample_size=8, block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4,
    cross_attention_dim=8, attention_head_dim=4,
    down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
    up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
)
assert isinstance(conditional.down_blocks[0].attentions[0], Transformer2DModel)
assert conditional(torch.zeros(1, 4, 8, 8), 3, torch.zeros(1, 2, 8)).sample.shape == (1, 4, 8, 8)
"""


def test_a_first_picture_needs_no_compiler_no_statistics_and_no_other_network(tiny_checkpoint):
    """And all are there for whoever asks afterwards."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(tiny_checkpoint)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
