"""Sampling speed and memory, beside the bare U-Net and diffusers' pipelines as shipped.

    python benchmarks/sampling.py [--checkpoint faces-64] [--num-images 16] [--num-steps 20]

Each row is measured in a process of its own, so that peak memory is that row's; rows are visited
several times in turn, so that a machine that drifts touches all alike, and the median is printed.
(a) our time a step over the bare U-Net forward at the same batch, the two taking turns in one
process, because two processes lay out memory differently and differ by more than this; (b) ours
over diffusers' with the same sampler and steps; (c) our default sampler over diffusers' 1000-step
DDPMPipeline; (d) memory; (e) float32 over bfloat16, runs taking turns in one process, and how
far the pictures of the same seeds are apart. All but our default and (e) are in float32.

    python benchmarks/sampling.py --row precision --checkpoint faces-64

prints (e) alone as JSON, of `photos` with 8 tiles of 96 x 96. Its speed means something only where
the processor has bfloat16 products (`grep -o 'avx512_bf16\|amx_bf16' /proc/cpuinfo`); elsewhere
bfloat16 is slower.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROWS = ("bare", "ours-ddpm", "diffusers-ddpm", "ours-ddim", "diffusers-ddim", "ours-default")
FULL = "diffusers-ddpm-1000"
PAIRED = "paired"
PRECISION = "precision"
ROUNDS = 3
PAIRED_TURNS = 9
PRECISION_TURNS = 9
# Photographs are worked on in tiles: so many of this side at once.
PHOTO_TILES, PHOTO_TILE_PX = 8, 96


def measure(row: str, checkpoint: str, num_images: int, num_steps: int) -> dict[str, float]:
    """Seconds for `num_steps` steps of `num_images` pictures, and the process's peak memory."""
    import torch

    from ddpm_demo import DDPM
    from ddpm_demo.checkpoints.library import find

    num_steps = 1000 if row == FULL else num_steps
    kind, _, sampler = row.removesuffix("-1000").partition("-")
    if kind == "diffusers":
        from diffusers import DDIMPipeline, DDPMPipeline

        cls = DDIMPipeline if sampler == "ddim" else DDPMPipeline
        pipeline = cls.from_pretrained(find(checkpoint).folder)
        pipeline.set_progress_bar_config(disable=True)

        def run() -> None:
            generator = torch.Generator().manual_seed(0)
            pipeline(batch_size=num_images, num_inference_steps=num_steps, generator=generator)
    else:
        ddpm = DDPM.from_pretrained(checkpoint)
        if kind == "bare":
            run = bare_forwards(ddpm, num_images, num_steps)
        else:
            run = our_run(ddpm, num_images, sampler, num_steps)

    with torch.inference_mode(False):
        if row != FULL:  # long enough to need no warm-up
            run()
        start = time.perf_counter()
        run()
        seconds = time.perf_counter() - start
    return {
        "seconds": seconds,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def our_run(ddpm: object, num_images: int, sampler: str, num_steps: int) -> Callable[[], None]:
    """A whole run of ours, to the finished pictures."""
    from ddpm_demo.tasks.generate import GenerateRecipe

    own = sampler == "default"
    recipe = GenerateRecipe(
        checkpoint=ddpm.info.name,
        num_images=num_images,
        num_steps=None if own else num_steps,
        sampler=None if own else sampler,
    )

    def run() -> None:
        ddpm.generate(recipe).images()

    return run


def measure_paired(checkpoint: str, num_images: int, num_steps: int) -> dict[str, float]:
    """Our runs over as many bare forwards, in turn in one process: the median ratio of each."""
    from ddpm_demo import DDPM

    ddpm = DDPM.from_pretrained(checkpoint)
    runs = {
        "bare": bare_forwards(ddpm, num_images, num_steps),
        "ddpm": our_run(ddpm, num_images, "ddpm", num_steps),
        "ddim": our_run(ddpm, num_images, "ddim", num_steps),
    }
    ratios: dict[str, list[float]] = {"ddpm": [], "ddim": []}
    for turn in range(PAIRED_TURNS + 1):
        seconds = {}
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            seconds[name] = time.perf_counter() - start
        if turn:  # the first is warm-up
            for name in ratios:
                ratios[name].append(seconds[name] / seconds["bare"])
    return {"seconds": seconds["bare"], **{n: statistics.median(r) for n, r in ratios.items()}}


def measure_precision(checkpoint: str, num_images: int, num_steps: int) -> dict[str, object]:
    """float32 against bfloat16: time, v and pictures of the same seeds."""
    import torch

    from ddpm_demo import DDPM
    from ddpm_demo.core.denoiser import use
    from ddpm_demo.core.precision import fastest
    from ddpm_demo.tasks.generate import GenerateRecipe

    ddpm = DDPM.from_pretrained(checkpoint)
    denoisers = {name: use(ddpm.denoiser, name) for name in ("float32", "bfloat16")}
    size_px = None
    if ddpm.info.prior == "photo":
        num_images, size_px = PHOTO_TILES, PHOTO_TILE_PX
    recipe = GenerateRecipe(
        checkpoint=ddpm.info.name,
        num_images=num_images,
        num_steps=num_steps,
        sampler="dpmpp_2m",
        size_px=size_px,
    )
    seconds: dict[str, list[float]] = {name: [] for name in denoisers}
    pictures = {}
    for _ in range(PRECISION_TURNS):
        for name, denoiser in denoisers.items():
            ddpm.denoiser = denoiser
            start = time.perf_counter()
            *_, last = ddpm.generate(recipe)
            seconds[name].append(time.perf_counter() - start)
            pictures[name] = last.x0_hat.clamp(-1, 1)
    levels = (127.5 * (pictures["bfloat16"] - pictures["float32"])).abs()
    ratios = [a / b for a, b in zip(*seconds.values(), strict=True)][1:]  # the first is warm-up
    errors = {}
    for t in (20, 200, 700):
        x_t = ddpm.schedule.q_sample(pictures["float32"], t, torch.randn_like(levels))
        v = []
        for denoiser in denoisers.values():
            found = denoiser.predict(x_t, t)
            v.append(ddpm.schedule.v_from_x0_eps(found.x0, found.eps, t))
        errors[f"rms_v_at_{t}"] = round((v[0] - v[1]).square().mean().sqrt().item(), 4)
    return {
        "seconds": statistics.median(seconds["float32"]),
        "auto": str(fastest(ddpm.device, torch.cpu.get_capabilities)).removeprefix("torch."),
        "float32_over_bfloat16": round(statistics.median(ratios), 2),
        **errors,
        "grey_levels_mean": round(levels.mean().item(), 2),
        "grey_levels_99.9_percent": round(torch.quantile(levels[:8].flatten(), 0.999).item(), 1),
    }


def bare_forwards(ddpm: object, num_images: int, num_steps: int) -> Callable[[], None]:
    """The network alone, in the same memory format and mode, on the same batch."""
    import torch

    denoiser = ddpm.denoiser
    size = ddpm.info.size_px
    x_t = torch.randn(num_images, denoiser.channels, size, size)
    x_t = x_t.contiguous(memory_format=torch.channels_last)

    @torch.inference_mode()
    def run() -> None:
        for t in range(num_steps):
            denoiser.unet(x_t, t, return_dict=False)

    return run


def matmul_peak() -> float:
    """GFLOP/s of a large float32 matrix product on all threads, the best of ten."""
    import torch

    n = 2048
    a, b = torch.randn(n, n), torch.randn(n, n)
    best = 0.0
    for _ in range(10):
        start = time.perf_counter()
        a @ b
        best = max(best, 2 * n**3 / (time.perf_counter() - start) / 1e9)
    return best


def forward_gflop(checkpoint: str, num_images: int) -> float:
    """Floating-point operations of one forward, counted by torch."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from ddpm_demo import DDPM

    ddpm = DDPM.from_pretrained(checkpoint)
    size = ddpm.info.size_px
    x_t = torch.randn(num_images, ddpm.denoiser.channels, size, size)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        ddpm.denoiser.unet(x_t, 0)
    return counter.get_total_flops() / 1e9


def in_its_own_process(arguments: argparse.Namespace, row: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--row", row]
    for name in ("checkpoint", "num_images", "num_steps"):
        command += [f"--{name.replace('_', '-')}", str(getattr(arguments, name))]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    measured = json.loads(output)
    print(f"{row}: {measured['seconds']:.2f} s", file=sys.stderr, flush=True)
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", default="faces-64")
    parser.add_argument("--num-images", type=int, default=16)
    parser.add_argument("--num-steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument(
        "--row",
        choices=(*ROWS, FULL, PAIRED, PRECISION),
        help="measure this row only (used internally)",
    )
    arguments = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from ddpm_demo.core.memory import keep_between_steps

    keep_between_steps()  # as the app and the commands do
    if arguments.row:
        what = (arguments.checkpoint, arguments.num_images, arguments.num_steps)
        if arguments.row not in ("ours-default", PRECISION):
            os.environ["DDPM_DEMO_PRECISION"] = "float32"
        if arguments.row == PRECISION:
            measured = measure_precision(*what)
        elif arguments.row == PAIRED:
            measured = measure_paired(*what)
        else:
            measured = measure(arguments.row, *what)
        print(json.dumps(measured))
        return
    results: dict[str, list[dict[str, float]]] = {row: [] for row in ROWS}
    for _ in range(arguments.rounds):
        for row in ROWS:
            results[row].append(in_its_own_process(arguments, row))
    results[FULL] = [in_its_own_process(arguments, FULL)]
    print_table(arguments, results, in_its_own_process(arguments, PAIRED))
    print(f"(e) {json.dumps(in_its_own_process(arguments, PRECISION))}")


def print_table(
    arguments: argparse.Namespace,
    results: dict[str, list[dict[str, float]]],
    paired: dict[str, float],
) -> None:
    def ratio(a: str, b: str) -> float:
        """The median over rounds of the ratio within a round."""
        pairs = zip(results[a], results[b], strict=True)
        return statistics.median(x["seconds"] / y["seconds"] for x, y in pairs)

    from ddpm_demo.checkpoints.library import find

    steps = arguments.num_steps
    default_steps = find(arguments.checkpoint).default_num_steps
    print(f"{arguments.checkpoint}, {arguments.num_images} images, {steps} steps\n")
    print("| row | seconds | ms a step | peak memory, MB |\n|---|---|---|---|")
    for row in results:
        seconds = statistics.median(r["seconds"] for r in results[row])
        memory = max(r["megabytes"] for r in results[row])
        count = {"ours-default": default_steps, FULL: 1000}.get(row, steps)
        print(f"| {row} | {seconds:.2f} | {1000 * seconds / count:.1f} | {memory:.0f} |")
    gflop = forward_gflop(arguments.checkpoint, arguments.num_images)
    seconds = statistics.median(r["seconds"] for r in results["bare"]) / steps
    peak = matmul_peak()
    default = statistics.median(r["seconds"] for r in results["ours-default"])
    thousand = results[FULL][0]["seconds"] / default
    print(f"\n(a) ours over the bare U-Net: DDPM {paired['ddpm']:.3f},", end=" ")
    print(f"DDIM {paired['ddim']:.3f} (medians of {PAIRED_TURNS} turns in one process)")
    print(f"(b) ours over diffusers: DDPM {ratio('ours-ddpm', 'diffusers-ddpm'):.3f},", end=" ")
    print(f"DDIM {ratio('ours-ddim', 'diffusers-ddim'):.3f}")
    print(f"(c) 1000-step DDPMPipeline over our default ({default_steps} steps): {thousand:.0f} x")
    print(f"(d) matrix-multiply peak {peak:.0f} GFLOP/s; the U-Net reaches", end=" ")
    print(f"{gflop / seconds:.0f} ({100 * gflop / seconds / peak:.0f} %)")


if __name__ == "__main__":
    main()
