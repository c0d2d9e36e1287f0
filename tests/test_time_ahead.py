"""The line under the stage: told from a part of the picture, it is what the whole costs."""

import numpy as np
import pytest
from PIL import Image

from ddpm_demo.errors import UserError
from ddpm_demo.restoration import effort, fit
from ddpm_demo.tasks.registry import task_named
from ddpm_demo.ui.models import Models
from ddpm_demo.ui.request import job_of
from ddpm_demo.ui.tabs.task.time_ahead import seconds_of, time_html

SPEED = 10_000  # pixels a second


class Ctx:
    models = Models()


@pytest.fixture(autouse=True)
def even_speed(monkeypatch):
    monkeypatch.setattr(effort, "seconds", lambda denoiser, pixels, probe_s: pixels / SPEED)


def noisy(width, height):
    generator = np.random.default_rng(0)
    return Image.fromarray(generator.integers(0, 256, (height, width, 3), dtype=np.uint8))


def job(task, **values):
    return job_of(Ctx.models, task_named(task), {"checkpoint": "photos", **values})


def exact(given):
    run = given.start(Ctx.models.load("photos"), given.recipe, given.inputs)
    return run.progress.expected / SPEED


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("task", ["denoise", "upscale", "colourise", "deblur"])
def test_a_part_tells_what_the_whole_costs(monkeypatch, task, large):
    side = 2000 if large else 1300
    if large:  # larger than what is held whole, as its part is not
        monkeypatch.setattr(fit, "WHOLE_PIXELS", 2_000_000)
    given = job(task, image=noisy(side, side * 4 // 5), num_steps=3)
    assert seconds_of(Ctx, given) == pytest.approx(exact(given), rel=0.25)
    assert exact(given) > 0


def test_a_hole_costs_what_it_costs_wherever_it_is():
    mask = Image.new("L", (900, 700))
    mask.paste(255, (30, 40, 90, 100))
    given = job("inpaint", image=noisy(900, 700), mask=mask, num_steps=5)
    assert seconds_of(Ctx, given) == exact(given)


def test_only_a_long_run_is_told(monkeypatch):
    values = {"image": noisy(64, 48), "num_images": 1, "num_steps": 2}

    def told(language, **more):
        return time_html(
            Ctx, lambda asked: job("colourise", **asked), {**values, **more}, language
        )

    assert told("en") == ""
    words = told("en", num_images=16, num_steps=100)
    assert "takes about" in words and "h" in words
    assert "大约需要" in told("zh-CN", num_images=16, num_steps=100)
    assert told("en", image=None) == ""  # said at Run, not here


def test_what_goes_wrong_disturbs_nobody(caplog):
    def wrong(values):
        raise RuntimeError("no memory")

    assert time_html(Ctx, wrong, {}, "en") == ""
    assert "could not be told" in caplog.text

    def refused(values):
        raise UserError("x", "A sentence.")

    caplog.clear()
    assert time_html(Ctx, refused, {}, "en") == "" and not caplog.records


def test_nothing_is_downloaded_to_tell_the_time(monkeypatch):
    given = job("colourise", image=noisy(64, 48))
    monkeypatch.setattr(Models, "peek", lambda self, name: None)
    monkeypatch.setattr(Models, "load", lambda self, name: pytest.fail("loaded"))
    assert seconds_of(Ctx, given) is None


def test_nothing_is_asked_of_a_sheet_or_of_pure_noise():
    assert (
        seconds_of(Ctx, job_of(Ctx.models, task_named("generate"), {"checkpoint": "photos"}))
        is None
    )
