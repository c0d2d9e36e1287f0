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
loaded = [name for name in ("torch._dynamo", "scipy.stats", "sympy") if name in sys.modules]
assert not loaded, loaded
import scipy.stats, torch._dynamo
from diffusers import DDPMPipeline, DEISMultistepScheduler
from diffusers.utils import is_scipy_available
assert is_scipy_available() and torch._dynamo.is_compiling() is False
assert type(ddpm.denoiser.unet) is __import__("diffusers").UNet2DModel
"""


def test_a_first_picture_needs_neither_the_compiler_nor_statistics(tiny_checkpoint):
    """And both are there for whoever asks afterwards."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(tiny_checkpoint)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
