"""`python -m ddpm_demo evaluate --checkpoint C --data DIR`: how good a checkpoint is."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from .evaluate_report import CONFIG_FIELDS, RECIPE_FIELDS, StageBars, command_line
from .output import DEFAULT_CHECKPOINT, Output
from .processes import add_processes_option, relaunched

if TYPE_CHECKING:
    from ..checkpoints.library import CheckpointInfo
    from ..evaluation.config import EvaluationConfig
    from ..evaluation.curve import Point
    from ..tasks.generate import GenerateRecipe


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", metavar="C", default=DEFAULT_CHECKPOINT)
    parser.add_argument("--data", metavar="DIR")
    parser.add_argument("--num-images", type=int, metavar="N")
    parser.add_argument("--num-real", type=int, metavar="N")
    parser.add_argument("--num-train-features", type=int, metavar="N")
    parser.add_argument("--num-bits", type=int, metavar="N")
    parser.add_argument("--bits-timesteps", type=int, metavar="K")
    parser.add_argument("--features", metavar="NAME")
    parser.add_argument("--seed", type=int, metavar="S")
    parser.add_argument("--sampler", metavar="NAME")
    parser.add_argument("--num-steps", type=int, metavar="K")
    parser.add_argument("--spacing")
    parser.add_argument("--guidance", type=float, metavar="W")
    parser.add_argument("--curve", action="store_true")
    parser.add_argument("--samplers", metavar="A,B")
    parser.add_argument("--spacings", metavar="A,B")
    parser.add_argument("--steps", metavar="5,10")
    parser.add_argument("--out", type=Path, metavar="DIR")
    parser.add_argument("--card", action="store_true")
    parser.add_argument("--no-cache", action="store_true")
    parser.add_argument("--json", action="store_true")
    add_processes_option(parser)


def run(args: argparse.Namespace) -> None:
    """Measure and report."""
    from ..checkpoints.library import find
    from ..evaluation.card import check_own

    info = find(args.checkpoint)
    if args.card:
        check_own(info)  # before anything takes time
    _config(args)
    if relaunched(args):
        return
    if info.prior == "photo" and not args.curve:
        _run_photos(args, info)
    elif args.data is None:
        raise UserError(
            "evaluation_no_data",
            "Name the real pictures to compare with: --data DIR.",
            field="data",
        )
    elif args.curve:
        _run_curve(args, info)
    else:
        _run_quality(args, info)


def _run_quality(args: argparse.Namespace, info: CheckpointInfo) -> None:
    from ..core.device import process_share
    from ..evaluation.card import write_measured, write_sheet
    from ..evaluation.evaluate import evaluate
    from ..evaluation.report import json_report, markdown_report, text_report
    from ..evaluation.samples import contact_sheet, pairs_sheet

    config = _config(args)
    output = Output(args.out, args.json) if args.out else None
    with StageBars(args.json or process_share()[0] > 0) as bars:
        measured = evaluate(config, bars)
    if measured is None:  # not the first of several processes
        return
    result, pictures = measured
    command = command_line(args, info, result.data)
    values = json_report(result, command)
    if output is not None:
        recipe = {**result.recipe.to_dict(), "weight_hash": result.weight_hash}
        output.write("evaluation.json", json.dumps(values, indent=1).encode())
        output.write_png("samples.png", contact_sheet(pictures.samples), recipe)
        if pictures.near is not None and pictures.near_train is not None:
            sheet = pairs_sheet(pictures.near, pictures.near_train)
            output.write_png("nearest.png", sheet, recipe)
    if args.card:
        write_sheet(info, _first_64(args, pictures.samples), result.recipe.replace(seed=0))
        write_measured(info, markdown_report(result, command), sheet=True)
    print(json.dumps(values) if args.json else text_report(result, command))


def _run_curve(args: argparse.Namespace, info: CheckpointInfo) -> None:
    from ..core.device import process_share
    from ..evaluation.card import write_measured
    from ..evaluation.curve import STEPS, measure_curve, plan, plot, to_csv
    from ..evaluation.data import open_real
    from ..evaluation.evaluate import reference_images
    from ..evaluation.features import cached_features, load_extractor
    from ..evaluation.report import NOT_COMPARABLE, markdown_table, text_table
    from ..pipeline import DDPM

    if args.out is None:
        raise UserError("evaluation_no_out", "A curve needs a folder: --out DIR.", field="out")
    config = _config(args)
    steps = _numbers(args.steps) or STEPS
    points = plan(_names(args.samplers), _names(args.spacings), steps, info.learned_steps)
    output = Output(args.out, args.json)
    ddpm = DDPM.from_pretrained(args.checkpoint)
    extract = load_extractor(config.features, ddpm.device)
    real = open_real(config.data, info.size_px, ddpm.denoiser.channels)
    features = cached_features(extract, reference_images(real, config), config.cache)
    done = measure_curve(
        ddpm,
        features,
        extract,
        points,
        config.num_images,
        args.out / "curve.json",
        on_point=None if args.json or process_share()[0] else _print_point,
    )
    if process_share()[0]:
        return
    output.files.append(str(args.out / "curve.json"))
    output.write("curve.csv", to_csv(done).encode())
    picture = plot(done, f"{info.title}: KID, {len(features)} real pictures")
    if picture is not None:
        output.write("curve.png", picture)
    header = ("sampler, spacing", "steps", "evaluations", "KID", "± between subsets")
    body = [_point_row(p) for p in sorted(done, key=lambda p: p.kid)]
    command = command_line(args, info, real.name)
    if args.card:
        report = [markdown_table(header, body), NOT_COMPARABLE, f"Made by `{command}`."]
        write_measured(info, "\n\n".join(report), "curve")
    if args.json:
        points_as_json = json.loads((args.out / "curve.json").read_text())
        print(json.dumps({**points_as_json, "files": output.files, "command": command}))
    else:
        print("\n".join(["", text_table(header, body), "", NOT_COMPARABLE, f"Made by: {command}"]))


def _run_photos(args: argparse.Namespace, info: CheckpointInfo) -> None:
    from ..evaluation import photos
    from ..evaluation.card import write_measured
    from ..evaluation.report import markdown_table, text_table
    from ..pipeline import DDPM

    output = Output(args.out, args.json) if args.out else None
    pictures = photos.load_photos(args.data, photos.SIZE_PX)
    ddpm = DDPM.from_pretrained(args.checkpoint)
    ways = photos.variants(ddpm.denoiser, ddpm.info)
    scores = photos.measure_photos(ways, pictures, photos.SIGMAS_255)
    header, body = photos.header(scores), photos.mean_rows(scores)
    command = command_line(args, info, Path(args.data).name if args.data else None)
    title = (
        f"{info.title} (weights {info.weight_hash}): one-step denoising, noise level known, "
        f"mean over {', '.join(pictures)} at {photos.SIZE_PX} x {photos.SIZE_PX}"
    )
    values = {"scores": photos.to_dicts(scores), "weight_hash": info.weight_hash}
    if output is not None:
        output.write("evaluation.json", json.dumps({**values, "command": command}).encode())
    if args.card:
        report = [f"{title}:", markdown_table(header, body), f"Made by `{command}`."]
        write_measured(info, "\n\n".join(report))
    if args.json:
        print(json.dumps({**values, "command": command}))
    else:
        print("\n".join([title, "", text_table(header, body), "", f"Made by: {command}"]))


def _config(args: argparse.Namespace) -> EvaluationConfig:
    from ..evaluation.config import EvaluationConfig
    from ..evaluation.features import cache_folder

    given = {key: getattr(args, key) for key in CONFIG_FIELDS if getattr(args, key) is not None}
    cache = None if args.no_cache else cache_folder()
    return EvaluationConfig(recipe=_recipe(args), data=args.data, cache=cache, **given)


def _recipe(args: argparse.Namespace) -> GenerateRecipe:
    from ..tasks.generate import GenerateRecipe

    given = {key: getattr(args, key) for key in RECIPE_FIELDS if getattr(args, key) is not None}
    return GenerateRecipe(checkpoint=args.checkpoint, **given)


def _first_64(args: argparse.Namespace, samples: Any) -> Any:  # noqa: ANN401  arrays
    """Seeds 0 to 63: of the samples where they are there, sampled else."""
    from ..evaluation.samples import SHEET_IMAGES, sample_images
    from ..pipeline import DDPM

    if not args.seed and len(samples) >= SHEET_IMAGES:
        return samples
    recipe = _recipe(args).replace(seed=0)
    return sample_images(DDPM.from_pretrained(args.checkpoint), recipe, SHEET_IMAGES)


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _numbers(text: str | None) -> list[int]:
    try:
        return [int(number) for number in _names(text)]
    except ValueError as error:
        raise UserError(
            "evaluation_steps",
            "The steps of a curve are whole numbers with commas, such as 5,10,20.",
            field="steps",
        ) from error


def _point_row(point: Point) -> tuple[str, ...]:
    return (
        point.label,
        str(point.num_steps),
        str(point.num_evaluations),
        f"{point.kid:.5f}",
        f"{point.kid_std:.5f}",
    )


def _print_point(point: Point) -> None:
    print(f"{point.label}, {point.num_steps} steps: KID {point.kid:.5f}", file=sys.stderr)
