"""Recipes in addresses: there and back for every task, and one sentence for all that is none."""

import pytest

from ddpm_demo.errors import UserError
from ddpm_demo.recipes.field import fields_of
from ddpm_demo.tasks.registry import tasks
from ddpm_demo.ui.links import MAX_CHARS, address_of, recipe_in


def other_value(told):
    """A value of the field that is not its default."""
    if told.kind == "boolean":
        return not told.default
    if told.kind == "choice":
        return next(choice for choice in told.choices if choice != told.default)
    if told.kind == "integers":
        return tuple(int(told.minimum or 0) + n for n in range(told.count))
    if told.kind in ("integer", "number"):
        low = 0 if told.minimum is None else told.minimum
        low = low if low != told.default else low + 1
        return int(low) if told.kind == "integer" else float(low)
    return None


@pytest.mark.parametrize("name", tasks())
def test_an_address_has_every_field_of_a_task(name):
    task = tasks()[name]
    plain = task(checkpoint="owner/name@v1")
    assert recipe_in(address_of(plain)) == plain
    assert address_of(plain) == f"#{name}?checkpoint=owner/name@v1"
    held = 0
    for told in fields_of(task).values():
        value = other_value(told)
        try:
            changed = plain.replace(**{told.name: value})
        except UserError:  # it needs another one to go with it
            continue
        address = address_of(changed)
        assert recipe_in(address) == changed, address
        assert address.isascii() and len(address) < MAX_CHARS
        held += changed != plain
    assert held >= 3


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("#generate?checkpoint=faces-64&num_steps=", "recipe_value"),
        ("#generate?checkpoint=faces-64&num_steps=ten", "link_damaged"),
        ("#generate?checkpoint=faces-64&num_images=[1]", None),
        ("#generate?checkpoint=faces-64&eta=NaN", None),
        ("#generate?checkpoint=faces-64&seed=" + "9" * 400, None),
        ("#generate?checkpoint=faces-64&num_images=" + "[" * 1000, None),
        ("#generate?checkpoint=faces-64&seed=1&seed=2", "link_damaged"),
        ("#generate?checkpoint", "link_damaged"),
        ("#generate?", "checkpoint_missing"),
        ("#generate?checkpoint=%ff", "link_damaged"),
        ("#generate?checkpoint=faces-64&image=/etc/passwd", "recipe_unknown_field"),
        ("#denoise?checkpoint=photos&image=/etc/passwd", "recipe_unknown_field"),
        ("#generate?checkpoint=faces-64&" + "x" * MAX_CHARS, "link_long"),
        ("#magic?seed=1", "recipe_task_unknown"),
        ("", "recipe_task_unknown"),
        (None, "link_damaged"),
        ({"path": "/etc/passwd"}, "link_damaged"),
    ],
)
def test_what_is_no_recipe_is_one_sentence(address, key):
    try:
        recipe = recipe_in(address)
    except UserError as error:
        assert key is None or error.key == key
    else:
        assert key == "recipe_value" and recipe.num_steps is None  # empty: what suits
