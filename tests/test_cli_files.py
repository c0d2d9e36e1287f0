"""Files through the commands: format, depth, colours, metadata, names."""

import io
import json

import numpy as np
import pytest
import tifffile
from PIL import Image

from ddpm_demo.cli import main
from ddpm_demo.pictures import decode
from ddpm_demo.pictures.icc import matrix_profile
from ddpm_demo.pictures.png_recipe import read_recipe

P3 = matrix_profile(((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)))


@pytest.fixture
def command(tiny_checkpoint, tmp_path, capsys):
    def run(task, *words):
        line = [task, *map(str, words), "--checkpoint", str(tiny_checkpoint), "--num-steps", "1"]
        code = main([*line, "--out", str(tmp_path / "out"), "--json"])
        out, err = capsys.readouterr()
        return code, (json.loads(out) if code == 0 and out else out), err

    return run


def picture(size=16, seed=0):
    values = np.random.default_rng(seed).integers(0, 256, (size, size, 3))
    return Image.fromarray(values.astype(np.uint8))


def photo(path, seed=0):
    exif = Image.Exif()
    exif[0x010F] = "Canon"
    exif.get_ifd(0x8825)[1] = "N"
    picture(seed=seed).save(path, icc_profile=P3, dpi=(300, 300), exif=exif.tobytes())
    return path


def test_a_jpegs_result_is_a_jpeg_of_its_camera_and_place(command, tmp_path):
    code, told, err = command("denoise", photo(tmp_path / "a.jpg"), "--sigma-255", "9")
    assert code == 0, err
    written = tmp_path / "out" / "a-denoised.jpg"
    assert str(written) in told["files"]
    found = decode.read(written)
    assert found.file.format == "JPEG" and found.profile == P3 and found.file.dpi == (300, 300)
    assert b"Canon" in found.file.exif and read_recipe(written)["task"] == "denoise"


def test_metadata_can_be_left_out_and_another_format_be_asked_for(command, tmp_path):
    options = ["--strip-metadata", "--format", "webp", "--quality", "80", "--sigma-255", "9"]
    code, _, err = command("denoise", photo(tmp_path / "a.jpg"), *options)
    assert code == 0, err
    written = tmp_path / "out" / "a-denoised.webp"
    assert b"Canon" not in written.read_bytes() and read_recipe(written)["task"] == "denoise"


def test_known_pixels_of_16_bits_in_their_own_colours_come_back(command, tmp_path):
    values = np.random.default_rng(0).integers(0, 65536, (16, 16, 3)).astype(np.uint16)
    file = io.BytesIO()
    tifffile.imwrite(file, values, photometric="rgb", iccprofile=P3)
    (tmp_path / "deep.tif").write_bytes(file.getvalue())
    mask = np.zeros((16, 16), np.uint8)
    mask[4:9, 5:12] = 1
    Image.fromarray(mask).save(tmp_path / "mask.png")
    code, _, err = command(
        "inpaint", tmp_path / "deep.tif", "--mask", tmp_path / "mask.png", "--num-images", "1"
    )
    assert code == 0, err
    found = decode.read(tmp_path / "out" / "deep-inpainted.tif")
    assert found.own.dtype == np.uint16 and found.profile == P3
    np.testing.assert_array_equal(found.own[mask == 0], values[mask == 0])
    assert (found.own[mask == 1] != values[mask == 1]).any(-1).mean() > 0.9


@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_denoised_of_16_bits_has_16_bits(command, tmp_path, channels):
    """The network's answer is not rounded to 8 bits on its way."""
    shape = (16, 16, channels)[: 2 if channels == 1 else 3]
    values = np.random.default_rng(0).integers(20_000, 40_000, shape).astype(np.uint16)
    tifffile.imwrite(tmp_path / "deep.tif", values)
    Image.fromarray((values // 257).astype(np.uint8)).save(tmp_path / "shallow.png")
    for name in ("deep.tif", "shallow.png"):
        code, _, err = command("denoise", tmp_path / name, "--sigma-255", "20")
        assert code == 0, err
    found = decode.read(tmp_path / "out" / "deep-denoised.tif").own
    assert found.dtype == np.uint16 and found.shape == shape
    assert (found % 257 != 0).mean() > 0.9
    shallow = decode.read(tmp_path / "out" / "shallow-denoised.png").own
    assert np.abs(found / 257 - shallow).max() < 2


def test_two_photos_of_one_name_and_an_input_in_the_folder_are_kept(command, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "out").mkdir()
    paths = [tmp_path / "one" / "a.png", tmp_path / "a.png"]
    for seed, path in enumerate(paths):
        picture(seed=seed).save(path)
        assert command("denoise", path, "--sigma-255", str(9 + seed))[0] == 0
    names = {path.name for path in (tmp_path / "out").glob("a-denoised*.png")}
    assert {"a-denoised.png", "a-denoised-2.png"} <= names
    source = tmp_path / "out" / "a-denoised.png"
    before = source.read_bytes()
    assert command("denoise", source, "--sigma-255", "9")[0] == 0
    assert source.read_bytes() == before


@pytest.mark.parametrize("options", [["--format", "exe"], ["--quality", "0"]])
def test_a_format_or_quality_that_is_none_is_one_sentence(command, tmp_path, options):
    picture().save(tmp_path / "a.png")
    code, _, err = command("denoise", tmp_path / "a.png", *options)
    assert code == 2 and err.count("\n") == 1


def test_a_broken_profile_is_said(command, tmp_path):
    picture().save(tmp_path / "a.png", icc_profile=b"garbage" * 40)
    code, _, err = command("denoise", tmp_path / "a.png", "--sigma-255", "9")
    assert code == 0 and "colour profile" in err


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "is a file, and results go"), ("zh-CN", "而结果要存放在文件夹中")],
)
@pytest.mark.parametrize("is_several", [False, True])
def test_a_folder_for_results_that_is_a_file_is_one_sentence(
    tiny_checkpoint, tmp_path, capsys, monkeypatch, language, words, is_several
):
    monkeypatch.setenv("DDPM_DEMO_LANGUAGE", language)
    paths = [tmp_path / name for name in ("a.png", "b.png")[: 1 + is_several]]
    for path in paths:
        picture().save(path)
    before = paths[0].read_bytes()
    line = ["denoise", *map(str, paths), "--checkpoint", str(tiny_checkpoint)]
    for out in (paths[0], paths[0] / "results"):
        assert main([*line, "--out", str(out)]) == 2
        err = capsys.readouterr().err
        assert err.count("\n") == 1 and words in err and f"“{paths[0]}”" in err
    assert paths[0].read_bytes() == before
