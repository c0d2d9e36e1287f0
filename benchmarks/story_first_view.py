"""Make the moving picture of the first view, `ddpm_demo/ui/examples/first-view.webp`.

    python benchmarks/story_first_view.py

Eight faces grow out of noise: x_t at every step of DPM-Solver++, a pause at the end. It travels in
the page itself, so it must stay small.
"""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from ddpm_demo import DDPM
from ddpm_demo.pictures.images import make_grid, to_pil
from ddpm_demo.tasks.generate import GenerateRecipe

TARGET = Path(__file__).parent.parent / "ddpm_demo" / "ui" / "examples" / "first-view.webp"
COLUMNS, ROWS, NUM_STEPS, SEED = 4, 2, 20, 3
STEP_MS, END_MS = 140, 2600


def main() -> None:
    """Write the file and say how large it is."""
    ddpm = DDPM.from_pretrained("faces-64")
    recipe = GenerateRecipe(
        checkpoint="faces-64", num_images=COLUMNS * ROWS, num_steps=NUM_STEPS, seed=SEED
    )
    frames: list[Image.Image] = []
    for step in ddpm.generate(recipe):
        frames.append(make_grid(to_pil(step.x_t), columns=COLUMNS, gap_px=0).convert("RGB"))
    del frames[1:9:2]  # one frame of pure noise is like the next, and noise packs badly
    buffer = io.BytesIO()
    durations = [STEP_MS] * (len(frames) - 1) + [END_MS]
    options = {"quality": 20, "method": 6, "loop": 0, "save_all": True}
    frames[0].save(buffer, "WEBP", append_images=frames[1:], duration=durations, **options)
    TARGET.write_bytes(buffer.getvalue())
    print(f"{TARGET.name}: {frames[0].size}, {len(frames)} frames, {len(buffer.getvalue())} bytes")


if __name__ == "__main__":
    main()
