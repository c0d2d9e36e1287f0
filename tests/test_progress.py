"""How far a run is within an evaluation, and that it stops there."""

import threading

import pytest
import torch

from ddpm_demo import DDPM, GenerateRecipe
from ddpm_demo.core import progress
from ddpm_demo.core.denoiser import TiledDenoiser
from ddpm_demo.core.progress import Moment, Progress, Stopped, watch

SIDE = 40


class Clock:
    """A second later each time it is looked at."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1
        return self.now


@pytest.fixture(scope="module")
def tiny(tiny_checkpoint):
    return DDPM.from_pretrained(str(tiny_checkpoint), "cpu")


@pytest.fixture
def slices(monkeypatch):
    """Tiles of 16 pixels, one at a time."""
    monkeypatch.setattr("ddpm_demo.core.denoiser.MAX_SLICE_PIXELS", 16 * 16)


def recipe(**fields):
    return GenerateRecipe(checkpoint="tiny", sampler="ddim", num_steps=3, num_images=2, **fields)


def test_a_run_reports_tiles_and_ends_at_its_whole_work(tiny, slices, monkeypatch):
    tiled = TiledDenoiser(tiny.denoiser, 16, 4)
    run, moments = Progress(Clock()), []
    real = tiny.denoiser.predict

    def predict(x_t, t):
        moments.append(run.snapshot())
        return real(x_t, t)

    monkeypatch.setattr(tiny.denoiser, "predict", predict)
    with torch.inference_mode(), run.active():
        tiled.predict(torch.zeros(1, 3, SIDE, SIDE), 500.0)
    assert [m.tiles for m in moments] == list(range(9)) and {m.num_tiles for m in moments} == {9}
    end = run.snapshot()
    assert (end.evaluations, end.tiles, end.num_tiles) == (1, 0, 0)
    assert end.share is None and end.seconds_left is None
    run.expect(2 * 9 * 16 * 16)
    assert run.snapshot().share == 0.5
    # 19 looks at the clock from the start to the last tile, so as much is left, less what passed.
    assert 0 < run.snapshot().seconds_left <= run.snapshot().seconds


def test_slices_do_not_change_what_tiles_give(tiny, monkeypatch):
    tiled = TiledDenoiser(tiny.denoiser, 16, 4)
    x_t = torch.randn(2, 3, SIDE, 30, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        at_once = tiled.predict(x_t, 300.0).x0
        monkeypatch.setattr("ddpm_demo.core.denoiser.MAX_SLICE_PIXELS", 3 * 16 * 16)
        assert torch.allclose(tiled.predict(x_t, 300.0).x0, at_once, atol=1e-5)


def test_a_run_stops_between_two_tiles(tiny, slices):
    tiled, run, seen = TiledDenoiser(tiny.denoiser, 16, 4), Progress(), []
    real = run.seen

    def stop_at_the_third(pixels):
        real(pixels)
        seen.append(pixels)
        if len(seen) == 3:
            run.stop()

    run.seen = stop_at_the_third
    with torch.inference_mode(), run.active(), pytest.raises(Stopped):
        tiled.predict(torch.zeros(1, 3, SIDE, SIDE), 500.0)
    assert len(seen) == 3 and run.snapshot().is_stopped
    assert run.snapshot().num_tiles == 0
    assert progress.current() is not run


def test_a_stopped_run_keeps_its_last_step_and_ends_quietly(tiny):
    run = tiny.generate(recipe())
    steps = []
    for step in run:
        steps.append(step)
        if step.index == 1:
            run.stop()
    assert [step.index for step in steps] == [0, 1] and run.last is steps[-1]
    assert len(run.images()) == 2
    unstarted = tiny.generate(recipe())
    unstarted.stop()
    assert unstarted.images() == [] and unstarted.progress.snapshot().evaluations == 0


def test_the_share_goes_with_the_steps_where_nothing_is_expected(tiny):
    run = tiny.generate(recipe())
    shares = [run.progress.snapshot().share for _ in run]
    assert shares == pytest.approx([1 / 3, 2 / 3, 1, 1])
    assert run.progress.snapshot().evaluations == 3
    assert run.progress.snapshot().seconds_left == 0


def test_a_watched_run_gives_the_same_steps_with_moments_between(tiny, monkeypatch):
    release = threading.Event()
    run = tiny.generate(recipe())
    real = tiny.denoiser.predict

    def wait(x_t, t):
        release.wait(60)
        return real(x_t, t)

    monkeypatch.setattr(tiny.denoiser, "predict", wait)
    seen = []
    for item in watch(run, run.progress, every_s=0.01):
        seen.append(item)
        release.set()
    assert isinstance(seen[0], Moment)
    steps = [item for item in seen if not isinstance(item, Moment)]
    assert [step.index for step in steps] == [0, 1, 2, 3]
    assert torch.equal(steps[-1].x0_hat, list(tiny.generate(recipe()))[-1].x0_hat)


def test_leaving_a_watched_run_stops_it(tiny):
    run = tiny.generate(recipe())
    watched = watch(run, run.progress)
    assert next(item for item in watched if not isinstance(item, Moment)).index == 0
    watched.close()
    assert run.progress.is_stopped and not [t for t in threading.enumerate() if t.name == "run"]


def test_an_error_of_a_watched_run_comes_to_who_watches():
    def fail():
        yield 1
        raise ValueError("spoiled")

    watched = watch(fail(), Progress())
    with pytest.raises(ValueError, match="spoiled"):
        for _ in watched:
            pass
