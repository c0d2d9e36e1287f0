"""A JPEG that was left as it is keeps its coded pixels, whatever stands around them."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from ddpm_demo.pictures import decode, encode
from ddpm_demo.pictures.jpeg_scan import with_metadata
from ddpm_demo.pictures.png_recipe import read_recipe

GPS, ARTIST = 0x8825, 0x013B
COMMENT = b"\xff\xfe\x00\x06abcd"


@pytest.fixture
def picture():
    """Strong colours from pixel to pixel, which chroma at half the size cannot hold."""
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8))


def coded(picture, **options):
    exif = Image.Exif()
    exif[ARTIST] = "somebody"
    exif.get_ifd(GPS)[1] = "N"
    file = io.BytesIO()
    picture.save(file, "JPEG", exif=exif, quality=80, subsampling=2, dpi=(300, 300), **options)
    return file.getvalue()


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(content)))


def written(content, **options):
    photograph = decode.read(content)
    return encode.write(photograph.image, photograph, {"task": "denoise"}, **options)


VARIANTS = [
    {},
    {"progressive": True},
    {"restart_marker_blocks": 2},
    {"icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()},
    {"comment": b"a comment"},
]


@pytest.mark.parametrize("options", VARIANTS)
def test_no_pixel_changes_and_the_metadata_are_the_results(picture, options):
    content = coded(picture, **options)
    result = written(content)
    assert np.array_equal(pixels(result), pixels(content))
    assert read_recipe(result) == {"task": "denoise"}
    image = Image.open(io.BytesIO(result))
    assert image.getexif()[ARTIST] == "somebody" and image.getexif().get_ifd(GPS)[1] == "N"
    assert image.info["dpi"] == (300, 300)
    assert image.info.get("icc_profile") == options.get("icc_profile")
    without = Image.open(io.BytesIO(written(content, strip_metadata=True))).getexif()
    assert ARTIST not in without and not without.get_ifd(GPS)


def test_what_follows_the_picture_and_what_others_have_put_in_goes(picture):
    content = coded(picture)
    preview = b"\xff\xe0\x00\x0aJFXX\x00\x10\x01\x02"
    more = (
        content[:2] + preview + b"\xff\xed\x00\x06IPTC" + COMMENT + content[2:] + content + b"tail"
    )
    result = with_metadata(more, None, None)
    assert np.array_equal(pixels(result), pixels(content))
    assert (
        b"JFXX" not in result
        and b"IPTC" not in result
        and b"abcd" not in result
        and b"tail" not in result
    )
    assert result.count(b"\xff\xd8\xff") == 1


def test_a_picture_that_was_changed_turned_or_asked_for_otherwise_is_coded_anew(picture):
    content = coded(picture)
    changed = decode.read(content)
    image = changed.image
    image.putpixel((3, 3), (1, 2, 3))
    assert not np.array_equal(pixels(encode.write(image, changed)), pixels(content))
    assert not np.array_equal(pixels(written(content, quality=80)), pixels(content))
    assert Image.open(io.BytesIO(written(content, format="png"))).format == "PNG"
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    picture.save(file, "JPEG", exif=exif, quality=80, subsampling=2)
    turned = Image.open(io.BytesIO(written(file.getvalue())))
    assert turned.size == (48, 64) and turned.getexif()[0x0112] == 1


@pytest.mark.parametrize("damage", ["cut", "no marker", "no end", "too long", "not a JPEG"])
def test_a_file_that_is_not_built_as_it_should_be_is_left_to_others(picture, damage):
    content = coded(picture)
    exif = None
    if damage == "cut":
        content = content[:200]
    elif damage == "no marker":
        content = content[:2] + b"xx" + content[2:]
    elif damage == "no end":
        content = content[:-2]
    elif damage == "too long":
        exif = b"x" * 70_000
    else:
        content = b"\x89PNG" + content
    assert with_metadata(content, exif, None) is None
