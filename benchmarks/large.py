"""Pictures of 12 and 50 megapixels denoised at their own size: memory, time over bare forwards.

    python benchmarks/large.py [--sizes 4032x3024,8192x6144] [--blocks 2] [--given] [--bits 16]

From JPEG to JPEG, blind: the noise is found to be coloured, since the JPEG's chroma is subsampled
(`--given`: white, its level told). `--bits 16` (or 8): from TIFF to TIFF. Each size in a process
of its own; memory is the peak above the loaded program, by the kernel's count (Linux). The network
works in the first `--blocks` blocks and in as many bare forward passes of 512 x 512, taking turns,
on one thread; in the others it gives back what it gets, so that a busy machine need not do ten
minutes of the same: what the rest of the program takes is measured over the whole picture, and

    ratio = (pixels seen x seconds a pixel in blocks + the rest) / (pixels x seconds a pixel bare).

`--blocks 1000` lets the network work throughout.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

SIGMA_255 = 25.0
BARE_PX = 512


def memory_mb(field: str) -> float:
    """`field` of /proc/self/status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise SystemExit("no /proc here: memory cannot be measured this way")


def write_picture(path: Path, width: int, height: int, bits: int | None = None) -> None:
    """Smooth shapes under noise: what the pixels hold changes neither time nor memory. A TIFF of
    so many bits, or a JPEG."""
    import tifffile
    from PIL import Image

    random = np.random.default_rng(0)
    top = 2 ** (bits or 8) - 1
    pixels = np.empty((height, width, 3), np.uint16 if bits == 16 else np.uint8)
    x = np.arange(width) / width
    for row in range(0, height, 256):
        y = np.arange(row, min(row + 256, height))[:, None] / height
        clean = np.stack([np.sin(9 * x) + 0 * y, np.cos(7 * y) + 0 * x, np.sin(5 * (x + y))], -1)
        noisy = 127 + 80 * clean + SIGMA_255 * random.standard_normal(clean.shape)
        pixels[row : row + 256] = (noisy * (top / 255)).round().clip(0, top)
    if bits is not None:
        tifffile.imwrite(path, pixels, photometric="rgb")
        return
    Image.fromarray(pixels).save(path, quality=95)


def measure(path: Path, num_blocks: int, is_given: bool) -> dict[str, float]:
    """Seconds and memory of one picture."""
    import torch

    from ddpm_demo import DDPM, DenoiseRecipe
    from ddpm_demo.core.memory import keep_between_steps
    from ddpm_demo.pictures import decode, encode
    from ddpm_demo.pictures.images import load_image

    keep_between_steps()  # as the app and the commands do
    torch.set_num_threads(1)
    ddpm = DDPM.from_pretrained("photos", device="cpu")
    denoiser = ddpm.denoiser
    real, busy = denoiser._forward, {"ours": 0.0, "bare": 0.0, "ours_px": 0, "bare_px": 0}
    x = torch.randn(1, 3, BARE_PX, BARE_PX)
    with torch.inference_mode():
        real(x[..., :96, :96], 300.0)
    is_real = True

    def forward(x_t: torch.Tensor, t: float) -> torch.Tensor:
        if not is_real:
            return x_t
        started = time.process_time()
        output = real(x_t, t)
        busy["ours"] += time.process_time() - started
        busy["ours_px"] += x_t.shape[0] * x_t.shape[-2] * x_t.shape[-1]
        return output

    denoiser._forward = forward
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, started = memory_mb("VmRSS"), time.process_time()
    recipe = DenoiseRecipe(checkpoint="photos", sigma_255=SIGMA_255 if is_given else None)
    # Commands keep what the file said until they write; a JPEG is measured without it, as ever.
    photograph = decode.read(path) if path.suffix == ".tif" else None
    run = ddpm.denoise(recipe, photograph.image if photograph else load_image(path))
    bare_seconds = 0.0
    for step in run:
        if is_real:
            with torch.inference_mode():
                turn = time.process_time()
                for _ in range(4):
                    real(x, 300.0)
                busy["bare"] += time.process_time() - turn
                bare_seconds += time.process_time() - turn
                busy["bare_px"] += 4 * BARE_PX**2
        is_real = is_real and step.index + 1 < num_blocks
    if photograph is None:
        run.images()[0].save(path.with_name("out.jpg"), quality=95)
    else:
        path.with_name("out.tif").write_bytes(encode.write(run.images()[0], photograph))
    seconds = time.process_time() - started - bare_seconds
    pixels = run.fit.width * run.fit.height
    rest = seconds - busy["ours"]
    ours = run.progress.expected * busy["ours"] / busy["ours_px"] + rest
    return {
        "memory_mb": memory_mb("VmHWM") - before,
        "ratio": ours / (pixels * busy["bare"] / busy["bare_px"]),
        "rest_s": rest,
        "evaluations": run.last.num_evaluations / len(run._setup.steps.pieces),
        "overlap": run.progress.expected / pixels,
        "us_a_pixel": 1e6 * busy["bare"] / busy["bare_px"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="4032x3024,8192x6144")
    parser.add_argument("--blocks", type=int, default=2)
    parser.add_argument("--given", action="store_true", help="white noise of a known level")
    parser.add_argument("--bits", type=int, choices=(8, 16), help="a TIFF instead of a JPEG")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure, arguments.blocks, arguments.given)))
        return
    print("| picture | peak memory | time over bare forwards | all but the network |")
    print("|---|---|---|---|")
    for size in arguments.sizes.split(","):
        width, height = (int(word) for word in size.split("x"))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / ("picture.tif" if arguments.bits else "picture.jpg")
            write_picture(path, width, height, arguments.bits)
            command = [sys.executable, __file__, "--measure", str(path)]
            command += ["--blocks", str(arguments.blocks)]
            command += ["--given"] * arguments.given
            found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        print(
            f"| {width} x {height} | {found['memory_mb']:.0f} MB | {found['ratio']:.2f} "
            f"(pixels seen {found['overlap']:.2f}, evaluations {found['evaluations']:.0f}) | "
            f"{found['rest_s']:.0f} s |",
            flush=True,
        )


if __name__ == "__main__":
    main()
