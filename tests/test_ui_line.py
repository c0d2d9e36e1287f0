"""The line in front of the model, and runs that go on by themselves. Without a page."""

import threading
import time

import pytest

from ddpm_demo.errors import UserError
from ddpm_demo.ui import line as lines
from ddpm_demo.ui.drive import MAX_UNSEEN, Drive
from ddpm_demo.ui.in_turn import LINE, end_all, in_turn
from ddpm_demo.ui.line import Line, Place
from ddpm_demo.ui.runner import Report, place_text

PATIENCE_S = 60


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def line(clock):
    return Line(clock)


def test_first_come_first_served_and_all_know_their_place(line, clock):
    for ticket in "abc":
        line.join(ticket)
    assert line.place("a") == Place() and line.place("c").ahead == 2
    assert line.begin("a", 0) and not line.begin("b", 0) and not line.begin("c", 0)
    assert line.place("a") == Place()
    # Nobody knows yet how long a run takes.
    assert line.place("b") == Place(1, None) and line.place("c") == Place(2, None)
    clock.now = 4
    line.tell("a", 6)
    line.tell("b", 1)  # it does not work
    clock.now = 5
    assert line.place("b") == Place(1, 5) and line.place("c") == Place(2, None)
    clock.now = 10
    line.leave("a")
    assert not line.begin("c", 0) and line.begin("b", 0)
    # As long as the last run took, as far as it has not gone by.
    clock.now = 13
    assert line.place("c") == Place(1, 7)
    line.join("d")
    assert line.place("d") == Place(2, 17)
    line.leave("c")
    assert line.place("d") == Place(1, 7) and line.num_waiting == 1
    clock.now = 100
    assert line.place("d") == Place(1, 0)


def test_the_line_is_bounded(line, monkeypatch):
    monkeypatch.setattr(lines, "MAX_WAITING", 2)
    line.join("a"), line.join("b")
    with pytest.raises(UserError) as told:
        line.join("c")
    assert told.value.key == "run_queue_full"
    line.leave("a")
    line.join("c")


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (Place(2, 39.2), "2 before you, about 40 s"),
        (Place(1, None), "1 before you"),
        (Place(1, 0), "1 before you, about 1 s"),
        (Place(3, 200), "3 before you, about 3 min 20 s"),
    ],
)
def test_the_place_in_words(place, words):
    assert place_text("en", place) == words


def test_whoever_waits_for_a_turn_can_ask_for_the_place():
    hold, turns = threading.Event(), []
    one = in_turn(lambda: iter([hold.wait(PATIENCE_S)]), every_s=0.01)
    next(one), next(one)
    two = in_turn(lambda: iter("b"), every_s=0.01, turns=turns)
    assert next(two) is next(two) is None
    assert turns[0].place.ahead == 1
    two.close()
    deadline = time.monotonic() + PATIENCE_S
    while LINE.num_waiting and time.monotonic() < deadline:
        time.sleep(0.01)
    assert LINE.num_waiting == 0
    hold.set()
    assert [item for item in one if item] == [True]


class Run:
    """Reports that come when they are let; what became of the run."""

    def __init__(self):
        self.may_come, self.closed, self.over = threading.Semaphore(0), [], threading.Event()

    def reports(self):
        try:
            for number in range(100):
                assert self.may_come.acquire(timeout=PATIENCE_S)
                yield Report(str(number))
        finally:
            self.closed.append(number)

    def drive(self, wanted=lambda alone: False):
        return Drive(object(), self.reports, wanted, lambda record: self.over.set())


def take_all(drive, unseen, count):
    return [drive.take(unseen, PATIENCE_S).status for _ in range(count)]


def test_two_pages_see_one_run():
    run = Run()
    drive = run.drive()
    with drive.watch() as one:
        run.may_come.release(2)
        assert take_all(drive, one, 2) == ["0", "1"]
        with drive.watch() as two:
            assert take_all(drive, two, 1) == ["1"]  # the newest
            run.may_come.release()
            assert take_all(drive, one, 1) == take_all(drive, two, 1) == ["2"]
        run.may_come.release()
        assert take_all(drive, one, 1) == ["3"]  # one of them is enough
    run.may_come.release()
    assert run.over.wait(PATIENCE_S) and run.closed == [4]


def test_a_run_goes_on_alone_as_long_as_it_is_wanted():
    run, wanted = Run(), threading.Event()
    wanted.set()
    drive = run.drive(lambda alone: wanted.is_set())
    with drive.watch() as seen:
        run.may_come.release()
        take_all(drive, seen, 1)
    run.may_come.release(7)
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with drive.watch() as seen:
            newest = drive.take(seen, PATIENCE_S).status
        if newest == "7" or time.monotonic() > deadline:
            break
        time.sleep(0.01)
    assert newest == "7" and not drive.is_over
    wanted.clear()
    run.may_come.release()
    assert run.over.wait(PATIENCE_S) and run.closed == [8]
    with drive.watch() as seen:  # who comes late sees where it stopped, and that it did
        assert drive.take(seen, PATIENCE_S).status == "8" and drive.take(seen, PATIENCE_S) is None


def test_a_slow_page_sees_the_newest():
    run = Run()
    drive = run.drive()
    with drive.watch() as seen:
        run.may_come.release(100)
        assert run.over.wait(PATIENCE_S)
        assert take_all(drive, seen, MAX_UNSEEN)[-1] == "99"
        assert drive.take(seen, PATIENCE_S) is None and drive.is_over


def test_all_work_ends_with_the_app():
    begun, ended = threading.Event(), threading.Event()

    def work():
        try:
            while True:
                begun.set()
                yield 1
        finally:
            ended.set()

    stream = in_turn(work)
    next(item for item in stream if item is not None)
    assert begun.is_set() and not ended.is_set()
    end_all(PATIENCE_S)
    assert ended.is_set()
    stream.close()
