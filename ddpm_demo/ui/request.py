"""From what a visitor or a program gave to a checked job: the one way of the page and of HTTP."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..batch.sources import takes_many
from ..errors import UserError
from ..recipes.field import fields_of
from ..recipes.inputs import Picture
from ..recipes.recipe import Recipe
from ..restoration.fit import check_side
from ..samplers.table import check_eta, sampler_info
from .models import Models
from .restoration.pictures import load_mask, load_picture
from .stream import Job

if TYPE_CHECKING:
    from PIL import Image

    from ..pipeline import DDPM
    from ..recipes.run import Run

# Short enough to be told to somebody.
_NEW_SEEDS = 1_000_000


def job_of(models: Models, task: type[Recipe], values: Mapping[str, Any]) -> Job:
    """The job that the values ask for.

    Args:
        models: the checkpoints that can be named.
        task: what is to be done.
        values: of fields, pictures (paths in the upload cache, or PIL pictures) and aliases by
            name; others are left aside. No checkpoint ("") is the one that suits; no seed (None)
            is a new one.

    Raises:
        UserError: a value that cannot be, a picture that is missing or none, no such checkpoint.
    """
    values = {**values, **_alias_pictures(task, values)}
    fields, paths = task.from_door(values)
    fields = {name: fields[name] for name in fields_of(task) if name in fields}
    inputs = {told.name: _pictures(told, paths.get(told.name)) for told in task.inputs}
    if fields.get("seed") is None:
        fields["seed"] = random.randrange(_NEW_SEEDS)
    for told in fields_of(task).values():
        is_number = told.kind in ("integer", "number") and not told.optional
        if is_number and fields.get(told.name, 0) is None:
            raise UserError("number_missing", "Enter a number here.", field=told.name)
    if not fields.get("checkpoint"):
        fields["checkpoint"] = task.suitable_checkpoint(fields, inputs)
    recipe = task(**fields)
    _check_sampler(recipe)
    models.check(recipe.checkpoint)
    return Job(recipe, start, inputs, source=_source(task, paths))


def start(ddpm: DDPM, recipe: Recipe, inputs: Mapping[str, Any]) -> Run:
    """Start the run of a job."""
    names = [told.name for told in type(recipe).inputs]
    return ddpm.run(recipe, **{name: inputs[name] for name in names})


def _source(task: type[Recipe], given: Mapping[str, Any]) -> str | None:
    """The upload that the results are made from, where the task makes them from one."""
    if not takes_many(task):
        return None
    path = next(given.get(told.name) for told in task.inputs if not told.is_mask)
    return path if isinstance(path, str) else None


def _alias_pictures(task: type[Recipe], values: Mapping[str, Any]) -> dict[str, Any]:
    """The pictures that have a shorter name, so that what is wrong is said of that name."""
    names = [alias.name for alias in task.aliases if alias.kind == "picture"]
    return {name: load_picture(values[name], name) for name in names if values.get(name)}


def _pictures(told: Picture, given: Any) -> Any:  # noqa: ANN401  paths in, pictures out
    if told.several:
        return [load_picture(p, told.name) if isinstance(p, str) else p for p in given or ()]
    if not given:
        if told.required:
            raise UserError("picture_missing", "Give a picture first.", field=told.name)
        return None
    load = load_mask if told.is_mask else load_picture
    picture = load(given, told.name) if isinstance(given, str) else given
    if told.required:
        check_side(*picture.size)
    return picture


def _check_sampler(recipe: Recipe) -> None:
    """What a sampler refuses is said before the run waits for its turn."""
    sampler, eta = getattr(recipe, "sampler", None), getattr(recipe, "eta", None)
    if sampler is not None and eta is not None:
        check_eta(sampler_info(sampler), eta)


def picture_of(job: Job) -> Image.Image | None:
    """The one picture that went into a job, where there is one."""
    picture = job.inputs.get("image")
    return picture if picture is not None and not isinstance(picture, list) else None
