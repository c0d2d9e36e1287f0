"""Streamed `datasets` data sets: a fixed order that can be entered anywhere."""

import io
import sys
import tarfile

import datasets
import pytest
from test_training_data import encode, noise_image
from training_helpers import tiny_config

import ddpm_demo.training.streams as streams
from ddpm_demo.errors import UserError
from ddpm_demo.training.events import loss_curve
from ddpm_demo.training.run import train


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """Ten pictures on the disk, one of them damaged; blocks of four examples."""
    monkeypatch.setattr(streams, "BLOCK", 4)
    contents = [encode(noise_image(seed=s)) for s in range(10)]
    contents[6] = contents[6][:80]
    data = datasets.Dataset.from_dict({"image": [{"bytes": c, "path": None} for c in contents]})
    data.cast_column("image", datasets.Image()).save_to_disk(tmp_path / "stored")
    (tmp_path / "run").mkdir()
    return f"hub:{tmp_path / 'stored'}"


def test_samples_do_not_depend_on_where_one_starts(tmp_path, stored):
    whole = streams.StreamSamples(tiny_config(tmp_path, data=stored))
    in_order = [whole.sample(k).tobytes() for k in range(30)]
    assert len(set(in_order)) == 9  # the damaged one is replaced by a neighbour
    for start in (0, 3, 4, 13, 29):
        (tmp_path / "run" / streams.LENGTH_FILE).unlink(missing_ok=True)
        for _ in range(2):  # without and with knowing how long the stream is
            fresh = streams.StreamSamples(tiny_config(tmp_path, data=stored))
            assert fresh.sample(start).tobytes() == in_order[start]


def test_a_run_on_a_stream_resumes_exactly(tmp_path, stored):
    (tmp_path / "b").mkdir()
    train(tiny_config(tmp_path, data=stored, max_steps=7))
    for steps in (4, 7):
        train(tiny_config(tmp_path / "b", data=stored, max_steps=steps))
    assert loss_curve(tmp_path / "run") == loss_curve(tmp_path / "b" / "run")


def test_the_report_looks_at_the_first_examples(tmp_path, stored):
    samples, report = streams.open_stream(tiny_config(tmp_path, data=stored))
    assert report.num_images is None and report.modes == {"RGB": 9}
    assert [name for name, _ in report.skipped] == ["example 6"]


def test_webdataset_shards_are_streamed(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "BLOCK", 4)
    (tmp_path / "run").mkdir()
    (tmp_path / "shards").mkdir()
    for shard in range(2):
        with tarfile.open(tmp_path / "shards" / f"shard-{shard:03}.tar", "w") as tar:
            for i in range(5):
                for suffix, content in (
                    ("png", encode(noise_image(seed=10 * shard + i))),
                    ("json", b'{"kind": "noise"}'),
                ):
                    member = tarfile.TarInfo(f"{shard}{i:04}.{suffix}")
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))
    samples, report = streams.open_stream(tiny_config(tmp_path, data=f"hub:{tmp_path / 'shards'}"))
    assert report.modes == {"RGB": 10}
    in_order = [samples.sample(k).tobytes() for k in range(20)]
    assert len(set(in_order)) == 10
    fresh = streams.StreamSamples(tiny_config(tmp_path, data=f"hub:{tmp_path / 'shards'}"))
    assert fresh.sample(13).tobytes() == in_order[13]


def test_without_the_package_one_sentence_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserError, match="pip install datasets"):
        streams.open_stream(tiny_config(tmp_path, data="hub:anything"))


def test_what_is_no_data_set_of_pictures_is_refused(tmp_path):
    datasets.Dataset.from_dict({"number": [1, 2]}).save_to_disk(tmp_path / "numbers")
    with pytest.raises(UserError, match="no column of pictures"):
        streams.open_stream(tiny_config(tmp_path, data=f"hub:{tmp_path / 'numbers'}"))
    with pytest.raises(UserError, match="cannot be opened"):
        streams.open_stream(tiny_config(tmp_path, data=f"hub:{tmp_path / 'nowhere'}"))
