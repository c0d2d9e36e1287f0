"""Fine-tuning on 200 pictures: every part, norms and biases, attention and norms, from scratch.

    python benchmarks/finetune.py --minutes 20                  # all variants, one after another
    python benchmarks/finetune.py --minutes 20 --write-docs     # and the table into the docs

Each variant trains for so many minutes of wall time on 200 pictures of another avatar style (npm,
`python -m ddpm_demo.training.datasets adventurer-64`), starting from `faces-64` or from nothing.
Snapshots of the averaged weights are kept on the way; after the clock has stopped, samples are
compared with 1,000 further pictures of the style (KID) and with the 200 (nearest neighbours, among
their mirror images too, because training mirrors).
What is done is kept in --out and not done again.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

BASE = "faces-64"
VARIANTS = {
    "plain": "fine-tuning, everything learns",
    "norms_and_biases": "fine-tuning, norms and biases (DiffFit)",
    "attention_and_norms": "fine-tuning, attention and norms",
    "scratch": "from scratch, the same network",
}
DOCS = ROOT / "docs" / "finetuning.md"
PLOT = ROOT / "docs" / "finetuning.png"
MARKS = ("<!-- measured: begin -->", "<!-- measured: end -->")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=20, help="for each (default: 20)")
    parser.add_argument("--data", default="adventurer-64", help="or micah-64")
    parser.add_argument("--variants", default=",".join(VARIANTS))
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--snr-gamma", type=float, help="another than the tab's")
    parser.add_argument("--learning-rate", type=float, help="another than the tab's")
    parser.add_argument("--snapshots", type=int, default=5, help="on the way (default: 5)")
    parser.add_argument("--curve-images", type=int, default=250, help="samples a snapshot")
    parser.add_argument("--final-images", type=int, default=1000, help="samples at the end")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "finetune")
    parser.add_argument("--write-docs", action="store_true")
    arguments = parser.parse_args()
    data = data_set(arguments.data)
    names = arguments.variants.split(",")
    for name in names:
        train(name, data, arguments)
    measure = Measure(data)
    results = {"base": once(arguments.out / "base.json", lambda: base_row(measure, arguments))}
    for name in names:
        file = arguments.out / name / "result.json"
        results[name] = once(file, lambda name=name: measured(name, measure, arguments))
    report = markdown(results, arguments)
    print(report)
    plot(results, arguments.out / "curves.png")
    if arguments.write_docs:
        write_docs(report, arguments.out / "curves.png")


def data_set(name):
    """The folder of the data set, built if it is not there."""
    folder = ROOT / "data" / name
    if not (folder / "heldout.npy").exists():
        from ddpm_demo.training.datasets.__main__ import main as build

        if build([name, "--out", str(folder)]):
            raise SystemExit(2)
    return folder


def settings(name, data, arguments):
    """A run as the Fine-tune tab makes it, of this variant."""
    from ddpm_demo.ui.tabs.finetune import presets

    parts = name if name in presets.LEARNING_RATES else "all"
    values = {
        "data": str(data),
        "out": str(arguments.out / name / "run"),
        "batch_size": arguments.batch_size,
        "learning_rate": presets.learning_rate("" if name == "scratch" else BASE, parts),
        "train_parts": parts,
        "max_hours": arguments.minutes / 60,
        "checkpoint_minutes": arguments.minutes / arguments.snapshots,
        "sample_minutes": None,
        "validation_minutes": None,
        "warmup_steps": 100,
        "log_steps": 5,
        "num_threads": arguments.threads,
    }
    if arguments.snr_gamma:
        values["snr_gamma"] = arguments.snr_gamma
    if arguments.learning_rate:
        values["learning_rate"] = arguments.learning_rate
    if name == "scratch":
        from ddpm_demo.checkpoints.library import find

        config = json.loads((find(BASE).folder / "unet" / "config.json").read_text())
        values["unet"] = {k: v for k, v in config.items() if not k.startswith("_")}
    else:
        values["from_checkpoint"] = BASE
    return values


def train(name, data, arguments):
    """Train a variant to its end and keep what the average was on the way."""
    folder = arguments.out / name
    if (folder / "trained.json").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = folder / "config.json"
    config.write_text(json.dumps(settings(name, data, arguments)))
    words = [sys.executable, "-m", "ddpm_demo.training", "--config", str(config)]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": str(arguments.threads),
    }
    print(f"training: {VARIANTS[name]}", file=sys.stderr, flush=True)
    with subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL) as trainer:
        while trainer.poll() is None:
            time.sleep(0.5)
            keep_snapshots(folder)
    if trainer.returncode:
        raise SystemExit(trainer.returncode)
    keep_snapshots(folder)
    (folder / "trained.json").write_text(json.dumps({"threads": arguments.threads}))


def keep_snapshots(folder):
    """Hard links to the averaged weights of checkpoints, which the trainer soon deletes."""
    from ddpm_demo.training.state import list_checkpoints

    for step, checkpoint in list_checkpoints(folder / "run"):
        kept = folder / f"snapshot-{step}"
        if not kept.exists():
            try:
                partial = folder / ".snapshot"
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir()
                for name in ("ema.safetensors", "unet.json", "state.json"):
                    os.link(checkpoint / name, partial / name)
                partial.rename(kept)
            except FileNotFoundError:  # deleted meanwhile
                continue


class Measure:
    """Samples of a checkpoint folder against the further pictures and against the 200."""

    def __init__(self, data):
        from ddpm_demo.evaluation.features import cache_folder, cached_features, load_extractor
        from ddpm_demo.pipeline import DDPM
        from ddpm_demo.tasks.generate import GenerateRecipe

        train = np.load(data / "train.npy")
        self.train = np.concatenate([train, train[:, :, ::-1]])
        self.heldout = np.load(data / "heldout.npy")
        self.extract = load_extractor("efficientnet-lite0")
        self.real = cached_features(self.extract, self.heldout, cache_folder())
        self.recipe = GenerateRecipe(checkpoint=BASE).complete(DDPM.from_pretrained(BASE).info)

    def floor(self):
        """KID between two halves of the further pictures: the best there is to get."""
        from ddpm_demo.evaluation.distances import kid

        half = len(self.real) // 2
        return kid(self.real[:half], self.real[half : 2 * half]).mean

    def row(self, checkpoint, num_images):
        """KID, and how near the samples are to the 200 pictures."""
        from ddpm_demo.evaluation.distances import kid
        from ddpm_demo.evaluation.neighbours import memorisation
        from ddpm_demo.evaluation.samples import sample_images
        from ddpm_demo.pipeline import DDPM

        ddpm = DDPM.from_pretrained(str(checkpoint))
        samples = sample_images(ddpm, self.recipe.replace(checkpoint=str(checkpoint)), num_images)
        distance = kid(self.real, self.extract(samples))
        count = min(num_images, len(self.heldout))
        memory = memorisation(samples[:count], self.heldout[:count], self.train)
        return {
            "num_images": num_images,
            "kid": distance.mean,
            "kid_std": distance.std,
            "nearest": memory.samples_median,
            "nearest_heldout": memory.heldout_median,
            "ratio": memory.ratio,
            "near_share": memory.near_share,
        }


def once(file, make):
    """What is in the file, made if it is not there."""
    if not file.exists():
        values = make()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values, indent=1))
    return json.loads(file.read_text())


def base_row(measure, arguments):
    return {"end": measure.row(BASE, arguments.final_images), "floor": measure.floor()}


def measured(name, measure, arguments):
    """The curves of a variant and its figures at the end."""
    from ddpm_demo.training.events import loss_curve

    folder = arguments.out / name
    curve = []
    snapshots = sorted(folder.glob("snapshot-*"), key=lambda p: int(p.name.rpartition("-")[2]))
    for kept in snapshots:
        state = json.loads((kept / "state.json").read_text())
        row = measure.row(as_pipeline(folder, kept), arguments.curve_images)
        curve.append({"step": state["step"], "minutes": state["elapsed_s"] / 60, **row})
        print(f"{name}: {curve[-1]}", file=sys.stderr, flush=True)
    losses = sorted(loss_curve(folder / "run").items())
    end = measure.row(as_pipeline(folder, snapshots[-1]), arguments.final_images)
    return {"curve": curve, "end": end, "losses": thinned(losses)}


def as_pipeline(folder, kept):
    """A snapshot as a folder that every door takes."""
    from diffusers import DDPMScheduler, UNet2DModel
    from safetensors.torch import load_file

    from ddpm_demo.training.export import write_pipeline

    config = json.loads((kept / "unet.json").read_text())
    unet = UNet2DModel.from_config({k: v for k, v in config.items() if not k.startswith("_")})
    unet.load_state_dict(load_file(kept / "ema.safetensors"))
    scheduler = DDPMScheduler.from_pretrained(folder / "run", subfolder="scheduler")
    write_pipeline(unet, scheduler, kept / "pipeline")
    return kept / "pipeline"


def thinned(losses, num_points=40):
    """[(step, mean loss)] of equal stretches."""
    parts = np.array_split(np.array(losses), min(num_points, len(losses)))
    return [(int(part[-1, 0]), round(float(part[:, 1].mean()), 6)) for part in parts]


def markdown(results, arguments):
    """The tables."""
    base = results["base"]["end"]
    lines = [
        f"{arguments.minutes:g} minutes each, {arguments.threads} threads, batch of "
        f"{arguments.batch_size}, {arguments.data}; KID of {base['num_images']} samples against "
        f"the further pictures (between two halves of these: {results['base']['floor']:.4f}), "
        "EfficientNet-Lite0 features. Nearest: median distance of a sample to the nearest of the "
        "200 pictures and their mirror images in grey levels, over that of a further picture "
        f"of the style ({base['nearest_heldout']:.1f}); 1 = as new as these, 0 = copies.",
        "",
        "| | steps | KID | ± | KID of faces-64 / KID | nearest | ratio |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        _line(f"`{BASE}` as it is", 0, base, base),
    ]
    done = {name: results[name] for name in VARIANTS if name in results}
    for name, result in done.items():
        steps = result["curve"][-1]["step"]
        lines.append(_line(VARIANTS[name], steps, result["end"], base))
    num_images = next(iter(done.values()))["curve"][0]["num_images"]
    lines += ["", f"On the way, KID of {num_images} samples after so many minutes:", ""]
    longest = max(done.values(), key=lambda result: len(result["curve"]))["curve"]
    heads = [f"{point['minutes']:.1f}" for point in longest]
    lines += [f"| | {' | '.join(heads)} |", f"| --- |{' ---: |' * len(heads)}"]
    for name, result in done.items():
        cells = [f"{point['kid']:.4f}" for point in result["curve"]]
        cells += [""] * (len(heads) - len(cells))
        lines.append(f"| {VARIANTS[name]} | {' | '.join(cells)} |")
    fields = ("minutes", "data", "snapshots", "curve_images", "final_images")
    words = [f"--{f.replace('_', '-')} {getattr(arguments, f)}" for f in fields]
    return "\n".join([*lines, "", f"Made by `python benchmarks/finetune.py {' '.join(words)}`."])


def _line(title, steps, row, base):
    times = base["kid"] / row["kid"] if row["kid"] > 0 else float("inf")
    return (
        f"| {title} | {steps} | {row['kid']:.4f} | {row['kid_std']:.4f} | {times:.1f} | "
        f"{row['nearest']:.1f} | {row['ratio']:.2f} |"
    )


def plot(results, path):
    """KID and loss over the run, a line a variant."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    base = results["base"]["end"]["kid"]
    for name in (name for name in VARIANTS if name in results):
        curve = results[name]["curve"]
        start = [] if name == "scratch" else [(0, base)]
        points = start + [(point["minutes"], point["kid"]) for point in curve]
        left.plot(*zip(*points, strict=True), marker="o", label=VARIANTS[name])
        right.plot(*zip(*results[name]["losses"], strict=True), label=VARIANTS[name])
    ticks = (0.02, 0.05, 0.1, 0.2, 0.5)
    left.set(xlabel="minutes", ylabel="KID", yscale="log")
    left.set_yticks(ticks, [str(tick) for tick in ticks])
    left.minorticks_off()
    right.set(xlabel="step", ylabel="loss", yscale="log")
    right.legend(fontsize=8)
    figure.savefig(path, dpi=110)


def write_docs(report, curves):
    """Put the tables between the marks of docs/finetuning.md, and the plot beside it."""
    text = DOCS.read_text(encoding="utf-8")
    before, rest = text.split(MARKS[0])
    _, after = rest.split(MARKS[1])
    image = f"![KID and loss over the run]({PLOT.name})"
    DOCS.write_text(
        f"{before}{MARKS[0]}\n{report}\n\n{image}\n{MARKS[1]}{after}", encoding="utf-8"
    )
    shutil.copy(curves, PLOT)


if __name__ == "__main__":
    main()
