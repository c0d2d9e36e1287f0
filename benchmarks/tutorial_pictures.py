"""The pictures of docs/tutorial.md: runs its commands and lays what went in beside what came out.

python benchmarks/tutorial_pictures.py
"""

from __future__ import annotations

import os
import re
import shlex
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
HEIGHT, GAP = 128, 8
# What is seen of each task, in a row: files below out/.
SEEN = {
    "generate": ["generate/seed-*.png"],
    "denoise": ["denoise/cat-denoised-observed.png", "denoise/cat-denoised.png"],
    "inpaint": ["inpaint/face-1-inpainted-observed.png", "inpaint/face-1-inpainted-seed-*.png"],
    "upscale": ["upscale/face-2-upscaled-observed.png", "upscale/face-2-upscaled-seed-*.png"],
    "colourise": [
        "colourise/face-2-colourised-observed.png",
        "colourise/face-2-colourised-seed-*.png",
    ],
    "deblur": ["deblur/face-1-deblurred-observed.png", "deblur/face-1-deblurred.png"],
    "interpolate": ["interpolate/frame-*.png"],
    "diffuse": ["diffuse/seed-*.png"],
}


def main():
    from ddpm_demo.cli import main as command

    docs = ROOT / "docs"
    told = (docs / "tutorial.md").read_text("utf-8")
    pieces = re.findall(
        r"^    \.venv/bin/python -m ddpm_demo ([^\n]+)$|^```python\n(.*?)^```", told, re.M | re.S
    )
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "ddpm_demo" / "ui").mkdir(parents=True)
        (place / "ddpm_demo" / "ui" / "examples").symlink_to(
            ROOT / "ddpm_demo" / "ui" / "examples"
        )
        (place / "out").mkdir()
        os.chdir(place)
        for words, code in pieces:
            if code:
                exec(code, {})
            elif command(shlex.split(words)) != 0:
                sys.exit(f"failed: {words}")
        for task, names in SEEN.items():
            paths = [path for name in names for path in sorted(Path("out").glob(name))]
            beside(paths).save(docs / f"tutorial-{task}.webp", quality=90, method=6)


def beside(paths):
    """Pictures in a row, small ones enlarged by whole factors with hard pixels."""
    images = []
    for path in paths:
        image = Image.open(path).convert("RGB")
        factor = max(1, HEIGHT // image.height)
        images.append(
            image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
        )
    width = sum(image.width for image in images) + GAP * (len(images) - 1)
    row = Image.new("RGB", (width, max(image.height for image in images)), "white")
    left = 0
    for image in images:
        row.paste(image, (left, 0))
        left += image.width + GAP
    return row


if __name__ == "__main__":
    main()
