"""What faithful denoising costs as pictures grow: time over the bare U-Net, and memory.

    python benchmarks/pixels.py [--checkpoint photos] [--sizes 512,1024,1448,2000]

The time is that of `DDPM.denoise` from file to file, sigma known, over one forward pass of the
same network on the same pixels, the two taking turns in one process (medians of CPU seconds on one
thread). Each size runs in a process of its own; memory is its peak above the loaded program, by
the kernel's count (Linux). `--turns 0` measures memory alone.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

SIZES_PX = (512, 1024, 1448, 2000)
SIGMA_255 = 25.0


def memory_mb(field: str) -> float:
    """`field` of /proc/self/status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise SystemExit("no /proc here: memory cannot be measured this way")


def measure(checkpoint: str, size_px: int, turns: int) -> dict[str, float]:
    """Seconds of ours and of the bare network (NaN without turns), and ours' peak memory."""
    import torch
    from PIL import Image

    from ddpm_demo import DDPM, DenoiseRecipe

    torch.set_num_threads(1)
    ddpm = DDPM.from_pretrained(checkpoint, device="cpu")
    # Smooth shapes under noise: what the pixels hold changes neither time nor memory.
    y, x = np.mgrid[:size_px, :size_px] / size_px
    clean = 127 + 80 * np.stack([np.sin(9 * x), np.cos(7 * y), np.sin(5 * (x + y))], -1)
    noisy = clean + SIGMA_255 * np.random.default_rng(0).standard_normal(clean.shape)
    image = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
    recipe = DenoiseRecipe(checkpoint=ddpm.info.name, sigma_255=SIGMA_255)
    x_t = torch.randn(1, ddpm.denoiser.channels, size_px, size_px)
    x_t = x_t.contiguous(memory_format=torch.channels_last)

    @torch.inference_mode()
    def bare() -> None:
        ddpm.denoiser.unet(x_t, 300, return_dict=False)

    def ours() -> None:
        ddpm.denoise(recipe, image).images()

    def cpu_seconds(run: object) -> float:
        start = time.process_time()
        run()
        return time.process_time() - start

    Path("/proc/self/clear_refs").write_text("5")  # sets the peak back to what is in use
    before = memory_mb("VmRSS")
    ours()
    peak = memory_mb("VmHWM") - before
    times = [(math.nan, math.nan)]
    if turns:
        bare()
        times = [(cpu_seconds(bare), cpu_seconds(ours)) for _ in range(turns)]
    return {
        "bare_seconds": statistics.median(b for b, _ in times),
        "ours_seconds": statistics.median(o for _, o in times),
        "megabytes": peak,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", default="photos")
    parser.add_argument("--sizes", default=",".join(str(s) for s in SIZES_PX))
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--size", type=int, help="measure this one here (used internally)")
    arguments = parser.parse_args()
    if arguments.size:
        print(json.dumps(measure(arguments.checkpoint, arguments.size, arguments.turns)))
        return
    sizes = [int(size) for size in arguments.sizes.split(",")]
    results = []
    for size in sizes:
        command = [sys.executable, __file__, "--checkpoint", arguments.checkpoint]
        command += ["--size", str(size), "--turns", str(arguments.turns)]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        results.append(json.loads(output))
        print(f"{size}: {results[-1]}", file=sys.stderr, flush=True)
    report(arguments.checkpoint, sizes, results)


def report(checkpoint: str, sizes: list[int], results: list[dict[str, float]]) -> None:
    """Prints the table, and how far memory is from a straight line."""
    from ddpm_demo.evaluation.report import markdown_table

    header = ["side, px", "megapixels", "bare U-Net, s", "ours, s", "ratio", "peak, MB", "MB / MP"]
    megapixels = np.array([size**2 / 1e6 for size in sizes])
    memory = np.array([r["megabytes"] for r in results])
    body = [
        [
            str(size),
            f"{mp:.2f}",
            f"{r['bare_seconds']:.2f}",
            f"{r['ours_seconds']:.2f}",
            f"{r['ours_seconds'] / r['bare_seconds']:.2f}",
            f"{r['megabytes']:.0f}",
            f"{r['megabytes'] / mp:.0f}",
        ]
        for size, mp, r in zip(sizes, megapixels, results, strict=True)
    ]
    print(f"{checkpoint}, sigma {SIGMA_255:g} of 255\n\n{markdown_table(header, body)}")
    if len(sizes) > 2:
        slope, start = np.polyfit(megapixels, memory, 1)
        off = float(np.abs(slope * megapixels + start - memory).max() / memory.max())
        print(
            f"\nA straight line, {start:.0f} MB + {slope:.0f} MB a megapixel, is off by at most "
            f"{100 * off:.1f} % of the largest."
        )


if __name__ == "__main__":
    main()
