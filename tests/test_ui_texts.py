"""Languages, the register of texts, and errors as sentences."""

import gradio as gr
import pytest

from ddpm_demo.errors import UserError
from ddpm_demo.texts import known_language, negotiate, text
from ddpm_demo.ui.errors import sentence
from ddpm_demo.ui.relabel import Texts


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("zh-TW", "zh-CN"),
        ("zh", "zh-CN"),
        ("en-GB,en;q=0.9,zh;q=0.5", "en"),
        ("fr-FR,zh;q=0.5", "zh-CN"),
        ("fr-FR,de;q=0.5", "en"),
        ("", "en"),
        (";;,,", "en"),
    ],
)
def test_the_first_language_that_the_browser_wants_and_we_have(header, language):
    assert negotiate(header) == language


def test_a_text_is_filled_and_an_unknown_language_is_english():
    english = text("en", "common.status_step", index=7, total=20)
    assert "7" in english and "20" in english
    assert text("tlh", "common.status_step", index=7, total=20) == english
    assert text("zh-CN", "common.status_step", index=7, total=20) != english
    with pytest.raises(KeyError):
        text("en", "common.no_such_text")


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ("zh", "zh-CN"),
        ("zh_CN.UTF-8", "zh-CN"),
        ("ZH-hans", "zh-CN"),
        ("en_GB", "en"),
        (None, "en"),
    ],
)
def test_a_language_may_be_spelled_as_people_and_shells_do(said, language):
    assert known_language(said) == language


def test_registered_components_are_relabelled_and_keep_their_values():
    texts = Texts("en")
    with gr.Blocks():
        box = texts.make(gr.Number, {"label": "fields.seed"}, value=7)
        choice = texts.make(
            gr.Dropdown,
            {"label": "fields.sampler", "choices": lambda language: [(language, "a")]},
            value="a",
        )
    assert texts.components == [box, choice]
    assert box.label == text("en", "fields.seed")
    first, second = texts.updates("zh-CN")
    assert first["label"] == text("zh-CN", "fields.seed")
    assert second["choices"] == [("zh-CN", "a")]
    assert "value" not in first and "value" not in second


def test_a_user_error_is_said_in_the_language_of_the_visitor():
    error = UserError("eta_range", "Eta must be between 0 and 1, not {value}.", value=3)
    assert sentence(error, "en") == str(error)
    assert sentence(error, "zh-CN") == text("zh-CN", "errors.eta_range", value=3)


def test_the_name_of_a_control_is_its_label():
    params = {"name": "num_images", "low": 1, "high": 256, "value": 10_000}
    error = UserError("range", "{name} must be between {low} and {high}, not {value}.", **params)
    assert sentence(error, "en").startswith("Images must be between 1 and 256")
    assert sentence(error, "zh-CN").startswith(text("zh-CN", "fields.num_images"))


def test_anything_else_is_one_general_sentence_without_its_text(caplog):
    said = sentence(RuntimeError("secret of the server"), "en")
    assert said == text("en", "errors.unexpected")
    assert "secret" not in said
    assert "secret of the server" in caplog.text
