"""`python -m ddpm_demo compare`: a task with its settings varied along two axes, as one picture.

compare --x num_steps=5,10,20 --y sampler=ddim,dpmpp_2m
compare --task denoise photo.png --x sigma_255=10,20,30 --y perception=0,1
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..compare.axes import read_axis, read_value
from ..compare.sheet import Sheet, sheet_from_dict
from ..pictures.saving import INPUT_HASH, hash_of
from ..recipes.describe import describe
from ..recipes.field import TaskField, fields_of
from ..recipes.mistakes import unknown_field
from ..recipes.recipe import Recipe
from ..recipes.recipe_file import read_recipe_file
from ..recipes.run import AXES
from ..tasks.registry import task_named, tasks
from ..texts import text
from ..texts.naming import field_help
from .by_place import by_place
from .language import cli_language, sentence
from .option_help import plain
from .output import Output, progress_words, say_loading
from .run_task import pictures_of, with_checkpoint

if TYPE_CHECKING:
    from ..compare.cell import Cell
    from ..compare.run import SheetRun

EXIT_SOME_FAILED, EXIT_INTERRUPTED = 1, 130
DEFAULT_TASK = "generate"
# Of each cell, where nothing is said: enough to see a difference by.
COMPARED_IMAGES = 4
_SUFFIX = "compared"


def add_options(parser: argparse.ArgumentParser) -> None:
    language = cli_language()
    parser.add_argument("inputs", nargs="*", metavar="PICTURE")
    parser.add_argument("--task", metavar="TASK")
    parser.add_argument("--x", metavar="FIELD=VALUES")
    parser.add_argument("--y", metavar="FIELD=VALUES")
    words = plain(field_help("inpaint", "mask", language))
    parser.add_argument("--mask", metavar="FILE", help=words)
    for name, (task, told) in _all_fields().items():
        _add_field(parser, task, name, told, language)
    parser.add_argument("--out", type=Path, default=Path(), metavar="DIR")
    parser.add_argument("--recipe", type=Path, metavar="FILE")
    parser.add_argument("--json", action="store_true")


def _all_fields() -> dict[str, tuple[str, TaskField]]:
    """The fields of all tasks by name, each with the first task that has it."""
    found: dict[str, tuple[str, TaskField]] = {}
    for task in tasks().values():
        for name, told in fields_of(task).items():
            if name != task.positional:
                found.setdefault(name, (task.task, told))
    return found


def _add_field(
    parser: argparse.ArgumentParser, task: str, name: str, told: TaskField, language: str
) -> None:
    option, words = "--" + name.replace("_", "-"), plain(describe(task, told, language))
    if told.kind == "boolean":
        parser.add_argument(option, action="store_const", const="true", help=words)
    elif told.kind == "integers":
        parser.add_argument(option, nargs=told.count, metavar="V", help=words)
    else:
        parser.add_argument(option, metavar="VALUE", help=words)


def run(args: argparse.Namespace) -> int:
    """Make the sheet and write its file; the exit code.

    Raises:
        UserError: an option, a file or a picture is not what it should be, or no cell could be
            made.
    """
    saved = read_recipe_file(args.recipe) if args.recipe else {}
    task = task_named(args.task or saved.get("task") or DEFAULT_TASK)
    given = _given(task, args)
    fields, paths = task.from_words(given)
    inputs, _ = pictures_of(task, paths)
    saved_axes = saved.pop(AXES, None) if saved.get("task") == task.task else None
    values = with_checkpoint(task, {**_starting(task, saved), **fields}, inputs)
    sheet = _sheet(task, values, args, saved_axes)
    output = Output(args.out, args.json, inputs=[Path(p) for p in paths.values() if p])
    made = _make(sheet, inputs, args.json)
    if not made.cells:
        return EXIT_INTERRUPTED
    failed = [cell for cell in made.cells.values() if cell.error is not None]
    for cell in [] if args.json else failed:
        print(_failure(sheet, cell), file=sys.stderr)
    _write(made, output, _stem(task, paths, sheet))
    if made.progress.is_stopped:
        return EXIT_INTERRUPTED
    return EXIT_SOME_FAILED if failed else 0


def _given(task: type[Recipe], args: argparse.Namespace) -> dict[str, Any]:
    """What was said, by the names of fields and inputs; values as the axes read theirs."""
    told, given = fields_of(task), {}
    for name in _all_fields():
        said = getattr(args, name)
        if said is None:
            continue
        if name not in told:
            raise unknown_field(task.task, name)
        given[name] = read_value(told[name], " ".join(said) if isinstance(said, list) else said)
    if args.mask:
        given["mask"] = args.mask
    if task.positional and args.inputs:
        given[task.positional] = args.inputs
    else:
        given.update(by_place(task, args.inputs))
    return given


def _starting(task: type[Recipe], saved: dict[str, Any]) -> dict[str, Any]:
    """What a saved recipe says, or what is good to start with."""
    if saved:
        return saved
    told = fields_of(task).get("num_images")
    fewer = told is not None and told.default > COMPARED_IMAGES
    return {"num_images": COMPARED_IMAGES} if fewer else {}


def _sheet(
    task: type[Recipe], values: dict[str, Any], args: argparse.Namespace, saved_axes: object
) -> Sheet:
    """The sheet that is asked for; an axis that is not given is that of the recipe."""
    from ..tasks.registry import recipe_from_dict

    if args.x is None:
        values = {**values, **({AXES: saved_axes} if saved_axes is not None else {})}
        sheet = sheet_from_dict({**values, "task": task.task})
        y = sheet.y if args.y is None else read_axis(task, args.y, "y")
        return Sheet(sheet.base, sheet.x, y)
    x = read_axis(task, args.x, "x")
    y = read_axis(task, args.y, "y") if args.y is not None else None
    return Sheet(recipe_from_dict({**values, "task": task.task}), x, y)


def _make(sheet: Sheet, inputs: dict[str, Any], quiet: bool) -> SheetRun:
    """Make the cells with a progress bar; Ctrl-C keeps those that are made."""
    from tqdm import tqdm

    from ..compare.run import SheetRun
    from ..core.progress import Moment, watch

    made = SheetRun(sheet, inputs)
    hidden = quiet or not sys.stderr.isatty()
    if not hidden:
        say_loading(sheet.base.checkpoint)
    bar_format = "{percentage:3.0f}%|{bar}| {postfix}"
    with tqdm(total=100, disable=hidden, bar_format=bar_format) as bar:
        try:
            for item in watch(made, made.progress):
                moment = item if isinstance(item, Moment) else made.progress.snapshot()
                bar.n = 100 * (moment.share or 0.0)
                bar.set_postfix_str(_progress(moment))
        except KeyboardInterrupt:
            made.stop()
    return made


def _progress(moment: Any) -> str:  # noqa: ANN401  a Moment
    """ "cell 3 of 12, step 4 of 20, 12 s left"."""
    import dataclasses

    cell = text(cli_language(), "compare.cli_cell", index=moment.step, total=moment.num_steps)
    within = dataclasses.replace(
        moment, step=moment.tiles, num_steps=moment.num_tiles, tiles=0, num_tiles=0
    )
    return ", ".join(filter(None, (cell, progress_words(within))))


def _failure(sheet: Sheet, cell: Cell) -> str:
    said = ", ".join(f"{name}={value}" for name, value in sheet.values(cell.place).items())
    assert cell.error is not None
    return f"{said}: {sentence(cell.error)}"


def _stem(task: type[Recipe], paths: dict[str, Any], sheet: Sheet) -> str:
    """ "photo-compared", "compared-num_steps-sampler"."""
    from ..pictures.names import result_stem

    picture = paths.get("image")
    if isinstance(picture, str):
        return result_stem(picture, _SUFFIX)
    return "-".join([_SUFFIX, *(axis.field for axis in sheet.axes.values())])


def _write(made: SheetRun, output: Output, stem: str) -> None:
    from ..pictures.opening import read_bytes

    recipe = made.metadata()
    if output.inputs:
        recipe[INPUT_HASH] = hash_of(*map(read_bytes, output.inputs))
    output.write_png(f"{stem}.png", made.picture(cli_language()), recipe)
    cells = [_as_json(made.sheet, cell) for cell in made.cells.values()]
    output.report(recipe, cells=cells)


def _as_json(sheet: Sheet, cell: Cell) -> dict[str, Any]:
    row, column = cell.place
    told = {"row": row, "column": column, "values": sheet.values(cell.place)}
    told |= {"seconds": round(cell.seconds, 3), "evaluations": cell.evaluations}
    told |= {"metrics": dict(cell.metrics), "error": cell.error.key if cell.error else None}
    return json.loads(json.dumps(told))
