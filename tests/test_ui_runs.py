"""Runs as the page follows them: reports, frames, cancelling, visitors apart, memory bounded."""

import threading
from types import SimpleNamespace

import pytest
import torch

from ddpm_demo.core.progress import Moment, Progress
from ddpm_demo.core.step import Step
from ddpm_demo.errors import UserError
from ddpm_demo.pictures.images import to_pil
from ddpm_demo.tasks.generate import GenerateRecipe
from ddpm_demo.texts.durations import format_seconds
from ddpm_demo.ui import runner, sessions, stream
from ddpm_demo.ui.line import Place
from ddpm_demo.ui.runner import follow, moment_text, outcome_text
from ddpm_demo.ui.sessions import RunRecord, Store, frame_stride
from ddpm_demo.ui.stream import Job, preview_count, snapshots


class FakeRun:
    """`num_steps` steps of `batch` grey pictures; t falls by one a step."""

    def __init__(self, num_steps, batch=2, size_px=8, fails_at=None):
        self.arguments = num_steps, batch, size_px, fails_at
        self.progress = Progress()
        self.warnings = []
        self.recipe = GenerateRecipe(checkpoint="none", seed=3)

    def stop(self):
        pass

    def pictures(self, step):
        return to_pil(step.x0_hat)

    def metadata(self, index=0):
        return {"task": "generate", "image_index": index}

    def __iter__(self):
        num_steps, batch, size_px, fails_at = self.arguments
        for index in range(num_steps + 1):
            if index == fails_at:
                raise UserError("eta_range", "Eta must be between 0 and 1, not {value}.", value=2)
            x = torch.full((batch, 1, size_px, size_px), -1 + 2 * index / num_steps)
            yield Step(index, num_steps, float(num_steps - 1 - index), x, -x, index)


class FakeModels:
    def load(self, name):
        return None


def make_job(**arguments):
    recipe = GenerateRecipe(checkpoint="none", seed=3)
    return Job(recipe, lambda ddpm, recipe, inputs: FakeRun(**arguments))


class Clock:
    """Each look takes `seconds`."""

    def __init__(self, seconds):
        self.now, self.seconds = 0.0, seconds

    def __call__(self):
        self.now += self.seconds
        return self.now


def start(store, job, session="visitor", seconds=1.0):
    record = store.begin(session, "generate", job)
    clock = Clock(seconds)
    return record, follow(FakeModels(), store, session, "generate", record.id, "en", clock)


def test_a_run_reports_each_step_and_leaves_its_pictures():
    store = Store()
    record, reports = start(store, make_job(num_steps=4))
    lines = [report.status for report in reports if report.snapshot]
    assert lines[0].startswith("Step 0 of 4") and lines[-1].startswith("Step 4 of 4")
    assert "left" in lines[1] and "U-Net evaluations" in lines[-1]
    assert record.phase == "done"
    assert store.result("visitor", "generate") is record
    assert [frame.index for frame in record.frames] == [0, 1, 2, 3, 4]
    assert len(record.images) == 2 and not record.is_unfinished
    assert "4 steps" in outcome_text("en", record) and "seed 3" in outcome_text("en", record)


def test_the_time_that_others_took_before_is_not_the_runs(monkeypatch):
    """Ten looks of a second while it waits, then steps without any wait."""

    def seconds_after(num_waits):
        def queue(items, turns):
            turns.append(SimpleNamespace(place=Place(1, 9.0), tell=lambda seconds: None))
            yield from [None] * num_waits
            turns[0].place = Place()
            yield from items()

        monkeypatch.setattr(runner, "in_turn", queue)
        record, reports = start(Store(), make_job(num_steps=4))
        assert sum(report.place.ahead for report in reports) == num_waits
        assert record.error is None and record.phase == "done"
        return record.seconds

    assert seconds_after(10) == seconds_after(0)


def test_fast_steps_are_not_all_reported_but_the_first_and_the_last_are():
    record, reports = start(Store(), make_job(num_steps=100), seconds=0.01)
    shown = [report.snapshot.index for report in reports if report.snapshot]
    assert shown[0] == 0 and shown[-1] == 100
    assert len(shown) <= 13  # 101 steps in about a second


class SlowRun(FakeRun):
    """Its first evaluation waits in the middle until it is let go on."""

    goes_on = threading.Event()

    def __iter__(self):
        with self.progress.evaluation(4) as done:
            done(1)
            self.goes_on.wait(60)
            done(3)
        yield from super().__iter__()


def test_within_a_step_the_parts_that_are_done_are_reported():
    store = Store()
    recipe = GenerateRecipe(checkpoint="none", seed=3)
    record, run = start(store, Job(recipe, lambda ddpm, recipe, inputs: SlowRun(num_steps=2)))
    said = []
    for report in run:
        said.append(report.status)
        if "1 of 4 parts of this step" in report.status:
            assert report.snapshot is None
            SlowRun.goes_on.set()
    assert any("1 of 4 parts" in words for words in said) and record.phase == "done"
    words = moment_text("en", Moment(3, 12, 3, 40, 169, 0.3, 56.0, 130.0))
    assert words == "Step 3 of 12 · 40 of 169 parts of this step · 2 min 10 s left"


class PausingRun(SlowRun):
    """Something goes on between its first evaluation and its first step."""

    steps_on = threading.Event()

    def __iter__(self):
        with self.progress.evaluation(4) as done:
            done(1)
            self.goes_on.wait(60)
        self.steps_on.wait(60)
        yield from FakeRun.__iter__(self)


def test_a_run_that_has_begun_is_not_said_to_be_loading_again():
    recipe = GenerateRecipe(checkpoint="none", seed=3)
    record, run = start(Store(), Job(recipe, lambda ddpm, recipe, inputs: PausingRun(2)))
    between = []
    PausingRun.goes_on.clear()
    for report in run:
        if report.moment is not None:
            PausingRun.goes_on.set()
        elif PausingRun.goes_on.is_set() and report.snapshot is None:
            between.append(report.is_loading)
            PausingRun.steps_on.set()
    assert between and not any(between) and record.phase == "done"


def test_cancel_stops_before_the_next_step_and_keeps_what_there_is():
    store = Store()
    record, reports = start(store, make_job(num_steps=50))
    for report in reports:
        if report.snapshot and report.snapshot.index == 3:
            store.cancel("visitor", "generate")
    assert record.phase == "cancelled" and record.is_unfinished
    assert record.last.index == 3
    assert store.result("visitor", "generate") is record
    assert "Stopped at step 3 of 50" in outcome_text("en", record)


def test_a_run_cancelled_while_it_waits_never_starts():
    store = Store()
    record, reports = start(store, make_job(num_steps=5))
    assert store.cancel("visitor", "generate") is record
    assert list(reports) == []
    assert record.phase == "cancelled" and store.result("visitor", "generate") is None


def test_only_the_newest_of_two_waiting_runs_starts():
    store = Store()
    _, first = start(store, make_job(num_steps=2))
    newer, second = start(store, make_job(num_steps=2))
    assert list(first) == []
    assert list(second) and store.result("visitor", "generate") is newer


def test_a_failed_run_leaves_the_last_result_where_it_was():
    store = Store()
    good, reports = start(store, make_job(num_steps=2))
    list(reports)
    bad, reports = start(store, make_job(num_steps=5, fails_at=2))
    list(reports)
    assert bad.phase == "failed" and bad.error.key == "eta_range"
    assert store.take_ended("visitor", "generate", bad.id) is bad
    assert store.result("visitor", "generate") is good


def test_a_visitor_who_leaves_ends_the_run_and_frees_its_memory():
    store = Store()
    record, reports = start(store, make_job(num_steps=50))
    next(reports), next(reports)
    reports.close()
    assert record.phase == "cancelled"
    folder = store.folder("visitor")
    (folder / "file").write_text("x")
    store.forget("visitor")
    assert store.result("visitor", "generate") is None
    assert not folder.exists()


def test_visitors_do_not_see_each_other():
    store = Store()
    one, reports = start(store, make_job(num_steps=2), session="one")
    list(reports)
    assert store.result("two", "generate") is None
    assert store.result("one", "denoise") is None
    assert store.cancel("two", "generate") is None
    assert store.take_ended("two", "generate", one.id) is None
    assert store.folder("one") != store.folder("two")
    store.forget("two")
    assert store.result("one", "generate") is one
    store.forget("one")


def test_the_steps_of_a_run_are_thinned_to_what_is_affordable():
    record = RunRecord(make_job(num_steps=1000))
    for snapshot in snapshots(FakeModels(), record.job):
        record.keep(snapshot)
    indices = [frame.index for frame in record.frames]
    assert len(indices) <= sessions.MAX_FRAMES
    assert indices[0] == 0 and indices[-1] == 1000
    assert set(range(0, 1001, 10)) == set(indices)
    assert record.frame_at(504).index == 500 and record.frame_at(506).index == 510
    assert record.frame_at(10**6).index == 1000


@pytest.mark.parametrize("num_steps", [1, 20, 999, 1000])
@pytest.mark.parametrize("frame_bytes", [100, 400_000, 2 * 10**6])
def test_the_frames_of_a_run_stay_within_their_memory(num_steps, frame_bytes):
    stride = frame_stride(num_steps, frame_bytes)
    count = len(range(0, num_steps + 1, stride)) + 1
    assert count <= sessions.MAX_FRAMES + 1
    assert count <= 3 or count * frame_bytes <= sessions.MAX_RUN_BYTES + frame_bytes


def test_the_oldest_results_of_all_visitors_go_first(monkeypatch):
    monkeypatch.setattr(sessions, "MAX_TOTAL_BYTES", 3000)
    store = Store()
    for session in ("a", "b", "c", "d"):
        _, reports = start(store, make_job(num_steps=2), session=session)  # 3 frames of 256 bytes
        list(reports)
    assert store.result("a", "generate") is None
    assert store.result("d", "generate") is not None


def test_the_live_view_is_bounded_and_says_how_many_it_shows():
    assert preview_count(16, 64) == 16
    assert preview_count(256, 64) == 64
    assert preview_count(16, 256) == 4
    assert preview_count(3, 2048) == 1
    shown = next(snapshots(FakeModels(), make_job(num_steps=1, batch=5, size_px=256)))
    assert (shown.num_shown, shown.num_images, len(shown.images)) == (4, 5, 5)
    assert max(shown.x_t.size) <= stream.MAX_PREVIEW_PX


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.04, "0.0 s"), (1.44, "1.4 s"), (12.4, "12 s"), (200, "3 min 20 s")]
)
def test_seconds_in_words(seconds, words):
    assert format_seconds("en", seconds) == words
