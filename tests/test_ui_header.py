"""The line above the tabs: what is chosen, and what becomes of a name that is no checkpoint."""

import pytest

from ddpm_demo.ui.components import header
from ddpm_demo.ui.models import Models


@pytest.fixture
def models(tiny_checkpoint):
    return Models("tiny", {"tiny": str(tiny_checkpoint)})


@pytest.mark.parametrize(("language", "words"), [("en", "stays chosen"), ("zh-CN", "仍然使用")])
def test_what_is_no_checkpoint_does_not_stay_chosen(models, language, words):
    card, notice, chosen = header.look_up(models, "nothing-like-it", "tiny", language)
    assert chosen == "tiny" and words in notice and "nothing-like-it" in notice
    assert card == header.card_html(models, "tiny", language)
    # Nothing to go back to: the sentence alone.
    card, notice, chosen = header.look_up(models, "nothing-like-it", "", language)
    assert (card, chosen) == ("", "nothing-like-it") and words not in notice


def test_a_checkpoint_is_chosen_without_a_word(models):
    card, notice, chosen = header.look_up(models, "tiny", "faces-64", "en")
    assert chosen == "tiny" and notice == "" and card


def test_the_card_says_that_others_can_be_typed(models):
    assert "owner/name" in header.card_html(models, "tiny", "en")


def test_what_takes_any_size_is_not_given_a_size(models):
    words = {name: label for label, name in header.checkpoint_choices(models, "en")}
    assert words["photos"] == "Photographs, any size · colour"
    assert words["faces-64"].endswith("64 × 64 colour")
