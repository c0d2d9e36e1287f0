"""The train command: settings from options and files, one run in the foreground."""

import json

import numpy as np
import pytest
from training_helpers import TINY, pictures

from ddpm_demo.cli import build_parser, main
from ddpm_demo.cli.train import DEFAULT_MAX_STEPS, FINE_TUNING_RATE, make_config
from ddpm_demo.errors import UserError


def config_of(*options):
    return make_config(build_parser().parse_args(["train", *options]))


def test_fine_tuning_takes_what_the_checkpoint_says():
    config = config_of("--data", "d", "--out", "o", "--from", "fashion-32")
    assert (config.channels, config.from_checkpoint) == (1, "fashion-32")
    assert config.sizes_px == (32,) and config.learning_rate == FINE_TUNING_RATE
    assert config.max_steps == DEFAULT_MAX_STEPS and config.max_hours is None
    photos = config_of("--data", "d", "--out", "o", "--from", "photos", "--max-hours", "2")
    assert (photos.fit, photos.prior, photos.max_steps, photos.max_hours) == (
        "crop",
        "photo",
        None,
        2.0,
    )


def test_distilling_takes_what_the_teacher_says():
    options = ("--data", "d", "--out", "o", "--objective", "consistency", "--teacher")
    config = config_of(*options, "fashion-32")
    assert (config.objective, config.teacher, config.start) == ("consistency", *["fashion-32"] * 2)
    assert config.channels == 1 and config.sizes_px == (32,) and not config.unet
    assert config_of(*options, "faces-64", "--from", "fashion-32").start == "fashion-32"


def test_options_go_over_the_file_and_what_is_left_has_a_network(tmp_path):
    file = tmp_path / "recipe.json"
    file.write_text(json.dumps({"data": "d", "out": "o", "seed": 5, "batch_size": 8}))
    config = config_of("--config", str(file), "--batch-size", "2", "--set", "flips=false")
    assert (config.seed, config.batch_size, config.flips) == (5, 2, False)
    assert config.unet and config.from_checkpoint is None


@pytest.mark.parametrize(
    ("options", "key"),
    [
        (["--out", "o"], "train_setting_missing"),
        (["--data", "d", "--out", "o", "--learning-rate", "10"], "train_value_range"),
        (["--data", "d", "--out", "o", "--train-parts", "ears"], "train_value_choice"),
        (["--data", "d", "--out", "o", "--from", "nothing"], "checkpoint_unknown"),
        (["--data", "d", "--out", "o", "--objective", "consistency"], "train_no_teacher"),
        (["--data", "d", "--out", "o", "--config", "nothing.json"], "train_config_unreadable"),
    ],
)
def test_what_cannot_be_is_one_sentence(options, key):
    with pytest.raises(UserError) as caught:
        config_of(*options)
    assert caught.value.key == key


@pytest.mark.slow
def test_a_run_in_the_foreground_and_a_second_one_that_goes_on(tmp_path, capfd):
    np.save(tmp_path / "data.npy", pictures())
    tiny = {"unet": TINY, "batch_size": 4, "warmup_steps": 2, "sample_minutes": None}
    (tmp_path / "tiny.json").write_text(json.dumps({**tiny, "num_threads": 1}))
    options = ["--data", str(tmp_path / "data.npy"), "--out", str(tmp_path / "run")]
    options += ["--config", str(tmp_path / "tiny.json"), "--size-px", "8", "--json"]
    for max_steps in (3, 6):
        assert main(["train", *options, "--max-steps", str(max_steps)]) == 0
        report = json.loads(capfd.readouterr().out)
        assert report["step"] == max_steps and report["reason"] == "steps"
    assert (tmp_path / "run" / "result" / "model_index.json").is_file()


@pytest.mark.slow
def test_a_mistake_in_the_data_is_the_trainers_sentence_and_exit_code_2(tmp_path, capfd):
    with pytest.raises(SystemExit) as caught:
        main(["train", "--data", "nothing", "--out", str(tmp_path / "run")])
    assert caught.value.code == 2
    said = capfd.readouterr().err
    assert "There is no data at nothing" in said and "Traceback" not in said
