"""The memorisation gauge: copies are told from new pictures."""

import numpy as np
import pytest
import torch
from PIL import Image
from training_helpers import pictures, tiny_config

from ddpm_demo.training.data import IndexedSamples
from ddpm_demo.training.events import read_events
from ddpm_demo.training.gauge import Gauge
from ddpm_demo.training.nearest import nearest
from ddpm_demo.training.pictures import ArraySource
from ddpm_demo.training.run import train


def test_copies_read_0_mirrored_ones_too_and_new_pictures_about_1():
    shown, new = pictures(60), pictures(20, seed=1)
    gauge = Gauge(shown, flips=True)
    copies = shown[[7, 3, 50]]
    assert gauge.read(copies).ratio == 0 and gauge.read(copies).index == (7, 3, 50)
    assert gauge.read(copies[:, :, ::-1]).index == (7, 3, 50)
    assert Gauge(shown, flips=False).read(copies[:, :, ::-1]).ratio > 0.8
    assert gauge.read(new).ratio == pytest.approx(1, abs=0.1)
    half = (copies.astype(float) + new[:3]) / 2
    assert 0 < gauge.read(half.astype(np.uint8)).ratio < 0.8


def test_the_distance_is_in_grey_levels():
    flat = np.stack([np.full((8, 8, 3), level, np.uint8) for level in (0, 40, 100)])
    gauge = Gauge(flat, flips=False)
    assert gauge.own_distance == 40
    reading = gauge.read(np.full((1, 8, 8, 3), 90, np.uint8))
    assert reading.distance == pytest.approx(10) and reading.ratio == pytest.approx(0.25)


def test_pictures_that_are_all_the_same_give_no_division_by_zero():
    gauge = Gauge(np.zeros((3, 8, 8, 1), np.uint8), flips=True)
    assert gauge.read(np.ones((2, 8, 8, 1), np.uint8)).ratio == 1


def test_a_query_among_the_base_can_be_kept_from_finding_itself():
    base = torch.randn(30, 12, generator=torch.Generator().manual_seed(0)).numpy()
    queries = np.array([4, 9, 22])
    distances, index = nearest(base[queries], base, skip=queries)
    for query, distance, found in zip(queries, distances, index, strict=True):
        others = np.sqrt(((base - base[query]) ** 2).mean(1))
        others[query] = np.inf
        assert int(found) == others.argmin()
        assert float(distance) == pytest.approx(others.min())


def test_the_sheet_has_each_sample_above_its_picture_nearest_first(tmp_path):
    shown = pictures(12)
    gauge = Gauge(shown, flips=False)
    samples = np.concatenate([pictures(9, seed=1), shown[5:6]])
    reading = gauge.read(samples)
    assert reading.order[0] == 9
    gauge.write_sheet(samples, reading, tmp_path / "sheet.png")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert sheet.shape == (4 * 10 - 2, 8 * 10 - 2, 3)
    np.testing.assert_array_equal(sheet[:8, :8], shown[5])
    np.testing.assert_array_equal(sheet[10:18, :8], shown[5])
    last = sheet[20:28, 10:18], sheet[30:38, 10:18]
    np.testing.assert_array_equal(last[0], samples[reading.order[9]])
    np.testing.assert_array_equal(last[1], shown[reading.index[reading.order[9]]])
    assert (sheet[20:, 20:] == 255).all()


def test_only_whole_pictures_of_known_number_are_compared(tmp_path):
    source = IndexedSamples(ArraySource(pictures(4)), 0)
    assert len(Gauge.of(source, tiny_config(tmp_path)).pictures) == 4
    assert Gauge.of(source, tiny_config(tmp_path, fit="crop")) is None
    assert Gauge.of(object(), tiny_config(tmp_path)) is None
    assert Gauge.of(IndexedSamples(ArraySource(pictures(1)), 0), tiny_config(tmp_path)) is None


def test_a_run_ends_with_a_sheet_of_what_it_has_come_to(tmp_path):
    train(tiny_config(tmp_path, max_steps=3, sample_steps=2))
    events = read_events(tmp_path / "run")
    assert [event["step"] for event in events if event["kind"] == "samples"] == [2, 3]
    train(tiny_config(tmp_path, out=str(tmp_path / "without"), max_steps=2))
    assert not [e for e in read_events(tmp_path / "without") if e["kind"] == "samples"]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_run_writes_what_the_gauge_reads(tmp_path, channels):
    np.save(tmp_path / "data.npy", pictures(channels=channels))
    train(tiny_config(tmp_path, channels=channels, max_steps=2, sample_steps=1, num_samples=3))
    events = [event for event in read_events(tmp_path / "run") if event["kind"] == "samples"]
    assert len(events) == 2
    for event in events:
        assert 0 < event["ratio"] and 0 < event["distance"] < 255 and event["unlike"] >= 0
        assert Image.open(tmp_path / "run" / event["nearest"]).size == (3 * 10 - 2, 2 * 10 - 2)
