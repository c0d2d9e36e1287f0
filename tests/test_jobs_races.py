"""Moments at which a look at a run could go wrong, each made to happen instead of waited for."""

import json
import sys
import threading
import time
from types import SimpleNamespace

import psutil
import pytest
from test_jobs import FAKE_TRAINER, fake_trainer, jobs, submit, trainers, wait  # noqa: F401
from training_helpers import tiny_config

from ddpm_demo.jobs import process as process_module
from ddpm_demo.jobs import store
from ddpm_demo.training.launch import KEEP_STOP

LAUNCHER = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"


@pytest.fixture
def launched(jobs, monkeypatch):  # noqa: F811
    """A run whose trainer is the child of a launcher, as with accelerate."""
    words = [sys.executable, "-c", LAUNCHER, FAKE_TRAINER]
    monkeypatch.setattr(store, "command", lambda config: words)
    name = submit(jobs)
    wait(jobs, name, "training")
    return name


def wait_until(condition):
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_trainer_lives_on_while_its_dead_launcher_is_a_zombie(jobs, launched, monkeypatch):  # noqa: F811
    """Else the run is told killed, asked to go on, found alive and never started again."""
    launcher, trainer = trainers(jobs)
    monkeypatch.setattr(process_module, "_reap", lambda pid: None)
    launcher.kill()
    wait_until(lambda: launcher.status() == psutil.STATUS_ZOMBIE)
    assert [process.pid for process in trainers(jobs)] == [trainer.pid]
    assert jobs.phase(launched) == "training"
    trainer.kill()
    wait(jobs, launched, "killed")
    jobs.resume(launched)
    wait(jobs, launched, "training")


def test_the_end_of_a_run_is_not_taken_for_its_death(jobs, fake_trainer, monkeypatch):  # noqa: F811
    """It may write its last event and end between two looks of the one who asks."""
    name = submit(jobs)
    wait(jobs, name, "training")
    assert jobs.phase(name) == "training"
    running = jobs.running

    def ends_meanwhile():
        monkeypatch.setattr(jobs, "running", running)
        (jobs.folder / name / store.STOP_FILE).touch()
        wait_until(lambda: running() is None)

    monkeypatch.setattr(jobs, "running", ends_meanwhile)
    assert jobs.phase(name) == "paused"


def test_resuming_a_run_that_is_being_stopped_starts_it_again(jobs, fake_trainer, monkeypatch):  # noqa: F811
    name = submit(jobs)
    wait(jobs, name, "training")
    (first,) = trainers(jobs)
    first.suspend()
    jobs.pause(name)
    assert jobs.phase(name) == "stopping"
    jobs.resume(name)
    assert jobs.phase(name) == "stopping"
    first.resume()
    wait(jobs, name, "training")
    (second,) = trainers(jobs)
    assert second.pid != first.pid
    wait_until(lambda: jobs.queue() == [])  # whoever launches it notes so after it has started


def test_resuming_a_run_that_trains_changes_nothing(jobs, fake_trainer):  # noqa: F811
    name = submit(jobs)
    wait(jobs, name, "training")
    before = jobs.job(name), trainers(jobs)
    jobs.resume(name)
    assert (jobs.job(name), trainers(jobs)) == before


def test_an_app_that_died_before_noting_the_trainer_finds_it_again(jobs, launched):  # noqa: F811
    noted = jobs.folder / store.TRAINER_FILE
    trainer = json.loads(noted.read_text())
    noted.write_text(json.dumps({**trainer, "pid": 0}))
    job = json.loads((jobs.folder / launched / store.JOB_FILE).read_text())
    queued = {**job, "wish": "queued", "launched": 0.0}
    (jobs.folder / launched / store.JOB_FILE).write_text(json.dumps(queued))
    again = store.Jobs(jobs.folder, num_threads=1)
    assert again.running() == launched and len(trainers(again)) == 2
    again.tick()
    assert len(trainers(again)) == 2  # no second one in the same folder
    assert again.phase(launched) == "training" and again.queue() == []
    again.stop(launched)
    wait(again, launched, "finished")


def test_an_app_that_died_before_starting_the_trainer_starts_it(jobs, fake_trainer):  # noqa: F811
    name = submit(jobs)
    wait(jobs, name, "training")
    for process in trainers(jobs):
        process.kill()
    wait(jobs, name, "killed")
    lost = {"name": name, "pid": 0, "started": process_module.now()}
    lost["boot"] = process_module.boot()
    (jobs.folder / store.TRAINER_FILE).write_text(json.dumps(lost))
    assert jobs.running() is None
    jobs.resume(name)
    wait(jobs, name, "training")


def test_a_run_asked_to_stop_before_it_has_started_stops(tmp_path, monkeypatch):
    """The real trainer: it removes a STOP file of old, but not one meant for this launch."""
    from ddpm_demo.training.run import train

    config = tiny_config(tmp_path, max_steps=1)
    (tmp_path / "run").mkdir()
    for name, value in process_module.environment(1).items():
        monkeypatch.setenv(name, value)
    (tmp_path / "run" / store.STOP_FILE).touch()
    assert train(config) == "stop file"
    monkeypatch.delenv(KEEP_STOP)
    assert train(config) == "steps"


@pytest.mark.parametrize("hours", [-5, 5])
def test_the_clock_is_set_while_a_run_goes_on(jobs, fake_trainer, monkeypatch, hours):  # noqa: F811
    """An app that is started again then knows the trainer, and how things stand with the run."""
    clock = SimpleNamespace(time=lambda: time.time() - 3600 * hours, sleep=time.sleep)
    monkeypatch.setattr(store, "time", clock)  # as it was at the launch
    name = submit(jobs)
    wait(jobs, name, "training")
    monkeypatch.setattr(store, "time", time)
    at = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: at(self) + 3600 * hours)
    again = store.Jobs(jobs.folder, num_threads=1)
    assert again.running() == name and again.phase(name) == "training"
    again.tick()
    assert len(trainers(again)) == 1
    again.pause(name)
    wait(again, name, "paused")
    again.resume(name)
    wait(again, name, "training")
    again.stop(name)
    wait(again, name, "finished")


def test_the_trainer_of_an_older_version_is_known(jobs, launched):  # noqa: F811
    noted = jobs.folder / store.TRAINER_FILE
    trainer = json.loads(noted.read_text())
    old = {"name": launched, "pid": trainer["pid"]}
    old["started"] = psutil.Process(trainer["pid"]).create_time()
    noted.write_text(json.dumps(old))
    assert jobs.running() == launched and len(trainers(jobs)) == 2
    jobs.stop(launched)
    wait(jobs, launched, "finished")


def test_after_a_restart_of_the_machine_nobody_is_the_trainer(jobs, fake_trainer, monkeypatch):  # noqa: F811
    name = submit(jobs)
    wait(jobs, name, "training")
    monkeypatch.setattr(process_module, "boot", lambda: "another")
    assert jobs.running() is None and jobs.phase(name) == "killed"
    monkeypatch.undo()
    jobs.stop(name)
    wait(jobs, name, "finished")


def test_several_apps_on_one_folder_start_one_trainer(jobs, fake_trainer, monkeypatch):  # noqa: F811
    monkeypatch.setattr(store.Jobs, "keep_going", lambda self: None)  # each looks when it is told
    first, second = submit(jobs, "first"), submit(jobs, "second")
    apps = [store.Jobs(jobs.folder, num_threads=1) for _ in range(4)]
    together, faults = threading.Barrier(len(apps)), []

    def look(app):
        try:
            for _ in range(10):
                together.wait(60)
                app.tick()
        except Exception as error:  # noqa: BLE001  any is a fault
            faults.append(error)
            together.abort()

    looking = [threading.Thread(target=look, args=(app,)) for app in apps]
    for thread in looking:
        thread.start()
    for thread in looking:
        thread.join()
    assert not faults and len(trainers(jobs)) == 1
    assert {app.running() for app in apps} == {first} and jobs.queue() == [second]
    apps[0].stop(first)
    wait(jobs, first, "finished")
    for app in apps:
        app.tick()
    assert {app.running() for app in apps} == {second} and len(trainers(jobs)) == 1
