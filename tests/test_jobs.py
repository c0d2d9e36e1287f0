"""Training runs as processes: start, queue, stop, resume, deaths of the trainer and of the app."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from training_helpers import TINY, pictures

from ddpm_demo.checkpoints.model_card import read_model_card, write_model_card
from ddpm_demo.errors import UserError
from ddpm_demo.jobs import Jobs, Watcher, store, training_allowed
from ddpm_demo.jobs import process as process_module

ROOT = Path(__file__).resolve().parent.parent

# Obeys STOP and events.jsonl like the trainer, and starts at once.
FAKE_TRAINER = """
import json, os, pathlib, sys, time
run = pathlib.Path(".")
log = open(run / "events.jsonl", "ab", buffering=0)
def event(kind, step, **fields):
    values = {"kind": kind, "step": step, "time": time.time(), **fields}
    log.write((json.dumps(values) + "\\n").encode())
events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
step = max((event["step"] for event in events if event["kind"] == "loss"), default=0)
event("starting", 0, pid=os.getpid())
event("start", step, from_step=step)
limit = json.loads((run / "config.json").read_text())["max_steps"]
while step < limit and not (run / "STOP").exists():
    step += 1
    event("loss", step, losses=[1 / step], elapsed_s=step / 10)
    time.sleep(0.01)
reason = "steps" if step >= limit else "stop file"
event("stop", step, reason=reason)
event("done", step, path="result", reason=reason)
"""
ENDLESS = 10**6


@pytest.fixture
def fake_trainer(monkeypatch):
    monkeypatch.setattr(store, "command", lambda config: [sys.executable, "-c", FAKE_TRAINER])


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    monkeypatch.delenv("SPACE_ID", raising=False)
    monkeypatch.setattr(store, "TICK_SECONDS", 0.02)
    made = Jobs(tmp_path / "runs", num_threads=1)
    yield made
    for name in made.names():
        with contextlib.suppress(UserError):
            made.discard(name)


def submit(jobs, title="My cats", **settings):
    draft = jobs.draft()
    np.save(draft / "data.npy", pictures())
    plain = {"data": "data.npy", "unet": TINY, "sizes_px": [8], "max_steps": ENDLESS}
    return jobs.submit(draft, {**plain, **settings}, title)


def wait(jobs, name, *phases, seconds=60):
    """Wait until the run is in one of the phases."""
    until = time.monotonic() + seconds
    while jobs.phase(name) not in phases:
        assert time.monotonic() < until, (jobs.phase(name), jobs.log(name))
        time.sleep(0.02)
    return jobs.phase(name)


def trainers(jobs):
    found = jobs._trainer()
    return process_module.members(found["pid"], found["started"])


def test_a_run_gets_another_title_and_so_does_its_result(jobs, fake_trainer):
    name = submit(jobs)
    result = jobs.folder / name / "result"
    result.mkdir()
    write_model_card(result, {"title": "Old", "samples_seen": 7}, "# Old\n\nBody of it.")
    jobs.rename(name, "  猫  and dogs ")
    assert jobs.job(name).title == jobs.config(name).title == "猫 and dogs"
    assert read_model_card(result).title == "猫 and dogs"
    assert read_model_card(result).samples_seen == 7
    assert "# 猫 and dogs\n\nBody of it." in (result / "README.md").read_text(encoding="utf-8")
    with pytest.raises(UserError, match="at least one letter"):
        jobs.rename(name, " \n ")
    assert jobs.job(name).title == "猫 and dogs"


def test_a_run_is_started_watched_and_finishes(jobs, fake_trainer):
    name = submit(jobs, max_steps=5)
    assert name == "my-cats" and jobs.names() == [name]
    wait(jobs, name, "finished")
    progress = jobs.progress(name)
    assert progress.step == 5 and [step for step, _ in progress.curve] == [1, 2, 3, 4, 5]
    assert progress.curve[3][1] == pytest.approx(1 / 4)
    assert jobs.running() is None and jobs.queue() == []


def test_a_run_at_its_end_can_be_trained_on(jobs, fake_trainer):
    name = submit(jobs, max_steps=3)
    wait(jobs, name, "finished")
    jobs.resume(name)
    while jobs.progress(name).step < 6:
        time.sleep(0.01)
    wait(jobs, name, "finished")
    assert jobs.config(name).max_steps == 6 and jobs.progress(name).step == 6


def test_the_trainer_gets_no_secrets_and_low_priority(jobs, fake_trainer, monkeypatch):
    for name in ("HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN"):
        monkeypatch.setenv(name, "secret")
    name = submit(jobs)
    wait(jobs, name, "training")
    assert all(process.nice() >= process_module.NICENESS for process in trainers(jobs))
    session = Path(f"/proc/{trainers(jobs)[0].pid}/autogroup")
    if session.exists():  # a Linux that shares the processor between sessions
        assert session.read_text().split("nice")[1].strip() == str(process_module.NICENESS)
    assert all("secret" not in process.environ().values() for process in trainers(jobs))
    assert trainers(jobs)[0].environ()["OMP_NUM_THREADS"] == "1"


def test_pausing_resuming_and_stopping_lose_nothing(jobs, fake_trainer):
    name = submit(jobs)
    wait(jobs, name, "training")
    jobs.pause(name)
    wait(jobs, name, "paused")
    step = jobs.progress(name).step
    jobs.resume(name)
    wait(jobs, name, "training")
    jobs.stop(name)
    assert wait(jobs, name, "finished") == "finished"
    assert jobs.progress(name).step >= step
    steps = [step for step, _ in jobs.progress(name).curve]
    assert steps == sorted(set(steps))


def test_one_trains_at_a_time_and_the_next_one_follows(jobs, fake_trainer):
    first, second, third = (submit(jobs, "same name") for _ in range(3))
    assert len({first, second, third}) == 3
    wait(jobs, first, "training")
    assert jobs.queue() == [second, third] and jobs.phase(second) == "queued"
    jobs.pause(second)
    assert jobs.phase(second) == "paused" and jobs.queue() == [third]
    jobs.stop(first)
    wait(jobs, third, "training")
    assert jobs.running() == third


def test_a_full_queue_and_an_unknown_run_are_refused(jobs, fake_trainer, monkeypatch):
    monkeypatch.setattr(store, "MAX_QUEUED", 1)
    submit(jobs)
    submit(jobs)
    with pytest.raises(UserError, match="waiting already"):
        submit(jobs)
    for name in ("nothing", "", "..", "../runs", "/etc"):
        with pytest.raises(UserError, match="no longer there"):
            jobs.progress(name)


def test_discarding_ends_the_run_and_leaves_nothing(jobs, fake_trainer):
    name = submit(jobs)
    wait(jobs, name, "training")
    mine = trainers(jobs)
    jobs.discard(name)
    assert not any(process.is_running() for process in mine)
    assert jobs.names() == [] and jobs.running() is None
    left = [path.name for path in jobs.folder.iterdir() if not path.name.startswith(".")]
    assert left == [] and list((jobs.folder / store.DRAFTS).iterdir()) == []


@pytest.mark.parametrize("moment", [0.0, 0.05, 0.2])
def test_a_killed_trainer_is_told_and_resumed(jobs, fake_trainer, moment):
    name = submit(jobs)
    wait(jobs, name, "training")
    time.sleep(moment)
    for process in trainers(jobs):
        process.kill()
    wait(jobs, name, "killed")
    step = jobs.progress(name).step
    jobs.resume(name)
    wait(jobs, name, "training")
    while jobs.progress(name).step <= step:
        time.sleep(0.01)
    jobs.stop(name)
    wait(jobs, name, "finished")


def test_a_trainer_outlives_a_killed_app_and_is_found_again(jobs):
    app = f"""
import sys, time
sys.path.insert(0, {str(ROOT / "tests")!r})
from pathlib import Path
import test_jobs
test_jobs.store.command = lambda config: [sys.executable, "-c", test_jobs.FAKE_TRAINER]
jobs = test_jobs.Jobs(Path({str(jobs.folder)!r}), num_threads=1)
name = test_jobs.submit(jobs)
test_jobs.wait(jobs, name, "training")
print(name, flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", app], cwd=ROOT, stdout=subprocess.PIPE) as child:
        name = child.stdout.readline().decode().strip()
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert jobs.running() == name and jobs.phase(name) == "training"
    step = jobs.progress(name).step
    while jobs.progress(name).step <= step:
        time.sleep(0.01)
    jobs.pause(name)
    assert wait(jobs, name, "paused") == "paused"


def test_a_trainer_whose_launcher_was_killed_is_still_known(jobs, monkeypatch):
    launcher = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    words = [sys.executable, "-c", launcher, FAKE_TRAINER]
    monkeypatch.setattr(store, "command", lambda config: words)
    name = submit(jobs)
    wait(jobs, name, "training")
    assert len(trainers(jobs)) == 2
    psutil.Process(jobs._trainer()["pid"]).kill()
    while len(trainers(jobs)) != 1:
        time.sleep(0.01)
    assert jobs.phase(name) == "training"
    jobs.stop(name)
    wait(jobs, name, "finished")


def test_another_process_with_the_old_number_is_not_the_trainer(jobs, fake_trainer):
    name = submit(jobs, max_steps=1)
    wait(jobs, name, "finished")
    trainer = {"name": name, "pid": os.getpid(), "started": process_module.now() - 6000}
    (jobs.folder / store.TRAINER_FILE).write_text(json.dumps(trainer))
    assert jobs.running() is None


def test_a_session_with_the_old_number_is_left_alone():
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    other = subprocess.Popen(command, start_new_session=True)
    try:
        started = process_module.born(psutil.Process(other.pid))
        assert [p.pid for p in process_module.members(other.pid, started)] == [other.pid]
        assert process_module.members(other.pid, started - 60) == []
        process_module.end(other.pid, started - 60)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_trainer_that_cannot_start_is_told(jobs, monkeypatch):
    monkeypatch.setattr(store, "command", lambda config: [sys.executable, "-c", "1 / 0"])
    name = submit(jobs)
    wait(jobs, name, "killed")
    assert "ZeroDivisionError" in jobs.log(name)


def test_on_a_space_training_is_off_unless_its_owner_turns_it_on(jobs, fake_trainer, monkeypatch):
    assert training_allowed({}) and not training_allowed({"SPACE_ID": "a/b"})
    assert training_allowed({"SPACE_ID": "a/b", "DDPM_DEMO_ALLOW_TRAINING": "1"})
    monkeypatch.setenv("SPACE_ID", "a/b")
    monkeypatch.delenv("DDPM_DEMO_ALLOW_TRAINING", raising=False)
    with pytest.raises(UserError, match="DDPM_DEMO_ALLOW_TRAINING"):
        submit(jobs)
    assert jobs.names() == []


def write_events(folder, events, tail=b""):
    lines = b"".join(json.dumps({"time": 1.0, **event}).encode() + b"\n" for event in events)
    with open(folder / "events.jsonl", "ab") as file:
        file.write(lines + tail)


def test_a_partial_last_line_is_left_for_the_next_look(tmp_path):
    watcher = Watcher(tmp_path)
    assert watcher.read().last == {}
    loss = {"kind": "loss", "step": 2, "losses": [4.0, 2.0], "elapsed_s": 1.0}
    write_events(tmp_path, [loss], b'{"kind": "loss", "step": 4, "losses": [1.0, ')
    assert watcher.read().step == 2
    with open(tmp_path / "events.jsonl", "ab") as file:
        file.write(b'3.0], "elapsed_s": 3.0, "time": 2}\nnot JSON\n\n')
    progress = watcher.read()
    assert [(s, v) for s, v in progress.curve] == [(1, 4.0), (2, 2.0), (3, 1.0), (4, 3.0)]
    assert progress.steps_per_s == pytest.approx(1.0)
    assert progress.seconds_left(10, None) == pytest.approx(6.0)
    assert progress.seconds_left(10, 4 / 3600) == pytest.approx(1.0)


def test_a_long_curve_is_thinned_to_means_and_lost_steps_are_forgotten(tmp_path):
    losses = [float(step % 2) for step in range(1, 2001)]
    for first in range(0, 2000, 10):
        event = {"kind": "loss", "step": first + 10, "losses": losses[first : first + 10]}
        write_events(tmp_path, [event])
    write_events(tmp_path, [{"kind": "samples", "step": 1500, "path": "samples/x.png"}])
    watcher = Watcher(tmp_path)
    progress = watcher.read()
    assert 100 < len(progress.curve) <= 240 and progress.curve[-1][0] == 2000
    assert all(abs(loss - 0.5) < 0.1 for _, loss in progress.curve[1:-1])
    assert progress.smoothed()[-1][1] == pytest.approx(0.5, abs=0.1)
    write_events(tmp_path, [{"kind": "start", "step": 1000, "from_step": 1000}])
    progress = watcher.read()
    assert progress.step == 1000 and progress.curve[-1][0] <= 1000 and progress.sheets == []


@pytest.mark.slow
def test_a_real_run_killed_at_any_moment_goes_on_as_if_nothing_had_been(jobs):
    """As processes of their own, with kill -9."""
    from ddpm_demo.training.events import loss_curve

    settings = {
        "batch_size": 4,
        "checkpoint_steps": 3,
        "log_steps": 2,
        "sample_minutes": None,
        "num_threads": 1,
        "seed": 3,
        "max_steps": 40,
    }
    whole = submit(jobs, "whole", **settings)
    broken = submit(jobs, "broken", **settings)
    wait(jobs, whole, "finished", "failed", "killed", seconds=900)
    wait(jobs, broken, "training", "finished", seconds=300)
    while jobs.progress(broken).step < 6:
        time.sleep(0.005)
    for process in trainers(jobs):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    # On a loaded machine it may have come to its end before this was looked at, and a finished
    # run that is resumed goes on to twice as many steps.
    if wait(jobs, broken, "killed", "finished") == "killed":
        jobs.resume(broken)
    wait(jobs, broken, "finished", seconds=300)
    curves = [loss_curve(jobs.folder / name) for name in (whole, broken)]
    assert sorted(curves[0]) == list(range(1, 41)) and curves[0] == curves[1]
    assert all(jobs.has_result(name) for name in (whole, broken))
    assert str(jobs.folder) not in (jobs.folder / whole / "result" / "README.md").read_text()
