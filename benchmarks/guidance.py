"""Autoguidance: KID, FID, precision and recall against its strength, and the time it takes.

    python benchmarks/guidance.py --checkpoint faces-64 --data data/faces-64

Samples of the checkpoint's default sampler, the same seeds for each strength; a row as soon as it
is measured. `--guide FOLDER` and `--min-sigma` try another weaker version, and other levels.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ddpm_demo.evaluation.data import open_real  # noqa: E402
from ddpm_demo.evaluation.distances import fid, kid, precision_recall  # noqa: E402
from ddpm_demo.evaluation.features import (  # noqa: E402
    cache_folder,
    cached_features,
    load_extractor,
)
from ddpm_demo.evaluation.samples import contact_sheet, sample_images  # noqa: E402
from ddpm_demo.pipeline import DDPM  # noqa: E402
from ddpm_demo.tasks.generate import GenerateRecipe  # noqa: E402

BATCH = 32


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", default="faces-64")
    parser.add_argument("--data", required=True)
    parser.add_argument("--strengths", default="1,1.5,2,3")
    parser.add_argument("--num-images", type=int, default=300)
    parser.add_argument("--num-real", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sampler")
    parser.add_argument("--num-steps", type=int)
    parser.add_argument("--min-sigma", type=float, help="default: the card's")
    parser.add_argument("--guide", help="default: the one in the checkpoint's folder")
    parser.add_argument("--sheets", type=Path, help="also write the first 64 there")
    asked = parser.parse_args()
    ddpm = DDPM.from_pretrained(asked.checkpoint)
    if asked.guide is not None:
        weaker = DDPM.from_pretrained(asked.guide).denoiser
        ddpm.guide = lambda: weaker
    if asked.min_sigma is not None:
        ddpm.info = dataclasses.replace(ddpm.info, guidance_min_sigma=asked.min_sigma)
    extract = load_extractor("efficientnet-lite0")
    reference = open_real(asked.data, ddpm.info.size_px, ddpm.info.channels).reference
    real = cached_features(extract, reference[: asked.num_real], cache_folder())
    print("| strength | KID | ± between subsets | FID | precision | recall | CPU seconds |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for strength in (float(word) for word in asked.strengths.split(",")):
        recipe = GenerateRecipe(
            checkpoint=asked.checkpoint,
            guidance=strength,
            sampler=asked.sampler,
            num_steps=asked.num_steps,
            seed=asked.seed,
        )
        started = time.process_time()
        samples = sample_images(ddpm, recipe, asked.num_images, BATCH)
        seconds = time.process_time() - started
        made = extract(samples)
        near = kid(real, made)
        precision, recall = precision_recall(real, made)
        print(
            f"| {strength} | {near.mean:.4f} | {near.std:.4f} | {fid(real, made):.1f} "
            f"| {precision:.2f} | {recall:.2f} | {seconds:.0f} |",
            flush=True,
        )
        if asked.sheets is not None:
            asked.sheets.mkdir(parents=True, exist_ok=True)
            contact_sheet(samples).save(asked.sheets / f"{asked.checkpoint}-{strength}.png")


if __name__ == "__main__":
    main()
