"""Training speed beside the loop of diffusers' `train_unconditional.py`, written out plainly.

    python benchmarks/training.py [--checkpoint faces-64] [--batch-size 32] [--num-steps 12]

Same U-Net, same batch, the same two cores, one run: the rows are visited in turn several times,
each in processes of its own, and the median is printed. The peer is the script's loop with its
defaults (PNG decoding and transforms a batch, EMAModel, accelerator, AdamW, a loss read back every
step); without torchvision, which does not load beside this torch, its transforms are three lines
of NumPy. `1 x 2` is one process of two threads, `2 x 1` two gloo processes of one thread with half
the batch.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
LAYOUTS = {"1 x 2": (1, 2), "2 x 1": (2, 1)}
ROUNDS = 2


def peer(checkpoint: str, data: Path, batch_size: int, num_steps: int, num_threads: int) -> None:
    """The loop of train_unconditional.py; prints seconds of each step in the main process."""
    import torch
    import torch.nn.functional as F
    from accelerate import Accelerator
    from diffusers import DDPMScheduler
    from diffusers.optimization import get_scheduler
    from diffusers.training_utils import EMAModel
    from PIL import Image
    from tqdm.auto import tqdm

    from ddpm_demo.checkpoints import library as checkpoints

    torch.set_num_threads(num_threads)
    accelerator = Accelerator(cpu=True)
    model = checkpoints.load(checkpoint).unet.train().requires_grad_(True)
    model = model.to(memory_format=torch.contiguous_format)
    ema_model = EMAModel(
        model.parameters(),
        decay=0.9999,
        use_ema_warmup=True,
        inv_gamma=1.0,
        power=3 / 4,
        model_cls=type(model),
        model_config=model.config,
    )
    noise_scheduler = DDPMScheduler(num_train_timesteps=1000, beta_schedule="linear")
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1e-4, betas=(0.95, 0.999), weight_decay=1e-6, eps=1e-8
    )
    encoded = [encode_png(image) for image in np.load(data)]

    class Pictures(torch.utils.data.Dataset):
        def __len__(self):
            return len(encoded)

        def __getitem__(self, i):
            pixels = np.array(Image.open(io.BytesIO(encoded[i])))
            if np.random.random() < 0.5:
                pixels = pixels[:, ::-1]
            pixels = pixels.reshape(*pixels.shape[:2], -1).transpose(2, 0, 1)
            return (torch.from_numpy(pixels.copy()).float().div(255) - 0.5) / 0.5

    share = batch_size // accelerator.num_processes
    loader = torch.utils.data.DataLoader(Pictures(), batch_size=share, shuffle=True)
    lr_scheduler = get_scheduler(
        "cosine", optimizer, num_warmup_steps=500, num_training_steps=100_000
    )
    model, optimizer, loader, lr_scheduler = accelerator.prepare(
        model, optimizer, loader, lr_scheduler
    )
    seconds, step, started = [], 0, time.perf_counter()
    progress_bar = tqdm(total=num_steps, disable=True)
    while step < num_steps:
        for clean_images in loader:
            noise = torch.randn(clean_images.shape)
            timesteps = torch.randint(0, 1000, (clean_images.shape[0],)).long()
            noisy_images = noise_scheduler.add_noise(clean_images, noise, timesteps)
            with accelerator.accumulate(model):
                model_output = model(noisy_images, timesteps).sample
                loss = F.mse_loss(model_output.float(), noise.float())
                accelerator.backward(loss)
                if accelerator.sync_gradients:
                    accelerator.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                lr_scheduler.step()
                optimizer.zero_grad()
            ema_model.step(model.parameters())
            progress_bar.set_postfix(loss=loss.detach().item(), lr=lr_scheduler.get_last_lr()[0])
            now = time.perf_counter()
            seconds.append(now - started)
            started, step = now, step + 1
            if step == num_steps:
                break
    if accelerator.is_main_process:
        print("\n" + json.dumps({"seconds": seconds}), flush=True)
    accelerator.end_training()


def encode_png(pixels: np.ndarray) -> bytes:
    """One picture as a file's bytes, as an image folder would hold it."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(file, "PNG")
    return file.getvalue()


def peer_rate(arguments: argparse.Namespace, data: Path, processes: int, threads: int) -> float:
    """Images per second of the peer."""
    from ddpm_demo.training.launch import command

    launcher = command(Path("unused"), processes)
    launcher = launcher[: launcher.index("-m", 3)]  # up to what is launched
    done = subprocess.run(
        [
            *launcher,
            __file__,
            "--peer",
            str(data),
            "--num-threads",
            str(threads),
            *same(arguments),
        ],
        env={**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    line = next(text for text in done.stdout.splitlines() if text.startswith('{"seconds"'))
    seconds = json.loads(line)["seconds"][2:]  # the first steps plan and allocate
    return arguments.batch_size / statistics.median(seconds)


def our_rate(arguments: argparse.Namespace, data: Path, processes: int, threads: int) -> float:
    """Images per second of `ddpm_demo.training`."""
    from ddpm_demo.training.events import read_events
    from ddpm_demo.training.launch import command

    images = np.load(data, mmap_mode="r")
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        values = {
            "data": str(data),
            "out": str(run),
            "from_checkpoint": arguments.checkpoint,
            "sizes_px": [images.shape[1]],
            "channels": images.shape[-1],
            "batch_size": arguments.batch_size,
            "max_steps": arguments.num_steps,
            "num_threads": threads,
            "log_steps": 1,
            "channels_last": False,
            "checkpoint_minutes": None,
            "sample_minutes": None,
        }
        config = Path(folder) / "config.json"
        config.write_text(json.dumps(values))
        done = subprocess.run(
            command(config, processes),
            env={**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise SystemExit(done.stderr)
        rates = [e["images_per_s"] for e in read_events(run) if e["kind"] == "loss"]
    return statistics.median(rates[2:])


def same(arguments: argparse.Namespace) -> list[str]:
    """The settings that all rows share, as command-line arguments."""
    return [
        *("--checkpoint", arguments.checkpoint),
        *("--batch-size", str(arguments.batch_size)),
        *("--num-steps", str(arguments.num_steps)),
    ]


def operations(checkpoint: str, size_px: int) -> float:
    """Floating-point operations of one picture's forward and backward pass, in 1e9."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from ddpm_demo.checkpoints import library as checkpoints

    unet = checkpoints.load(checkpoint).unet.requires_grad_(True)
    x = torch.zeros(1, unet.config.in_channels, size_px, size_px)
    with FlopCounterMode(display=False) as counter:
        unet(x, torch.tensor([0]), return_dict=False)[0].sum().backward()
    return counter.get_total_flops() / 1e9


def peak(name: str, num_threads: int = 2) -> float:
    """The machine's best products in float32 or bfloat16, in 1e9 operations a second.

    Of a matrix multiplication and a convolution: torch has them from two libraries, and on some
    processors one of these does not use all of its instructions.
    """
    import torch

    torch.set_num_threads(num_threads)
    kind = getattr(torch, name)
    a, b = torch.randn(2048, 2048).to(kind), torch.randn(2048, 2048).to(kind)
    x = torch.randn(32, 128, 64, 64).to(kind, memory_format=torch.channels_last)
    w = torch.randn(128, 128, 3, 3).to(kind)
    works = {
        2 * 2048**3: lambda: a @ b,
        2 * 32 * 64 * 64 * 128 * 128 * 9: lambda: torch.conv2d(x, w, padding=1),
    }
    rates = []
    with torch.inference_mode():
        for operations, work in works.items():
            for _ in range(8):
                started = time.perf_counter()
                work()
                rates.append(operations / (time.perf_counter() - started) / 1e9)
    return max(rates)


def main() -> None:
    """Measures all rows in turn and prints the table."""
    parser = argparse.ArgumentParser(description="Training speed beside diffusers' loop.")
    parser.add_argument("--checkpoint", default="faces-64")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--num-steps", type=int, default=12)
    parser.add_argument("--num-threads", type=int, default=2)
    parser.add_argument("--peer", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        peer(
            arguments.checkpoint,
            arguments.peer,
            arguments.batch_size,
            arguments.num_steps,
            arguments.num_threads,
        )
        return
    sys.path.insert(0, str(ROOT))
    from ddpm_demo.checkpoints import library as checkpoints
    from ddpm_demo.training.precision import mixed_precision

    info = checkpoints.find(arguments.checkpoint)
    rows: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data.npy"
        shape = (512, info.size_px, info.size_px, info.channels)
        np.save(data, np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))
        for _ in range(ROUNDS):
            for layout, (processes, threads) in LAYOUTS.items():
                for name, rate in (("diffusers", peer_rate), ("ours", our_rate)):
                    rows.setdefault((name, layout), []).append(
                        rate(arguments, data, processes, threads)
                    )
    base = statistics.median(rows["diffusers", "1 x 2"])
    ours_in = "bfloat16" if mixed_precision("auto", True) == "bf16" else "float32"
    kinds = {"diffusers": "float32", "ours": ours_in}
    peaks = {name: peak(name) for name in set(kinds.values())}
    cost = operations(arguments.checkpoint, info.size_px)
    print(f"{arguments.checkpoint}, batch {arguments.batch_size}, {cost:.2f} GFLOP an image,")
    best = ", ".join(f"{name} {rate:.0f} GFLOP/s" for name, rate in sorted(peaks.items()))
    print(f"best products: {best}; load average {os.getloadavg()[1]:.1f}\n")
    print(
        "| loop | processes x threads | images/s | of diffusers 1 x 2 | products | of their peak |"
    )
    print("|---|---|---|---|---|---|")
    for (name, layout), rates in rows.items():
        rate, kind = statistics.median(rates), kinds[name]
        share = f"{kind} | {rate * cost / peaks[kind]:.0%}"
        print(f"| {name} | {layout} | {rate:.1f} | {rate / base:.2f} | {share} |")


if __name__ == "__main__":
    main()
