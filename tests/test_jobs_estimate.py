"""The time of a step, measured by taking some."""

import json

import pytest
from training_helpers import tiny_config

from ddpm_demo.errors import UserError
from ddpm_demo.jobs import estimate
from ddpm_demo.training import measure


def test_some_steps_are_taken_and_nothing_is_left(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)
    path = tmp_path / "config.json"
    path.write_text(tiny_config(tmp_path, data="not/there/yet").to_json())
    assert measure.main(["--config", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["seconds_per_step"] > 0
    assert list((tmp_path / "temporary").glob("ddpm-demo-*")) == []  # torch has a cache there


def test_what_cannot_be_trained_is_one_sentence(tmp_path, capsys):
    path = tmp_path / "config.json"
    path.write_text(tiny_config(tmp_path, sizes_px=[9]).to_json())
    assert measure.main(["--config", str(path)]) == 2
    assert "multiple of 2" in capsys.readouterr().err
    with pytest.raises(UserError):
        measure.seconds_per_step(tiny_config(tmp_path, from_checkpoint="no/such"))


def test_a_step_is_measured_once_for_what_its_time_depends_on(tmp_path, monkeypatch):
    asked = []

    def fake(config):
        asked.append(config)
        return 0.5 if config.batch_size == 4 else None

    monkeypatch.setattr(estimate, "_measure", fake)
    estimates, config = estimate.Estimates(), tiny_config(tmp_path)
    assert estimates.known(config) is None
    assert estimates.measure(config) == estimates.known(config) == 0.5
    assert estimates.measure(tiny_config(tmp_path, learning_rate=1e-5, max_steps=9)) == 0.5
    assert len(asked) == 1
    assert estimates.measure(tiny_config(tmp_path, batch_size=8)) is None
    assert estimates.known(tiny_config(tmp_path, batch_size=8)) is None and len(asked) == 2


@pytest.mark.slow
def test_the_measurement_is_a_process_like_the_trainer(tmp_path):
    assert estimate.Estimates().measure(tiny_config(tmp_path)) > 0
    assert estimate.Estimates().measure(tiny_config(tmp_path, sizes_px=[9])) is None
