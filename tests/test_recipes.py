"""Recipes validate, survive JSON and refuse what does not fit."""

import json

import pytest

from ddpm_demo.errors import UserError
from ddpm_demo.tasks.generate import GenerateRecipe
from ddpm_demo.tasks.registry import RECIPES, recipe_from_dict


def test_a_recipe_survives_json():
    recipe = GenerateRecipe(checkpoint="faces-64", seed=3, num_images=5, sampler="ddim", eta=0.5)
    again = recipe_from_dict(json.loads(json.dumps(recipe.to_dict())))
    assert again == recipe


def test_every_recipe_is_registered_under_its_task():
    for task, recipe_class in RECIPES.items():
        assert recipe_class.task == task


def test_unknown_keys_are_left_aside_and_whole_floats_are_ints():
    recipe = recipe_from_dict(
        {"task": "generate", "checkpoint": "x", "num_images": 4.0, "eta": 1, "colour": "blue"}
    )
    assert recipe == GenerateRecipe(checkpoint="x", num_images=4, eta=1.0)


@pytest.mark.parametrize(
    "values",
    [
        {},
        [],
        {"task": "paint"},
        {"task": "generate"},
        {"task": "generate", "checkpoint": 5},
        {"task": "generate", "checkpoint": "x", "num_images": "4"},
        {"task": "generate", "checkpoint": "x", "num_images": True},
        {"task": "generate", "checkpoint": "x", "seed": [1]},
    ],
)
def test_what_is_not_a_recipe_gives_a_sentence(values):
    with pytest.raises(UserError) as caught:
        recipe_from_dict(values)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("num_images", 0),
        ("num_images", 10_000),
        ("num_steps", 0),
        ("num_steps", 10_001),
        ("seed", -1),
        ("seed", 2**32),
        ("size_px", 4),
        ("size_px", 100_000),
    ],
)
def test_values_out_of_range_name_their_control(field, value):
    with pytest.raises(UserError) as caught:
        GenerateRecipe(**{"checkpoint": "x", field: value})
    assert caught.value.field == field
    assert str(value) in str(caught.value)


def test_replace_validates_again():
    recipe = GenerateRecipe(checkpoint="x")
    assert recipe.replace(num_images=2).num_images == 2
    with pytest.raises(UserError):
        recipe.replace(num_images=0)
