"""What learns fastest per CPU second: the same seconds for each variant, then the held-out loss.

    python benchmarks/learning.py [--recipe faces-64] [--seconds 150] [--only muon,width]

Every variant starts from nothing, in a process of its own with one thread, and trains until the
process has used so many seconds of CPU time (compiling counts). Then the averaged weights are
measured on held-out pictures with noise that is the same for all: lower is better. The variants
differ from the recipe's settings in one thing each.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

# name: settings of TrainConfig beside the recipe's; "optimizer" is this file's own.
VARIANTS: dict[str, dict[str, Any]] = {
    "as the recipe": {},
    "batch 16": {"batch_size": 16},
    "batch 64": {"batch_size": 64},
    "learning rate 4e-4": {"learning_rate": 4e-4},
    "learning rate 1.6e-3": {"learning_rate": 1.6e-3},
    "Muon": {"optimizer": "muon"},
    "float32": {"mixed_precision": "no"},
    "torch.compile": {"compile": True},
    "width 32, 64, 96, 128": {"unet": {"block_out_channels": [32, 64, 96, 128]}},
    "width 32, 32, 64, 128": {"unet": {"block_out_channels": [32, 32, 64, 128]}},
    "width 24, 48, 96, 144": {"unet": {"block_out_channels": [24, 48, 96, 144]}},
}


class Muon(torch.optim.Optimizer):
    """Momentum made orthogonal by Newton-Schulz (Jordan et al. 2024), for matrices and
    convolutions as [out, in * k * k], scaled to the root mean square of an AdamW step (Liu et al.
    2025, arXiv:2502.16982, eq. 4); AdamW for vectors."""

    def __init__(self, parameters: list[Tensor], adamw: torch.optim.AdamW, momentum: float = 0.95):
        super().__init__([p for p in parameters if p.dim() > 1], {"lr": 0.0})
        self.momentum = momentum
        self.weight_decay = adamw.defaults["weight_decay"]
        vectors = [p for p in parameters if p.dim() < 2]
        kept = {name: adamw.defaults[name] for name in ("betas", "weight_decay", "fused")}
        self.adamw = torch.optim.AdamW(vectors, **kept)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        rate = self.param_groups[0]["lr"]
        for p in self.param_groups[0]["params"]:
            if p.grad is None:
                continue
            moving = self.state[p].setdefault("momentum", torch.zeros_like(p))
            moving.lerp_(p.grad, 1 - self.momentum)
            update = orthogonal(p.grad.lerp(moving, self.momentum).flatten(1))
            p.mul_(1 - rate * self.weight_decay)
            p.add_(update.view_as(p), alpha=-0.2 * rate * max(update.shape) ** 0.5)
        self.adamw.param_groups[0]["lr"] = rate
        self.adamw.step()

    def zero_grad(self, set_to_none: bool = True) -> None:
        super().zero_grad(set_to_none)
        self.adamw.zero_grad(set_to_none)


def orthogonal(matrix: Tensor) -> Tensor:
    """matrix [m, n] with its singular values near 1: five steps of the quintic iteration."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix / (matrix.norm() + 1e-7)
    turned = x.shape[0] > x.shape[1]
    x = x.T if turned else x
    for _ in range(5):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if turned else x


def work(values: dict[str, Any], seconds: float) -> None:
    """In a process of its own: trains for so many CPU seconds, prints one JSON line."""
    from ddpm_demo.training import run as training
    from ddpm_demo.training.config import TrainConfig
    from ddpm_demo.training.loop import Trainer
    from ddpm_demo.training.validation import open_validation

    optimizer = values.pop("optimizer", "adamw")
    config = TrainConfig.from_mapping(values)
    trainers: list[Trainer] = []

    class Limited(Trainer):
        """Stops by CPU time; otherwise the trainer as it is."""

        def __init__(self, *arguments: Any):
            state = arguments[2]
            if optimizer == "muon":
                state.optimizer = Muon(
                    [p for p in state.unet.parameters() if p.requires_grad], state.optimizer
                )
            super().__init__(*arguments)
            trainers.append(self)
            self.begun = time.process_time()

        def _reason(self, elapsed_s: float, signalled: bool) -> str | None:
            spent = time.process_time() - self.begun
            return "hours" if spent >= seconds else super()._reason(elapsed_s, signalled)

        def _save(self, last: bool = False) -> None:
            """Nothing is to be kept."""

    training.Trainer = Limited
    training.train(config)
    trainer = trainers[0]
    validation = open_validation(config, trainer.schedule.num_timesteps)
    assert validation is not None
    loss = validation.loss(trainer.state.ema_unet, trainer.objective)
    facts = {
        "loss": loss,
        "steps": trainer.position.step,
        "samples": trainer.position.samples_seen,
        "parameters": sum(p.numel() for p in trainer.state.unet.parameters()),
    }
    print("\nROW " + json.dumps(facts), flush=True)


def measure(recipe: dict[str, Any], changes: dict[str, Any], seconds: float) -> dict[str, Any]:
    """One variant, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        values = {**recipe, **changes, "out": str(Path(folder) / "run")}
        values["unet"] = {**recipe["unet"], **changes.get("unet", {})}
        done = subprocess.run(
            [sys.executable, __file__, "--worker", json.dumps(values), "--seconds", str(seconds)],
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
    rows = [line for line in done.stdout.splitlines() if line.startswith("ROW ")]
    if not rows:
        raise SystemExit(done.stderr[-2000:])
    return json.loads(rows[0][4:])


def recipe_of(name: str) -> dict[str, Any]:
    """The recipe's settings, from nothing, with its checkpoint's network."""
    path = ROOT / "ddpm_demo" / "training" / "recipes" / f"{name}.json"
    recipe = json.loads(path.read_text())
    folder = ROOT / recipe.pop("from_checkpoint")
    config = json.loads((folder / "unet" / "config.json").read_text())
    recipe["unet"] = {k: v for k, v in config.items() if not k.startswith("_")}
    recipe |= {"num_threads": 1, "warmup_steps": 50, "max_steps": 10**6}
    recipe |= {"checkpoint_minutes": None, "sample_minutes": None}
    return recipe


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="faces-64")
    parser.add_argument("--seconds", type=float, default=150.0)
    parser.add_argument("--only", default="", help="variants that contain one of these, by comma")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(json.loads(arguments.worker), arguments.seconds)
        return
    recipe = recipe_of(arguments.recipe)
    print(f"{arguments.recipe}, {arguments.seconds:g} CPU seconds of one thread each\n")
    print("| variant | held-out loss | pictures | steps | weights |")
    print("|---|---|---|---|---|", flush=True)
    for name, changes in VARIANTS.items():
        if arguments.only and not any(part in name for part in arguments.only.split(",")):
            continue
        row = measure(recipe, changes, arguments.seconds)
        print(
            f"| {name} | {row['loss']:.4f} | {row['samples']:,} | {row['steps']:,} "
            f"| {row['parameters']:,} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
