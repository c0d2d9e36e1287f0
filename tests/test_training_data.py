"""Data in every form: what is usable is used, what is not is named, and nothing ends the run."""

import gzip
import io
import os
import struct
import zipfile

import numpy as np
import pytest
from PIL import Image
from training_helpers import pictures, tiny_config

from ddpm_demo.errors import UserError
from ddpm_demo.training.data import Feeder, pick_crop
from ddpm_demo.training.pictures import resize_square, to_channels
from ddpm_demo.training.randomness import draw_step
from ddpm_demo.training.sources import open_source


def encode(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def noise_image(mode="RGB", size=(12, 10), seed=0):
    channels = len(Image.new(mode, (1, 1)).getbands())
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], channels), np.uint8)
    return Image.fromarray(
        pixels[..., 0] if channels == 1 else pixels, mode if channels > 2 else None
    )


def odd_files():
    """Files of all kinds that people have, good ones and bad ones."""
    deep = np.random.default_rng(5).integers(0, 65536, (9, 9), dtype=np.uint16)
    frames = [noise_image(seed=s) for s in (6, 7, 8)]
    good = {
        "plain.png": encode(noise_image()),
        "photo.jpg": encode(noise_image(seed=1), "JPEG"),
        "cmyk.jpg": encode(noise_image("CMYK", seed=2), "JPEG"),
        "palette.png": encode(noise_image(seed=3).quantize(16)),
        "clear.png": encode(noise_image("RGBA", seed=4)),
        "deep.png": encode(Image.fromarray(deep)),
        "moving.gif": encode(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "sub/long.webp": encode(noise_image(size=(80, 8), seed=9), "WEBP", lossless=True),
    }
    bad = {
        "text.png": b"this is not a picture",
        "cut.jpg": encode(noise_image(size=(64, 64)), "JPEG")[:300],
        "empty.png": b"",
        "huge.png": encode(Image.new("1", (11_000, 11_000))),
    }
    return good, bad


def write_all(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def check_odd_report(report, good, bad):
    assert report.num_images == len(good)
    assert {name for name, _ in report.skipped} == set(bad) and report.num_skipped == len(bad)
    assert all(reason for _, reason in report.skipped)
    assert report.num_animated == 1
    assert {"RGB", "RGBA", "P", "CMYK"} <= set(report.modes)
    assert {"few_images", "elongated_images", "small_images"} & set(report.advice) >= {
        "few_images",
        "elongated_images",
    }


def test_a_folder_with_every_kind_of_file(tmp_path):
    good, bad = odd_files()
    write_all(tmp_path / "set", {**good, **bad, "notes.txt": b"not a picture and not named one"})
    config = tiny_config(tmp_path, data=str(tmp_path / "set"))
    (tmp_path / "run").mkdir()
    told = []
    samples, report = open_source(config, lambda done, total: told.append((done, total)))
    assert told[0] == (0, 12) and told[-1] == (11, 12)
    check_odd_report(report, good, {*bad, "notes.txt"})
    shapes = {samples.sample(k).shape for k in range(2 * len(good))}
    assert shapes == {(8, 8, 3)}
    again, second = open_source(config)  # from what was prepared the first time
    assert second == report and (again.sample(3) == samples.sample(3)).all()


def test_a_zip_with_every_kind_of_file_unpacks_nothing(tmp_path):
    good, bad = odd_files()
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**good, **bad}.items():
            archive.writestr(f"../../{name}", content)
        archive.writestr("__MACOSX/._plain.png", b"resource fork")
        archive.writestr("inner.zip", b"PK")
    (tmp_path / "run").mkdir()
    _, report = open_source(tiny_config(tmp_path, data=str(path)))
    check_odd_report(report, good, {*(f"../../{name}" for name in bad), "__MACOSX/", "inner.zip"})
    left = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert left == {"data.npy", "set.zip", "run/pictures.bin", "run/pictures.json"}


def test_a_zip_bomb_costs_no_memory_and_is_skipped(tmp_path, monkeypatch):
    import ddpm_demo.training.files as files

    monkeypatch.setattr(files, "MAX_FILE_BYTES", 10_000)
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", bytes(1_000_000))
        archive.writestr("fine.png", encode(noise_image()))
    (tmp_path / "run").mkdir()
    _, report = open_source(tiny_config(tmp_path, data=str(path)))
    assert report.num_images == 1 and [name for name, _ in report.skipped] == ["bomb.png"]


def test_an_encrypted_or_damaged_member_is_skipped(tmp_path):
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("good.png", encode(noise_image()))
        archive.writestr("spoilt.png", encode(noise_image(seed=1)))
    content = bytearray(path.read_bytes())
    place = content.find(b"spoilt.png") + 60
    content[place : place + 8] = bytes(8)
    path.write_bytes(bytes(content))
    (tmp_path / "run").mkdir()
    _, report = open_source(tiny_config(tmp_path, data=str(path)))
    assert report.num_images == 1 and report.skipped[0][0] == "spoilt.png"


@pytest.mark.parametrize("name", ["missing", "empty", "text.zip", "only_bad"])
def test_data_without_a_picture_is_refused_in_one_sentence(tmp_path, name):
    (tmp_path / "run").mkdir()
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.zip").write_text("no archive")
    write_all(tmp_path / "only_bad", {"a.png": b"x", "b.jpg": b"y"})
    with pytest.raises(UserError) as caught:
        open_source(tiny_config(tmp_path, data=str(tmp_path / name)))
    assert caught.value.field == "data"
    if name == "only_bad":
        assert "a.png" in str(caught.value)


def test_a_full_disk_while_preparing_leaves_nothing_behind(tmp_path, monkeypatch):
    from ddpm_demo.training.pictures import PictureWriter

    def append(self, picture):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(PictureWriter, "append", append)
    write_all(tmp_path / "set", {"a.png": encode(noise_image())})
    (tmp_path / "run").mkdir()
    with pytest.raises(OSError, match="No space left"):
        open_source(tiny_config(tmp_path, data=str(tmp_path / "set")))
    assert not list((tmp_path / "run").iterdir())


def test_duplicates_and_a_batch_larger_than_the_data_are_told(tmp_path):
    same = encode(noise_image())
    write_all(
        tmp_path / "set", {"a.png": same, "b.png": same, "c.png": encode(noise_image(seed=1))}
    )
    (tmp_path / "run").mkdir()
    samples, report = open_source(tiny_config(tmp_path, data=str(tmp_path / "set")))
    assert report.num_duplicates == 1
    assert {"no_spare_images", "duplicates"} <= set(report.advice)
    draws = draw_step(0, 0, 8, 4, 3, 1000, slice(0, 4))
    assert Feeder(samples, "resize", True).batch(draws, 0, slice(0, 4)).shape == (4, 3, 8, 8)


@pytest.mark.parametrize("shape", [(5, 8, 8), (5, 8, 8, 1), (5, 12, 9, 3), (5, 8, 8, 4)])
@pytest.mark.parametrize("channels", [1, 3])
def test_arrays_of_any_shape(tmp_path, shape, channels):
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    np.save(tmp_path / "data.npy", images)
    np.savez(tmp_path / "data.npz", images)
    unet = tiny_config(tmp_path).unet
    for name in ("data.npy", "data.npz"):
        config = tiny_config(tmp_path, data=str(tmp_path / name), channels=channels, unet=unet)
        samples, report = open_source(config)
        assert report.num_images == 5
        assert samples.sample(7).shape == (8, 8, channels)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 8, 8), np.float32),
        np.zeros((8, 8), np.uint8),
        np.zeros((0, 8, 8, 3), np.uint8),
    ],
)
def test_arrays_of_other_things_are_refused(tmp_path, images):
    np.save(tmp_path / "data.npy", images)
    with pytest.raises(UserError, match="uint8"):
        open_source(tiny_config(tmp_path))


def test_arrays_of_python_objects_are_not_unpickled(tmp_path):
    np.save(tmp_path / "data.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match="cannot be read"):
        open_source(tiny_config(tmp_path))


def test_idx_files_plain_and_compressed(tmp_path):
    images = pictures(5, channels=1)[..., 0]
    content = bytes((0, 0, 8, 3)) + struct.pack(">3I", *images.shape) + images.tobytes()
    (tmp_path / "images-idx3-ubyte").write_bytes(content)
    (tmp_path / "images-idx3-ubyte.gz").write_bytes(gzip.compress(content))
    for name in ("images-idx3-ubyte", "images-idx3-ubyte.gz"):
        config = tiny_config(tmp_path, data=str(tmp_path / name), channels=1)
        samples, report = open_source(config)
        assert report.num_images == 5
        assert any((samples.sample(0)[..., 0] == image).all() for image in images)
    for spoilt in (content[:-1], b"\0\0\x0d\3" + content[4:], b"", content[:2]):
        (tmp_path / "spoilt").write_bytes(spoilt)
        with pytest.raises(UserError):
            open_source(tiny_config(tmp_path, data=str(tmp_path / "spoilt"), channels=1))


def test_every_epoch_shows_every_picture_once(tmp_path):
    samples, _ = open_source(tiny_config(tmp_path))
    epochs = [[samples.sample(16 * e + k).tobytes() for k in range(16)] for e in range(3)]
    assert all(len(set(epoch)) == 16 for epoch in epochs)
    assert set(epochs[0]) == set(epochs[1]) and epochs[0] != epochs[1] != epochs[2]


def test_transparency_is_laid_over_the_colour_and_grey_is_luma():
    rgba = np.zeros((1, 2, 4), np.uint8)
    rgba[0, 0] = (255, 0, 0, 255)
    red, clear = to_channels(rgba, 3, (0, 0, 255))[0]
    assert red.tolist() == [255, 0, 0] and clear.tolist() == [0, 0, 255]
    assert to_channels(rgba[..., :3], 1, (0, 0, 0))[0, 0, 0] == 76
    assert to_channels(rgba[..., 2:], 3, (9, 9, 9)).tolist() == [[[0] * 3, [9] * 3]]


def test_the_centre_square_is_kept():
    wide = np.zeros((4, 12, 3), np.uint8)
    wide[:, 4:8] = 200
    assert (resize_square(wide, 4) == 200).all()


def test_crops_keep_away_from_flat_places():
    image = np.full((64, 64, 3), 128, np.uint8)
    image[:, 32:] = np.random.default_rng(0).integers(0, 256, (64, 32, 3))
    generator = np.random.default_rng(1)
    flat = [pick_crop(image, 16, generator.random(8)).std() < 6 for _ in range(400)]
    # Alone by chance about a third of the crops would be flat, after three tries a few per cent.
    assert 0.02 < np.mean(flat) < 0.2


def test_flips_mirror_about_half_of_the_pictures(tmp_path):
    samples, _ = open_source(tiny_config(tmp_path))
    draws = draw_step(3, 0, 8, 16, 3, 1000, slice(0, 16))
    plain = Feeder(samples, "resize", False).batch(draws, 0, slice(0, 16))
    flipped = Feeder(samples, "resize", True).batch(draws, 0, slice(0, 16))
    for row in range(16):
        expected = plain[row].flip(-1) if draws.flip[row] else plain[row]
        assert (flipped[row] == expected).all()
    assert 0 < draws.flip.sum() < 16


def solid(colour):
    return encode(Image.new("RGB", (32, 32), colour), "BMP")


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_a_picture_replaced_under_its_name_and_size_is_seen(tmp_path, kind):
    (tmp_path / "run").mkdir()
    data = tmp_path / ("set" if kind == "folder" else "set.zip")
    seen = []
    for colour in ((250, 0, 0), (0, 0, 250)):
        files = {f"{i}.bmp": solid(tuple(v and v - 5 * i for v in colour)) for i in range(3)}
        if kind == "folder":
            write_all(data, files)
            for path in data.iterdir():  # not even the time says that they are others
                os.utime(path, (1, 1))
        else:
            with zipfile.ZipFile(data, "w") as archive:
                for name, content in files.items():
                    archive.writestr(zipfile.ZipInfo(name), content)
            os.utime(data, (1, 1))
        samples, report = open_source(tiny_config(tmp_path, data=str(data)))
        seen.append(np.mean([samples.sample(k).mean(axis=(0, 1)) for k in range(3)], axis=0))
        assert report.num_images == 3
    assert seen[0][0] > 200 > 50 > seen[0][2] and seen[1][2] > 200 > 50 > seen[1][0]


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_private_folders_are_left_out_and_named_and_rarer_kinds_are_read(tmp_path, kind):
    picture = noise_image(size=(40, 36), seed=1)
    files = {f"cats/{i}.png": encode(noise_image(size=(40, 36), seed=i)) for i in range(2, 5)}
    for ending, format in {
        "jfif": "JPEG",
        "jpe": "JPEG",
        "ppm": "PPM",
        "avif": "AVIF",
        "PGM": "PPM",
    }.items():
        files[f"cats/pic.{ending}"] = encode(picture, format)
    private = {
        ".git/icon.png": encode(picture),
        ".git/objects/deep.png": encode(picture),
        "cats/.ipynb_checkpoints/0-checkpoint.png": encode(picture),
        "__MACOSX/cats/._0.png": b"\0\5\x16\7" + b"\0" * 60,
        ".DS_Store": b"x",
        "notes.txt": b"x",
    }
    (tmp_path / "run").mkdir()
    data = tmp_path / ("set" if kind == "folder" else "set.zip")
    if kind == "folder":
        write_all(data, {**files, **private})
    else:
        with zipfile.ZipFile(data, "w") as archive:
            for name, content in {**files, **private}.items():
                archive.writestr(name, content)
    _, report = open_source(tiny_config(tmp_path, data=str(data)))
    assert report.num_images == len(files)
    left_out = {".DS_Store", ".git/", "__MACOSX/", "cats/.ipynb_checkpoints/", "notes.txt"}
    assert {name for name, _ in report.skipped} == left_out
    assert report.num_skipped == len(left_out)
