"""Files through HTTP: their format, colours and depth come back, and the place stays at home."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from ddpm_demo.pictures import decode
from ddpm_demo.pictures.icc import matrix_profile
from ddpm_demo.pictures.png_recipe import read_recipe

# Gradio's own use of pandas.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*no_silent_downcasting", "ignore:The copy keyword"
)

P3 = matrix_profile(((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)))
FAST = {"sigma_255": 9, "num_steps": 1, "checkpoint": "tiny"}


def pixels(seed=0, dtype=np.uint8):
    top = np.iinfo(dtype).max + 1
    return np.random.default_rng(seed).integers(0, top, (16, 16, 3)).astype(dtype)


def photo(path, seed=0):
    """As of a phone: lying on its side, with its place, in P3."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Canon", 6
    exif.get_ifd(0x8825)[1] = "N"
    Image.fromarray(pixels(seed)).resize((16, 24)).save(
        path, icc_profile=P3, dpi=(300, 300), exif=exif.tobytes()
    )
    return path


def test_a_photo_comes_back_as_a_photo_without_its_place(client, tmp_path):
    path = photo(tmp_path / "beach.jpg")
    gallery, _, recipe = client.predict(image=handle_file(path), **FAST, api_name="/denoise")
    result = Path(gallery[0]["image"])
    assert result.name == "beach-denoised.jpg" and read_recipe(result)["task"] == "denoise"
    found = decode.read(result)
    assert found.file.format == "JPEG" and found.profile == P3 and found.file.dpi == (300, 300)
    assert b"Canon" not in result.read_bytes() and recipe["sigma_255"] == 9


def test_metadata_and_format_as_asked_for(client, tmp_path):
    path = photo(tmp_path / "beach.jpg")
    gallery, *_ = client.predict(
        image=handle_file(path),
        **FAST,
        format="webp",
        quality=80,
        strip_metadata=False,
        api_name="/denoise",
    )
    result = Path(gallery[0]["image"])
    assert result.suffix == ".webp" and b"Canon" in result.read_bytes()


def test_sixteen_bits_and_a_mask_of_sixteen_bits(client, tmp_path):
    values = pixels(1, np.uint16)
    tifffile.imwrite(tmp_path / "deep.tif", values, photometric="rgb", iccprofile=P3)
    mask = np.zeros((16, 16), np.uint16)
    mask[4:9, 5:12] = 1
    tifffile.imwrite(tmp_path / "mask.tif", mask)
    gallery, *_ = client.predict(
        image=handle_file(tmp_path / "deep.tif"),
        mask=handle_file(tmp_path / "mask.tif"),
        num_steps=1,
        checkpoint="tiny",
        api_name="/inpaint",
    )
    found = decode.read(gallery[0]["image"])
    assert found.own.dtype == np.uint16 and found.profile == P3
    np.testing.assert_array_equal(found.own[mask == 0], values[mask == 0])
    assert (found.own[mask == 1] != values[mask == 1]).any(-1).mean() > 0.9


def test_what_is_denoised_of_sixteen_bits_has_sixteen_bits(client, tmp_path):
    values = pixels(1, np.uint16) // 2 + 16_000
    tifffile.imwrite(tmp_path / "deep.tif", values, photometric="rgb")
    gallery, *_ = client.predict(
        image=handle_file(tmp_path / "deep.tif"), **FAST, api_name="/denoise"
    )
    found = decode.read(gallery[0]["image"]).own
    assert found.dtype == np.uint16 and (found % 257 != 0).mean() > 0.9


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"format": "exe"}, "cannot be written as"), ({"quality": 0}, "between 1 and 100")],
)
@pytest.mark.parametrize("endpoint", ["/denoise", "/restore_many"])
def test_a_format_or_quality_that_is_none_is_one_sentence(
    client, tmp_path, wrong, words, endpoint
):
    path = handle_file(photo(tmp_path / "a.jpg"))
    given = {"image": path} if endpoint == "/denoise" else {"task": "denoise", "images": [path]}
    with pytest.raises(AppError, match=words):
        client.predict(**given, **wrong, api_name=endpoint)


def test_many_files_and_an_archive_of_them(client, tmp_path):
    Image.fromarray(pixels(1)).save(tmp_path / "a.png")
    photo(tmp_path / "b.jpg", 2)
    (tmp_path / "broken.png").write_bytes(b"nothing")
    for seed in (3, 4):
        Image.fromarray(pixels(seed)).save(tmp_path / f"{seed}.png")
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.write(tmp_path / "3.png", "one/a.png")
        archive.write(tmp_path / "4.png", "../two/a.png")
    names = ("a.png", "b.jpg", "broken.png", "more.zip")
    files, told = client.predict(
        task="denoise",
        images=[handle_file(tmp_path / name) for name in names],
        fields=FAST,
        api_name="/restore_many",
    )
    results = sorted(Path(file).name for file in files)
    assert results == ["a-denoised-2.png", "a-denoised-3.png", "a-denoised.png", "b-denoised.jpg"]
    assert (told["done"], told["of"], told["share"]) == (5, 5, 1.0)
    rows = {row["source"]: row for row in told["pictures"] if row["source"] != "a.png"}
    assert rows["broken.png"]["error"] == "image_unreadable" and rows["b.jpg"]["sigma_255"] == 9
    assert str(tmp_path) not in json.dumps(told) and "/" not in json.dumps(told)
    assert all(read_recipe(file)["sigma_255"] == 9 for file in files)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"task": "generate"}, "does not take many"),
        ({"task": "fly"}, "no task"),
        ({"images": []}, "Give a picture"),
        ({"fields": {"sigma_255": 300}}, "between 0.5 and 255"),
        ({"fields": {"magic": 1}}, "no field"),
        ({"fields": {"checkpoint": "/etc"}}, "no checkpoint called"),
    ],
)
def test_what_cannot_be_is_one_sentence(client, tmp_path, given, words):
    Image.fromarray(pixels(1)).save(tmp_path / "a.png")
    values = {"task": "denoise", "images": [handle_file(tmp_path / "a.png")], **given}
    with pytest.raises(AppError, match=words):
        client.predict(**values, api_name="/restore_many")
