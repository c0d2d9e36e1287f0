"""Training as processes of their own: several of them, and killed ones."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from training_helpers import pictures, tiny_config

from ddpm_demo.training.events import loss_curve, read_events
from ddpm_demo.training.launch import command
from ddpm_demo.training.state import list_checkpoints

pytestmark = pytest.mark.slow

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}


def write_config(folder, **changes):
    folder.mkdir(exist_ok=True)
    path = folder / "config.json"
    path.write_text(tiny_config(folder, **changes).to_json())
    return path


def launch(folder, num_processes=1, **changes):
    done = subprocess.run(
        command(write_config(folder, **changes), num_processes),
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "run"


def test_two_and_three_processes_have_the_loss_curve_of_one(tmp_path):
    """To rounding: the sums of a batch are only added up in another order."""
    changes = {"batch_size": 6, "max_steps": 12, "checkpoint_steps": 5}
    runs = [launch(tmp_path / str(count), count, **changes) for count in (1, 2, 3)]
    curves = [np.array(list(loss_curve(run).values())) for run in runs]
    assert all(len(curve) == 12 for curve in curves)
    for run, curve, count in zip(runs, curves, (1, 2, 3), strict=True):
        np.testing.assert_allclose(curve, curves[0], rtol=1e-4)
        start = next(event for event in read_events(run) if event["kind"] == "start")
        assert start["num_processes"] == count


def test_two_processes_have_one_adversary(tmp_path, tiny_checkpoint):
    changes = {"objective": "adversarial", "teacher": str(tiny_checkpoint), "unet": {}}
    changes |= {"sizes_px": [16], "batch_size": 4, "max_steps": 8}
    np.save(tmp_path / "data.npy", pictures(16, 16))
    changes["data"] = str(tmp_path / "data.npy")
    runs = [launch(tmp_path / str(count), count, **changes) for count in (1, 2)]
    curves = [np.array(list(loss_curve(run).values())) for run in runs]
    np.testing.assert_allclose(curves[1], curves[0], rtol=1e-3)
    for name in ("ema", "discriminator"):
        one, two = (load_file(run / "checkpoint-8" / f"{name}.safetensors") for run in runs)
        for key, value in one.items():
            torch.testing.assert_close(two[key], value, rtol=1e-2, atol=1e-4)


def test_a_network_in_parts_learns_what_a_whole_one_does_and_goes_on_as_either(tmp_path):
    """FSDP: the same curve, sheets and checkpoints; what it saves is whole."""
    changes = {"batch_size": 4, "checkpoint_steps": 4, "sample_steps": 6, "num_samples": 2}
    alone = launch(tmp_path / "alone", 1, max_steps=12, **changes)
    parts = launch(tmp_path / "parts", 2, max_steps=8, sharding="full", **changes)
    assert (parts / "samples" / "00000006.png").is_file()
    launch(tmp_path / "parts", 2, max_steps=10, sharding="full", **changes)
    launch(tmp_path / "parts", 1, max_steps=12, **changes)
    curves = [list(loss_curve(run).values()) for run in (alone, parts)]
    np.testing.assert_allclose(curves[1], curves[0], rtol=1e-4)
    for name in ("unet", "ema", "optimizer"):
        files = [run / "checkpoint-12" / f"{name}.safetensors" for run in (alone, parts)]
        whole, joined = map(load_file, files)
        assert whole.keys() == joined.keys()
        for key, value in whole.items():
            torch.testing.assert_close(joined[key], value, rtol=1e-2, atol=1e-4)
    assert (parts / "result" / "unet" / "diffusion_pytorch_model.safetensors").is_file()


def test_processes_resume_and_stop_together(tmp_path):
    whole = launch(tmp_path / "whole", 2, max_steps=20)
    run = launch(tmp_path / "parts", 2, max_steps=8)
    assert launch(tmp_path / "parts", 2, max_steps=20) == run
    assert loss_curve(run) == loss_curve(whole)


def start(path):
    return subprocess.Popen(
        [sys.executable, "-m", "ddpm_demo.training", "--config", str(path)],
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def wait_for(condition, seconds=1800):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)


@pytest.mark.parametrize("objective", ["diffusion", "consistency"])
def test_kill_9_at_any_moment_loses_at_most_the_steps_since_the_last_checkpoint(
    tmp_path, tiny_checkpoint, objective
):
    """Checkpoints at every step, so that many kills fall into the middle of one."""
    what = {"objective": objective}
    if objective == "consistency":
        what |= {"teacher": str(tiny_checkpoint), "consistency_path": "teacher"}
        what |= {"unet": {}, "sizes_px": [16], "min_gap": 0.25}
    changes = {**what, "max_steps": 60, "checkpoint_steps": 1, "log_steps": 1}
    whole = launch(tmp_path / "whole", **what, max_steps=60)
    path = write_config(tmp_path / "killed", **changes)
    run = tmp_path / "killed" / "run"
    moments = np.random.default_rng(0).uniform(0, 0.4, 5)
    for target, extra_seconds in zip((3, 12, 24, 36, 48), moments, strict=True):
        process = start(path)

        def reached(target=target):
            return any(step >= target for step, _ in list_checkpoints(run))

        wait_for(reached)
        time.sleep(extra_seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        newest = list_checkpoints(run)[0][1]
        json.loads((newest / "state.json").read_text())
    process = start(path)
    assert process.wait(timeout=1800) == 0
    assert loss_curve(run) == loss_curve(whole)
