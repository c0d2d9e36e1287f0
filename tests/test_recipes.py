"""Recipes validate, survive JSON and refuse what does not fit."""

import json

import pytest

from ddpm_demo.errors import UserError
from ddpm_demo.tasks.generate import GenerateRecipe
from ddpm_demo.tasks.inpaint import InpaintRecipe
from ddpm_demo.tasks.registry import recipe_from_dict, tasks
from ddpm_demo.tasks.upscale import UpscaleRecipe


def test_a_recipe_survives_json():
    recipe = GenerateRecipe(checkpoint="faces-64", seed=3, num_images=5, sampler="ddim", eta=0.5)
    again = recipe_from_dict(json.loads(json.dumps(recipe.to_dict())))
    assert again == recipe


def test_every_recipe_is_registered_under_its_task():
    for task, recipe_class in tasks().items():
        assert recipe_class.task == task


def test_facts_of_the_run_are_left_aside_and_whole_floats_are_ints():
    recipe = recipe_from_dict(
        {"task": "generate", "checkpoint": "x", "num_images": 4.0, "eta": 1, "image_index": 3}
    )
    assert recipe == GenerateRecipe(checkpoint="x", num_images=4, eta=1.0)


def test_a_number_to_choose_may_come_as_a_word_as_an_endpoint_lists_it():
    values = {"task": "upscale", "checkpoint": "x"}
    assert recipe_from_dict({**values, "factor": "2"}).factor == 2
    with pytest.raises(UserError) as caught:
        recipe_from_dict({**values, "factor": "5"})
    assert caught.value.key == "choice"


def test_the_last_picture_has_a_seed_that_can_be_given_again():
    assert GenerateRecipe(checkpoint="x", seed=2**32 - 4, num_images=4).num_images == 4
    with pytest.raises(UserError) as caught:
        GenerateRecipe(checkpoint="x", seed=2**32 - 3, num_images=4)
    assert caught.value.field == "seed" and str(2**32 - 4) in str(caught.value)


def test_all_mistakes_are_found_at_once():
    with pytest.raises(UserError) as caught:
        GenerateRecipe(checkpoint="x", num_images=0, num_steps=0, eta=2)
    found = [caught.value, *caught.value.others]
    assert [error.field for error in found] == ["num_images", "num_steps", "eta"]


@pytest.mark.parametrize(
    "kind, values",
    [
        (InpaintRecipe, {"expand": (1, 2, 3)}),
        (InpaintRecipe, {"expand": (1, 2, 3, 4, 5)}),
        (InpaintRecipe, {"expand": (1, 2, 3, 9999)}),
        (InpaintRecipe, {"expand": 5}),
        (InpaintRecipe, {"method": "magic"}),
        (UpscaleRecipe, {"factor": 5}),
        (GenerateRecipe, {"seed": 10**400}),
        (GenerateRecipe, {"eta": float("nan")}),
        (GenerateRecipe, {"eta": 10**400}),
        (GenerateRecipe, {"checkpoint": "\ud800"}),
        (GenerateRecipe, {"colour": "blue"}),
    ],
)
def test_every_mistake_is_a_short_sentence(kind, values):
    with pytest.raises(UserError) as caught:
        kind(**{"checkpoint": "x", **values})
    said = str(caught.value)
    assert said.endswith(".") and "\n" not in said and len(said) < 200
    said.encode()


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


def test_half_a_character_in_an_unknown_field_and_a_number_beyond_all_floats():
    """Both were found by the fuzzer."""
    with pytest.raises(UserError, match="mix"):
        GenerateRecipe(checkpoint="x", mix="a\udfff", sampler="langevin", spacing="linspace")
    with pytest.raises(UserError) as found:
        InpaintRecipe(checkpoint="x", expand=[0, 0, 10**300, 10**399])
    assert found.value.key == "range"
