"""The builders of data sets, on small stand-ins for the packages."""

import gzip
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from training_helpers import tiny_config

from ddpm_demo.errors import UserError
from ddpm_demo.training.config import TrainConfig
from ddpm_demo.training.datasets import avatars, fashion, photos
from ddpm_demo.training.datasets.__main__ import BUILDERS, main
from ddpm_demo.training.datasets.rcc import read_rcc
from ddpm_demo.training.datasets.writing import without_copies
from ddpm_demo.training.sources import open_source
from ddpm_demo.training.validation import open_validation

RECIPES = Path(avatars.__file__).parent.parent / "recipes"


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_fashion_is_padded_and_the_test_split_held_out(tmp_path):
    source, out = tmp_path / "package", tmp_path / "out"
    source.mkdir()
    out.mkdir()
    for split, count in (("train", 5), ("heldout", 3)):
        images = noise(count, 28, 28, seed=count)
        header = bytes((0, 0, 8, 3)) + struct.pack(">3I", *images.shape)
        (source / fashion.FILES[split]).write_bytes(gzip.compress(header + images.tobytes()))
    info = fashion.build(out, source)
    train = np.load(out / "train.npy")
    assert train.shape == (5, 32, 32, 1) and info.counts == {"train": 5, "heldout": 3}
    assert (train[:, 2:30, 2:30, 0] == noise(5, 28, 28, seed=5)).all()
    assert train.sum() == train[:, 2:30, 2:30].sum()
    assert json.loads((out / "dataset.json").read_text())["licence"] == "MIT"


def test_a_missing_package_is_named(tmp_path, capsys, monkeypatch):
    with pytest.raises(UserError, match="apt install dataset-fashion-mnist"):
        fashion.build(tmp_path, tmp_path / "nowhere")
    package = photos.PhotoPackage("some-wallpapers", tmp_path, ("a.jpg",), "CC0", "nobody")
    with pytest.raises(UserError, match="apt install some-wallpapers"):
        photos.build(tmp_path, (package,))
    monkeypatch.setattr(avatars.shutil, "which", lambda program: None)
    assert main(["faces-64", "--out", str(tmp_path / "faces")]) == 2
    assert "Node.js" in capsys.readouterr().err


def rcc(files):
    """A Qt resource file, version 2: a folder `resource` of `files`, every other one packed."""
    names, data, nodes = b"", b"", []

    def name(text):
        nonlocal names
        offset = len(names)
        names += struct.pack(">HI", len(text), 0) + text.encode("utf-16-be")
        return offset

    time = struct.pack(">Q", 0)
    nodes.append(struct.pack(">IHII", 0, 2, 1, 1) + time)
    nodes.append(struct.pack(">IHII", name("resource"), 2, len(files), 2) + time)
    for number, (file, content) in enumerate(files.items()):
        packed = number % 2
        stored = struct.pack(">I", len(content)) + zlib.compress(content) if packed else content
        nodes.append(struct.pack(">IHHHI", name(file), packed, 0, 0, len(data)) + time)
        data += struct.pack(">I", len(stored)) + stored
    tree = b"".join(nodes)
    offsets = (20, 20 + len(tree), 20 + len(tree) + len(data))
    return b"qres" + struct.pack(">4I", 2, *offsets) + tree + data + names


def test_resource_files_are_read(tmp_path):
    files = {"one.webp": b"first" * 9, "two.webp": b"second" * 99}
    path = tmp_path / "some.rcc"
    path.write_bytes(rcc(files))
    assert dict(read_rcc(path)) == {f"resource/{name}": value for name, value in files.items()}
    for spoilt in (b"no resources", path.read_bytes()[:40]):
        path.write_bytes(spoilt)
        with pytest.raises(ValueError):
            list(read_rcc(path))


def test_photographs_are_reduced_and_some_held_out(tmp_path):
    Image.fromarray(noise(600, 900, 3)).save(tmp_path / "wide.jpg")
    Image.fromarray(noise(400, 300, 3)).save(tmp_path / "Garden.jpg")
    Image.fromarray(noise(600, 700, 3)).save(tmp_path / "cat.png")
    (tmp_path / "erase.rcc").write_bytes(rcc({"cat.webp": (tmp_path / "cat.png").read_bytes()}))
    files = ("wide.jpg", "Garden.jpg", "erase.rcc:cat.webp")
    package = photos.PhotoPackage("wallpapers", tmp_path, files, "CC0", "nobody")
    out = tmp_path / "out"
    out.mkdir()
    info = photos.build(out, (package,))
    assert info.counts == {"train": 2, "heldout": 1}
    changes = {"data": str(out), "sizes_px": [8, 16], "fit": "crop"}
    samples, report = open_source(tiny_config(tmp_path, **changes))
    assert set(report.sizes) == {"336x224", "480x320", "261x224", "373x320"}
    assert min(samples.sample(0).shape[:2]) in photos.SHORT_SIDES_PX
    held_out = open_validation(tiny_config(tmp_path, validation_minutes=1, **changes), 1000)
    assert held_out.feeder.samples.sample(0).shape == (299, 224, 3)


def test_no_photograph_is_listed_twice_and_all_held_out_ones_are_listed():
    names = [name for package in photos.PACKAGES for name in package.files]
    assert len(names) == len(set(names))
    assert set(photos.HELD_OUT) <= set(names)


def test_avatars_are_drawn_from_numbered_seeds_and_copies_dropped(tmp_path, monkeypatch):
    jobs = []

    def run(command, **_):
        job = json.loads(command[2])
        jobs.append(job)
        images = noise(job["count"], 64, 64, 3)
        images[-1] = images[0]
        images.tofile(job["out"])
        return avatars.subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(avatars, "install_packages", lambda say: tmp_path)
    monkeypatch.setattr(avatars.subprocess, "run", run)
    info = avatars.build("faces-64", avatars.BIG_EARS, 6, 3, tmp_path)
    assert info.counts == {"train": 6, "heldout": 2}
    assert jobs[0]["first"] == 0 and jobs[0]["count"] == 9 and jobs[0]["style"] == "bigEars"
    assert info.licence == "CC BY 4.0" and "The Visual Team" in info.credit
    assert np.load(tmp_path / "train.npy").shape == (6, 64, 64, 3)


def test_a_failing_program_is_quoted(tmp_path, monkeypatch):
    def run(command, **_):
        return avatars.subprocess.CompletedProcess(command, 1, "", "first\nno network\n\n")

    monkeypatch.setattr(avatars.subprocess, "run", run)
    monkeypatch.setattr(avatars.shutil, "which", lambda program: program)
    monkeypatch.setattr(avatars, "cache_folder", lambda: tmp_path)
    with pytest.raises(UserError, match="no network"):
        avatars.install_packages(lambda text: None)
    with pytest.raises(UserError, match="no network"):
        avatars.draw(avatars.MICAH, tmp_path, 0, 1, lambda text: None)


def test_copies_are_found():
    images = noise(4, 8, 8, 3)
    assert (without_copies(images, images[1:3]) == images[[0, 3]]).all()


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.json")), ids=lambda path: path.stem)
def test_the_recipes_are_sound_and_their_data_can_be_built(path):
    config = TrainConfig.load(path)
    assert Path(config.data).name in BUILDERS
    assert config.title and config.out == f"runs/{path.stem}"


def test_there_is_a_recipe_for_every_bundled_checkpoint():
    assert {"fashion-32", "faces-64", "photos"} <= {path.stem for path in RECIPES.glob("*.json")}
