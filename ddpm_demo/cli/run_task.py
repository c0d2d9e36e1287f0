"""Doing a task at the command line: from options and files to a recipe, from its run to files."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..batch.sources import takes_many
from ..errors import UserError
from ..pictures.saving import INPUT_HASH, Writing, hash_of
from ..recipes.field import fields_of
from ..recipes.recipe import Recipe
from ..recipes.recipe_file import read_recipe_file
from ..tasks.registry import recipe_from_dict, task_named
from ..texts import text
from ..texts.durations import format_seconds
from ..texts.measures import measure_words
from . import bulk
from . import many as many_pictures
from .by_place import by_place
from .language import cli_language, sentence
from .output import Output, drain, load
from .processes import relaunched

if TYPE_CHECKING:
    from PIL import Image

    from ..core.step import Step
    from ..pictures.photograph import Photograph
    from ..pipeline import DDPM
    from ..recipes.run import Run

# A run that takes longer is announced.
LONG_SECONDS = 10


def run(args: argparse.Namespace) -> int:
    """Do the task of the command and write its files; the exit code.

    Raises:
        UserError: an option, a file or a picture is not what it should be.
    """
    task = args.task
    saved = read_recipe_file(args.recipe) if args.recipe else {}
    if saved and task_named(saved.get("task")) is not task:
        raise UserError(
            "recipe_other_task",
            "This picture was made by the command {task}, not by {wanted}.",
            field="recipe",
            task=saved["task"],
            wanted=task.task,
        )
    return _do(task, args, saved, _given(task, args))


def run_recipe(args: argparse.Namespace) -> int:
    """Do what a recipe says with the pictures given, in the order of the task's inputs; the exit
    code.

    Raises:
        UserError: as for `run`; also for more pictures than the task takes.
    """
    saved = read_recipe_file(args.recipe)
    task = recipe_from_dict(saved).__class__
    places = [told for told in task.inputs if not told.is_mask]
    given: dict[str, Any] = {"mask": args.mask} if args.mask else {}
    if places and (places[0].several or takes_many(task)):
        given[places[0].name] = args.inputs
    else:
        given.update(by_place(task, args.inputs))
    return _do(task, args, saved, given)


def _given(task: type[Recipe], args: argparse.Namespace) -> dict[str, Any]:
    """What was said, by the names of fields and inputs."""
    names = [*fields_of(task), *(told.name for told in task.inputs)]
    said = {name: getattr(args, name, None) for name in names}
    return {name: value for name, value in said.items() if value not in (None, [])}


def _do(
    task: type[Recipe], args: argparse.Namespace, saved: dict[str, Any], given: dict[str, Any]
) -> int:
    how = Writing(args.format, args.quality, args.strip_metadata)
    how.check()  # before anything runs
    if takes_many(task):
        picture = next(told.name for told in task.inputs if not told.is_mask)
        words = given.pop(picture, [])
        if many_pictures.asked_for(args, words):
            return many_pictures.run(task, args, saved, given, words, how)
        given = {**given, picture: words[0]} if words else given
    many = task.task == "generate" and bulk.asked_for(args)
    num_images = given.pop("num_images", None) if many else None
    fields, paths = task.from_words(given)
    inputs, photograph = pictures_of(task, paths)
    values = with_checkpoint(task, {**saved, **fields}, inputs)
    recipe = recipe_from_dict({**values, "task": task.task})
    if args.animation is not None:
        from ..pictures.animation import check_format

        check_format(args.animation)
    output = Output(args.out, args.json, how=how, inputs=_files(paths))
    if many and relaunched(args):
        return 0
    ddpm = load(recipe.checkpoint, args.json or not sys.stderr.isatty())
    if saved.get("weight_hash") not in (None, ddpm.info.weight_hash):
        _tell(
            UserError(
                "weights_differ",
                "The weights of {name} are not those that made the picture.",
                name=recipe.checkpoint,
            )
        )
    if many:
        bulk.write_many(ddpm, recipe, num_images or recipe.num_images, output)
        return 0
    task_run = ddpm.run(recipe, **inputs)
    inputs.clear()  # the run has what it needs: a large picture is not held twice
    for note in task_run.warnings:
        _tell(note)
    if not args.json and sys.stderr.isatty():
        _tell_time(ddpm, task_run)
    if photograph is not None:
        for note in photograph.notes:
            _tell(note)
    _write(task_run, args, output, _stem(paths), photograph)
    return 0


def _files(paths: Mapping[str, Any]) -> list[Path]:
    """Every file that goes in."""
    given = [
        one for path in paths.values() for one in (path if isinstance(path, list) else [path])
    ]
    return [Path(one) for one in given if one is not None]


def pictures_of(
    task: type[Recipe], paths: Mapping[str, Any]
) -> tuple[dict[str, Any], Photograph | None]:
    """(the pictures in the files, by the names of the task's inputs; the one whose results these
    will be).

    Raises:
        UserError: a file is missing, or no picture.
    """
    from ..pictures import decode, mask_reading
    from ..pictures.images import load_image

    inputs: dict[str, Any] = {}
    photograph = None
    for told in task.inputs:
        path = paths.get(told.name)
        if told.several:
            inputs[told.name] = [_read(load_image, one) for one in path or ()]
        elif path is not None and told.is_mask:
            inputs[told.name] = _read(mask_reading.read, path)
        elif path is not None:
            photograph = _read(decode.read, path)
            inputs[told.name] = photograph.image
    return inputs, photograph


def _read(read: Callable[[Path], Any], path: str) -> Any:  # noqa: ANN401  what `read` gives
    """What is in a file; a mistake says which."""
    try:
        return read(Path(path))
    except UserError as error:
        error.path = str(path)
        raise


def with_checkpoint(
    task: type[Recipe], values: dict[str, Any], inputs: Mapping[str, Any]
) -> dict[str, Any]:
    """The values of the fields, with the checkpoint that suits where none is chosen.

    Raises:
        UserError: a picture is missing, or there is no checkpoint.
    """
    for told in task.inputs:
        if told.required and inputs.get(told.name) is None:
            raise UserError("picture_missing", "Give a picture first.", field=told.name)
    if values.get("checkpoint"):
        return values
    return {**values, "checkpoint": task.suitable_checkpoint(values, inputs)}


def _tell_time(ddpm: DDPM, task_run: Run) -> None:
    """Before a long run, how long it will be."""
    if not task_run.progress.expected:
        return
    from ..restoration.effort import seconds

    needed = seconds(ddpm.denoiser, task_run.progress.expected)
    if needed >= LONG_SECONDS:
        language = cli_language()
        words = text(language, "cli.long", time=format_seconds(language, needed))
        print(words, file=sys.stderr, flush=True)


def _stem(paths: Mapping[str, Any]) -> str:
    """What the results are called after: the one picture that went in; "" for none."""
    picture = paths.get("image")
    return Path(picture).stem if isinstance(picture, str) else ""


def _write(
    task_run: Run,
    args: argparse.Namespace,
    output: Output,
    stem: str,
    photograph: Photograph | None,
) -> None:
    from ..pictures.names import result_stem
    from ..pictures.opening import read_bytes

    frames: list[Image.Image] = []
    keep = _keeper(task_run, frames) if args.animation else None
    drain(task_run, args.json, keep)
    recipe = task_run.recipe
    base = result_stem(stem, recipe.result_suffix) if stem and recipe.result_suffix else ""
    images = task_run.images()
    # Two pictures of one name are two, whatever the recipe says of both.
    of_these = {INPUT_HASH: hash_of(*map(read_bytes, output.inputs))} if output.inputs else {}
    for index, image in enumerate(images):
        name = recipe.picture_name(index)
        if base:
            name = base if len(images) == 1 else f"{base}-{name}"
        output.write_result(name, image, {**task_run.metadata(index), **of_these}, photograph)
    before, told = f"{base}-" if base else "", {**task_run.metadata(), **of_these}
    for name, image in task_run.beside().items():
        output.write_png(f"{before}{name}.png", image, told)
    if args.grid:
        from ..pictures.images import make_grid

        output.write_png(f"{before}grid.png", make_grid(images), told)
    if args.animation:
        from ..pictures.animation import animate

        pictures = task_run.animation(frames)
        enlarge = max(1, 256 // pictures[0].width) if task_run.recipe.animates else 1
        content = animate(
            pictures,
            args.animation,
            fps=args.fps,
            there_and_back=args.there_and_back,
            enlarge=enlarge,
        )
        output.write(f"{before}animation.{args.animation}", content)
    for note in task_run.notes():
        _tell(note)
    facts = task_run.facts()
    if not args.json:
        for label, said in measure_words(facts.get("metrics", {}), cli_language(), recipe.task):
            print(text(cli_language(), "cli.fact", label=label, said=said), file=sys.stderr)
    output.report(json.loads(json.dumps(task_run.metadata())), **facts)


def _keeper(task_run: Run, frames: list[Image.Image]) -> Any:  # noqa: ANN401  a function of a step
    """Keeps the frames of an animation, and not every step of a long run."""
    from ..pictures.animation import frame_indices

    wanted: set[int] = set()

    def keep(step: Step) -> None:
        if not wanted:
            wanted.update(frame_indices(step.num_steps))
        if step.index in wanted:
            frames.append(task_run.frame(step))

    return keep


def _tell(note: UserError) -> None:
    print(sentence(note), file=sys.stderr)
