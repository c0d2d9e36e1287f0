"""The loop: exact resume, stopping, checkpoints that are whole or not there, the result."""

import errno
import json
import os
import signal

import pytest
import torch
from diffusers import DDPMPipeline
from safetensors.torch import load_file
from training_helpers import TINY, tiny_config

import ddpm_demo.training.loop as loop
import ddpm_demo.training.state as state_module
from ddpm_demo.errors import UserError
from ddpm_demo.training.events import loss_curve, read_events
from ddpm_demo.training.export import export
from ddpm_demo.training.muon import is_matrix
from ddpm_demo.training.run import train
from ddpm_demo.training.state import list_checkpoints


def kinds(run):
    return [event["kind"] for event in read_events(run)]


def weights(run):
    return DDPMPipeline.from_pretrained(run / "result", local_files_only=True).unet.state_dict()


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    """Ten steps in one go."""
    folder = tmp_path_factory.mktemp("whole")
    train(tiny_config(folder, max_steps=10, sample_steps=5, checkpoint_steps=4))
    return folder / "run"


def test_a_run_leaves_everything_a_reader_needs(whole_run):
    names = {path.name for path in whole_run.iterdir()}
    assert {"config.json", "events.jsonl", "samples", "result", "data.png"} <= names
    assert [step for step, _ in list_checkpoints(whole_run)] == [10, 8]  # the newest two
    sheets = {f"{step:08d}{kind}.png" for step in (5, 10) for kind in ("", "-nearest")}
    assert {p.name for p in (whole_run / "samples").iterdir()} == sheets
    assert kinds(whole_run)[:3] == ["starting", "report", "start"]
    assert kinds(whole_run)[-2:] == ["stop", "done"]
    assert sorted(loss_curve(whole_run)) == list(range(1, 11))


def test_plain_diffusers_loads_the_result_and_samples_from_it(whole_run):
    pipeline = DDPMPipeline.from_pretrained(whole_run / "result", local_files_only=True)
    assert pipeline.scheduler.config.prediction_type == "v_prediction"
    images = pipeline(batch_size=1, num_inference_steps=2, output_type="np").images
    assert images.shape == (1, 8, 8, 3)
    file = whole_run / "result" / "unet" / "diffusion_pytorch_model.safetensors"
    parameters = sum(p.numel() for p in pipeline.unet.parameters())
    assert file.stat().st_size < 2.5 * parameters + 20_000  # half precision
    assert "samples_seen: 40" in (whole_run / "result" / "README.md").read_text()


@pytest.mark.parametrize("stop_at", [1, 4, 7])
def test_a_stopped_and_resumed_run_equals_an_uninterrupted_one(whole_run, tmp_path, stop_at):
    train(tiny_config(tmp_path, max_steps=stop_at))
    train(tiny_config(tmp_path, max_steps=10))
    run = tmp_path / "run"
    assert loss_curve(run) == loss_curve(whole_run)
    assert same(weights(run), weights(whole_run))
    start = [event for event in read_events(run) if event["kind"] == "start"][-1]
    assert start["from_step"] == stop_at and start["changed"] == {"max_steps": 10}


def test_a_run_killed_while_writing_a_checkpoint_goes_on_from_the_one_before(
    whole_run, tmp_path, monkeypatch
):
    class Killed(BaseException):
        pass

    real = state_module.sync
    calls = []

    def sync(path):
        calls.append(path)
        if len(calls) == 9:  # in the middle of the second checkpoint
            raise Killed
        real(path)

    monkeypatch.setattr(state_module, "sync", sync)
    with pytest.raises(Killed):
        train(tiny_config(tmp_path, max_steps=10, checkpoint_steps=3))
    run = tmp_path / "run"
    assert (run / ".checkpoint-6.partial").exists()
    assert [step for step, _ in list_checkpoints(run)] == [3]
    monkeypatch.setattr(state_module, "sync", real)
    train(tiny_config(tmp_path, max_steps=10, checkpoint_steps=3))
    assert not list(run.glob(".checkpoint-*"))
    assert loss_curve(run) == loss_curve(whole_run)
    assert same(weights(run), weights(whole_run))


def test_a_full_disk_at_a_checkpoint_is_said_and_training_goes_on(tmp_path, monkeypatch):
    real, full = state_module.save_file, {6}

    def save_file(tensors, path):
        if int(path.parent.name.split("-")[1].split(".")[0]) in full:
            path.write_bytes(b"half a file")
            raise OSError(errno.ENOSPC, "No space left on device")
        real(tensors, path)

    monkeypatch.setattr(state_module, "save_file", save_file)
    train(tiny_config(tmp_path, max_steps=8, checkpoint_steps=3))
    run = tmp_path / "run"
    assert [step for step, _ in list_checkpoints(run)] == [8, 3]
    (warning,) = [event for event in read_events(run) if event["kind"] == "warning"]
    assert "checkpoint-6" in warning["message"] and "No space left" in warning["message"]
    assert not list(run.glob(".checkpoint-*"))

    full.add(10)
    with pytest.raises(
        OSError, match="checkpoint-10"
    ):  # the last one: nothing may be lost quietly
        train(tiny_config(tmp_path, max_steps=10))
    assert [step for step, _ in list_checkpoints(run)] == [8, 3]
    assert [event for event in read_events(run)][-1]["kind"] == "error"


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(whole_run, tmp_path):
    train(tiny_config(tmp_path, max_steps=6, checkpoint_steps=3))
    run = tmp_path / "run"
    (run / "checkpoint-6" / "ema.safetensors").write_bytes(b"rubbish")
    train(tiny_config(tmp_path, max_steps=10))
    (warning,) = [event for event in read_events(run) if event["kind"] == "warning"]
    assert "checkpoint-6" in warning["message"]
    assert loss_curve(run) == loss_curve(whole_run)


@pytest.mark.parametrize("how", ["stop file", "signal"])
def test_stopping_ends_at_a_step_boundary_with_a_checkpoint(tmp_path, monkeypatch, how):
    run = tmp_path / "run"
    real = loop.Trainer._step

    def step(self):
        real(self)
        if self.position.step == 3 and how == "stop file":
            (run / "STOP").touch()
        elif self.position.step == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(loop.Trainer, "_step", step)
    assert train(tiny_config(tmp_path, max_steps=100)) == how
    assert [number for number, _ in list_checkpoints(run)] == [3]
    assert (run / "result" / "model_index.json").exists()
    monkeypatch.setattr(loop.Trainer, "_step", real)
    assert train(tiny_config(tmp_path, max_steps=5)) == "steps"  # the STOP file is used up
    assert sorted(loss_curve(run)) == [1, 2, 3, 4, 5]


def test_a_run_that_is_killed_at_its_last_sheet_has_all_its_steps(tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "write_sheet", killed)
    with pytest.raises(KeyboardInterrupt):
        train(tiny_config(tmp_path, max_steps=3, sample_minutes=60))
    assert [step for step, _ in list_checkpoints(tmp_path / "run")] == [3]


def test_hours_end_a_run(tmp_path):
    assert train(tiny_config(tmp_path, max_steps=None, max_hours=0.0002)) == "hours"


def test_export_works_while_a_run_goes_on(whole_run, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "README.md").write_text("a model card")
    assert export(whole_run, tmp_path / "out") == 10
    exported = DDPMPipeline.from_pretrained(tmp_path / "out", local_files_only=True)
    assert same(exported.unet.state_dict(), weights(whole_run))
    assert (tmp_path / "out" / "README.md").read_text() == "a model card"
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len({path.stat().st_mode for path in files}) == 1  # whoever may read one may read all
    with pytest.raises(UserError, match="no checkpoint yet"):
        export(tmp_path, tmp_path / "elsewhere")


def test_training_from_a_checkpoint_starts_with_its_weights(whole_run, tmp_path):
    start = weights(whole_run)
    config = tiny_config(
        tmp_path,
        unet={},
        from_checkpoint=str(whole_run / "result"),
        max_steps=1,
        learning_rate=1e-8,
    )
    train(config)
    after = weights(tmp_path / "run")
    assert all(torch.allclose(start[name], after[name], atol=1e-4) for name in start)
    loss = loss_curve(tmp_path / "run")[1]
    assert loss != loss_curve(whole_run)[1]


@pytest.mark.parametrize("parts", ["norms_and_biases", "attention_and_norms"])
def test_partial_training_leaves_the_rest_alone_and_resumes(whole_run, tmp_path, parts):
    start = weights(whole_run)
    values = {"unet": {}, "from_checkpoint": str(whole_run / "result"), "train_parts": parts}
    train(tiny_config(tmp_path, max_steps=2, learning_rate=0.01, **values))
    train(tiny_config(tmp_path, max_steps=4, learning_rate=0.01, **values))
    after = weights(tmp_path / "run")
    changed = {name for name in start if not torch.equal(start[name], after[name])}
    allowed = {n for n in start if "norm" in n or (parts[0] == "n" and n.endswith(".bias"))}
    assert changed and changed <= allowed


def test_another_network_in_the_same_run_folder_is_refused(tmp_path):
    config = tiny_config(tmp_path, max_steps=1)
    train(config)
    wider = {**config.unet, "block_out_channels": [8, 8]}
    with pytest.raises(UserError, match="another network"):
        train(tiny_config(tmp_path, max_steps=2, unet=wider))


def test_mixed_sizes_with_batches_of_their_own_resume_exactly(tmp_path):
    sizes = {"sizes_px": [8, 16], "size_batches": [4, 2], "fit": "crop"}
    for folder, stops in (("a", [6]), ("b", [3, 6])):
        (tmp_path / folder).mkdir()
        (tmp_path / "data.npy").exists()
        for stop in stops:
            train(tiny_config(tmp_path / folder, max_steps=stop, **sizes))
    curves = [loss_curve(tmp_path / folder / "run") for folder in "ab"]
    assert curves[0] == curves[1] and len(curves[0]) == 6
    last = [e for e in read_events(tmp_path / "a" / "run") if e["kind"] == "loss"][-1]
    assert 6 * 2 <= last["samples_seen"] <= 6 * 4


def test_muon_resumes_exactly_and_an_optimiser_may_follow_the_other(tmp_path):
    wide = {**TINY, "block_out_channels": [8, 16]}
    for folder, stops in (("a", [6]), ("b", [3, 6])):
        (tmp_path / folder).mkdir()
        for stop in stops:
            train(tiny_config(tmp_path / folder, max_steps=stop, optimizer="muon", unet=wide))
    a, b = (tmp_path / folder / "run" for folder in "ab")
    assert loss_curve(a) == loss_curve(b) and same(weights(a), weights(b))
    kept = load_file(a / "checkpoint-6" / "optimizer.safetensors")
    names = {name.rsplit(":")[1] for name in kept}
    assert names == {"momentum", "step", "exp_avg", "exp_avg_sq"}
    train(tiny_config(tmp_path / "a", max_steps=8, optimizer="adamw", unet=wide))
    kept = load_file(a / "checkpoint-8" / "optimizer.safetensors")
    assert not any(name.endswith(":momentum") for name in kept)
    steps = {int(value) for name, value in kept.items() if name.endswith(":step")}
    assert steps == {2, 8}  # begun anew where Muon was, gone on with where AdamW was
    train(tiny_config(tmp_path / "a", max_steps=9, optimizer="muon", unet=wide))
    kept = load_file(a / "checkpoint-9" / "optimizer.safetensors")
    network = load_file(a / "checkpoint-9" / "unet.safetensors")
    assert {n.rsplit(":")[0] for n in kept if n.endswith(":momentum")} == {
        name for name, value in network.items() if is_matrix(value)
    }


def test_a_loss_that_is_no_number_ends_the_run_with_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "learning_rate", lambda *_: float("nan"))
    with pytest.raises(UserError, match="diverged"):
        train(tiny_config(tmp_path))
    assert json.loads((tmp_path / "run" / "events.jsonl").read_text().splitlines()[-1])
    assert kinds(tmp_path / "run")[-1] == "error"


def test_held_out_pictures_are_measured(tmp_path):
    import numpy as np
    from training_helpers import pictures

    folder = tmp_path / "set"
    folder.mkdir()
    np.save(folder / "train.npy", pictures())
    np.save(folder / "heldout.npy", pictures(seed=1))
    train(tiny_config(tmp_path, data=str(folder), max_steps=2, validation_minutes=0.001))
    losses = [e["loss"] for e in read_events(tmp_path / "run") if e["kind"] == "validation"]
    assert all(0 < loss < 10 for loss in losses)
