"""Files in and out: every format, depth, profile and piece of metadata, and broken ones."""

import gc
import io
import json
import os
import struct
import sys
import tracemalloc
import zlib

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageCms

from ddpm_demo.errors import UserError
from ddpm_demo.pictures import decode, deep, encode, png_writer, profiles
from ddpm_demo.pictures.icc import (
    BT_2020_PRIMARIES,
    P3_PRIMARIES,
    matrix_profile,
    srgb_to_linear,
)
from ddpm_demo.pictures.images import load_image, to_tensor
from ddpm_demo.pictures.png_recipe import png_bytes, read_recipe

P3 = matrix_profile(((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)), name="Display P3 like")
ADOBE = matrix_profile(
    ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), gamma=2.2, name="Adobe RGB like"
)
RECIPE = {"task": "denoise", "seed": 3, "checkpoint": '人脸 "<&>"', "sigma_255": None}
CARRIERS = ("PNG", "JPEG", "WEBP", "TIFF", "AVIF", "HEIF")


def scene(height=40, width=50, channels=3, seed=0):
    """Smooth colours over the whole gamut, uint8."""
    y, x = np.mgrid[0:height, 0:width]
    rng = np.random.default_rng(seed)
    waves = [
        np.sin(x / rng.uniform(4, 9) + rng.uniform(0, 6)) * np.cos(y / rng.uniform(4, 9))
        for _ in range(channels)
    ]
    values = np.rint(127.5 + 127.5 * np.stack(waves, -1)).astype(np.uint8)
    return values[..., 0] if channels == 1 else values


def deep_scene(height=40, width=50, channels=3):
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(1).integers(0, 65536, shape).astype(np.uint16)


def encoded(image, format="PNG", **options):
    file = io.BytesIO()
    if format == "HEIF":
        import pillow_heif

        pillow_heif.from_pillow(image).save(file, quality=90, **options)
    else:
        image.save(file, format, **options)
    return file.getvalue()


def tiff_bytes(values, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, values, **options)
    return file.getvalue()


def camera_exif(orientation=6):
    exif = Image.Exif()
    exif[0x010F], exif[0x0112], exif[0x0132] = "Canon", orientation, "2024:01:02 03:04:05"
    inner, place = exif.get_ifd(0x8769), exif.get_ifd(0x8825)
    inner[0x829A], inner[0xA002], inner[0xA003] = 1 / 125, 50, 40
    place[1], place[2] = "N", (52.0, 31.0, 7.5)
    return exif


def exif_in(content):
    exif = Image.Exif()
    exif.load(decode.read(content).file.exif or b"")
    return exif


def reference(image, profile):
    own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    srgb = ImageCms.createProfile("sRGB")
    return np.asarray(ImageCms.profileToProfile(image, own, srgb, outputMode="RGB")).astype(int)


def refused(content, key):
    with pytest.raises(UserError) as caught:
        decode.read(content)
    assert caught.value.key == key
    assert str(caught.value).endswith(".")


def note_keys(photograph):
    return [note.key for note in photograph.notes]


# Pixels


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("profile", [None, "srgb"])
def test_plain_pictures_are_read_to_the_bit(channels, profile):
    values = scene(channels=channels)
    options = {"icc_profile": profiles.srgb_profile()} if profile and channels == 3 else {}
    photograph = decode.read(encoded(Image.fromarray(values), **options))
    assert photograph.colour is photograph.own and photograph.notes == ()
    np.testing.assert_array_equal(photograph.colour, values)
    expected = torch.from_numpy(values.astype(np.float32) / 127.5 - 1)
    expected = expected[None, None] if channels == 1 else expected.permute(2, 0, 1)[None]
    assert torch.equal(to_tensor(photograph.image, channels), expected)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bits_stay_16_bits(channels, kind):
    values = deep_scene(channels=channels)
    if kind == "PNG":
        import imagecodecs

        content = imagecodecs.png_encode(values)
    else:
        extra = {"extrasamples": ["unassalpha"]} if channels in (2, 4) else {}
        colours = "rgb" if channels > 2 else "minisblack"
        planes = {"planarconfig": "contig"} if channels > 1 else {}
        content = tiff_bytes(values, photometric=colours, **extra, **planes)
    photograph = decode.read(content)
    assert photograph.file.bits == 16 and photograph.file.format == kind
    parts = values[..., None] if values.ndim == 2 else values
    num_colours = 3 if channels > 2 else 1
    np.testing.assert_array_equal(photograph.colour, parts[..., :num_colours].squeeze())
    if channels in (2, 4):
        np.testing.assert_array_equal(photograph.alpha, parts[..., -1])
        assert photograph.image.mode == "RGBA"
    again = decode.read(encode.write(photograph.image, photograph, RECIPE))
    assert again.file.format == kind and again.file.bits == 16
    np.testing.assert_array_equal(again.own, photograph.own)


def test_transparent_colours_of_16_bits_are_transparent():
    import imagecodecs

    values = np.array([[[1, 2, 3], [1, 2, 4]]], np.uint16)
    content = imagecodecs.png_encode(values)
    data = struct.pack(">3H", 1, 2, 3)
    body = b"tRNS" + data
    chunk = struct.pack(">I", 6) + body + struct.pack(">I", zlib.crc32(body))
    photograph = decode.read(content[:33] + chunk + content[33:])
    assert photograph.alpha.tolist() == [[0, 65535]]


def test_a_highlight_of_a_float_file_darkens_nothing():
    values = (scene(112, 160, 1) / 255).astype(np.float32)
    plain = decode.read(encoded(Image.fromarray(values), "TIFF"))
    values[0, 0] = 1.3
    photograph = decode.read(encoded(Image.fromarray(values), "TIFF"))
    assert note_keys(photograph) == ["note_range_guessed"] and plain.notes == ()
    same, other = np.asarray(plain.image).astype(int), np.asarray(photograph.image)
    assert np.abs(same - other)[1:].max() <= 0 and other[0, 0] == 255
    content = encode.write(photograph.image, photograph)
    again = tifffile.imread(io.BytesIO(content))
    assert again.dtype == np.float32
    np.testing.assert_array_equal(again, values)


@pytest.mark.parametrize("tag", [281, 341, 50717, None])
def test_twelve_bits_in_sixteen_are_as_bright_as_they_are(tag):
    values = (deep_scene(channels=1) >> 4).astype(np.uint16)
    extratags = {281: [(281, "H", 1, 4095)], 341: [(341, "H", 1, 4095)]}
    extratags[50717] = [(50717, "H", 1, 4095)]
    options = {"extratags": extratags[tag]} if tag else {}
    photograph = decode.read(tiff_bytes(values, photometric="minisblack", **options))
    assert photograph.white == 4095 and photograph.file.bits == 12
    assert note_keys(photograph) == ([] if tag else ["note_range_guessed"])
    np.testing.assert_array_equal(photograph.image, np.rint(values / 4095 * 255))
    again = decode.read(encode.write(photograph.image, photograph))
    np.testing.assert_array_equal(again.own, values)
    assert again.white == 4095 and again.notes == ()


def test_a_dark_picture_of_16_bits_stays_dark():
    values = deep_scene(channels=1) // 300
    photograph = decode.read(encoded(Image.fromarray(values)))
    assert np.asarray(photograph.image).max() <= 1 and photograph.notes == ()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "I;16"])
def test_every_mode_becomes_grey_or_rgb(mode):
    image = Image.fromarray(scene())
    if mode == "I;16":
        image = Image.fromarray(deep_scene(channels=1))
    elif mode == "PA":
        image = image.quantize(16)
        image.info["transparency"] = bytes([0, 128] + [255] * 14)
    else:
        image = image.convert(mode)
    content = encoded(image, "TIFF" if mode == "CMYK" else "PNG")
    photograph = decode.read(content)
    assert photograph.is_grey == (mode in ("1", "L", "LA", "I;16"))
    assert (photograph.alpha is not None) == (mode in ("LA", "PA", "RGBA"))
    assert note_keys(photograph) == (["note_inks"] if mode == "CMYK" else [])
    assert decode.read(encode.write(photograph.image, photograph)).size == photograph.size


# Colours


@pytest.mark.parametrize("profile", [P3, ADOBE], ids=["p3", "adobe"])
@pytest.mark.parametrize("format", ["PNG", "TIFF", "JPEG", "WEBP", "HEIF"])
def test_a_profile_is_honoured_and_written_back(profile, format):
    options = {"lossless": True} if format == "WEBP" else {}
    image = Image.fromarray(scene())
    content = encoded(image, format, icc_profile=profile, **options)
    photograph = decode.read(content)
    assert photograph.notes == () and photograph.profile == profile
    seen = reference(Image.fromarray(photograph.own), profile)
    assert np.abs(seen - photograph.colour).max() <= 1
    again = decode.read(encode.write(photograph.image, photograph, RECIPE, format="png"))
    assert again.profile == profile
    np.testing.assert_array_equal(again.own, photograph.own)


def test_a_profile_of_16_bits_agrees_with_one_of_8():
    values = scene().astype(np.uint16) * 257
    deep = decode.read(tiff_bytes(values, photometric="rgb", iccprofile=P3))
    seen = reference(Image.fromarray(scene()), P3)
    assert np.abs(np.asarray(deep.image) - seen).max() <= 1
    again = decode.read(encode.write(deep.image, deep))
    assert again.profile == P3
    np.testing.assert_array_equal(again.own, values)


def test_changed_pixels_go_into_the_files_own_colours_and_the_others_stay():
    values = scene()
    photograph = decode.read(encoded(Image.fromarray(values), icc_profile=ADOBE))
    changed = np.asarray(photograph.image).copy()
    changed[:10] = (60, 120, 200)
    again = decode.read(encode.write(Image.fromarray(changed), photograph))
    np.testing.assert_array_equal(again.own[10:], values[10:])
    assert np.abs(again.colour[:10].astype(int) - (60, 120, 200)).max() <= 1
    known = np.zeros(values.shape[:2], bool)
    known[:10] = True
    again = decode.read(encode.write(Image.fromarray(changed), photograph, known=known))
    np.testing.assert_array_equal(again.own[:10], values[:10])


def test_a_result_of_another_size_or_without_colours_is_in_the_profile_too():
    values = 60 + scene() // 2
    photograph = decode.read(encoded(Image.fromarray(values), icc_profile=P3))
    large = photograph.image.resize((100, 80))
    again = decode.read(encode.write(large, photograph))
    assert again.size == (100, 80) and again.profile == P3
    # one level of P3 is several of sRGB where that has its limits
    assert np.quantile(np.abs(again.colour.astype(int) - np.asarray(large)), 0.98) <= 1
    grey = photograph.image.convert("L")
    again = decode.read(encode.write(grey, photograph))
    assert np.abs(again.colour.astype(int) - np.asarray(grey)).max() <= 1


def png_with(values, *chunks):
    content = encoded(Image.fromarray(values))
    added = b""
    for name, data in chunks:
        body = name + data
        added += struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    return content[:33] + added + content[33:]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("gamma", [1.0, 1 / 1.8, 0.7])
def test_gamma_is_honoured(channels, gamma):
    values = scene(channels=channels)
    photograph = decode.read(png_with(values, (b"gAMA", struct.pack(">I", round(gamma * 1e5)))))
    light = (values / 255) ** (1 / gamma)
    table = srgb_to_linear(np.linspace(0, 1, 65536))
    expected = np.interp(light, table, np.linspace(0, 255, 65536))
    assert np.abs(photograph.colour - expected).max() <= 1.5
    again = decode.read(encode.write(photograph.image, photograph))
    np.testing.assert_array_equal(again.own, values)
    assert np.abs(again.colour.astype(int) - photograph.colour).max() <= 1


@pytest.mark.parametrize(
    ("points", "primaries"), [((12, 13, 0, 1), P3_PRIMARIES), ((9, 14, 0, 1), BT_2020_PRIMARIES)]
)
def test_code_points_are_honoured_and_go_on_as_a_profile(points, primaries):
    values = np.random.default_rng(2).integers(0, 256, (8, 9, 3), np.uint8)
    photograph = decode.read(png_with(values, (b"cICP", bytes(points))))
    expected = profiles.to_srgb(values, matrix_profile(primaries))
    np.testing.assert_array_equal(photograph.colour, expected)
    result = encode.write(photograph.image, photograph)
    again = decode.read(result)
    assert np.array_equal(again.own, values) and again.profile == photograph.profile


@pytest.mark.parametrize(("points", "is_noted"), [((1, 13, 0, 1), False), ((9, 16, 0, 1), True)])
def test_code_points_of_srgb_change_nothing_and_those_of_hdr_are_told(points, is_noted):
    values = np.random.default_rng(2).integers(0, 256, (8, 9, 3), np.uint8)
    photograph = decode.read(png_with(values, (b"cICP", bytes(points)), (b"gAMA", b"\0\1\0\0")))
    assert np.array_equal(photograph.colour, values) and photograph.profile is None
    assert [note.key for note in photograph.notes] == ["note_profile_unusable"] * is_noted


def test_the_gamma_of_srgb_changes_nothing():
    values = scene()
    content = png_with(values, (b"gAMA", struct.pack(">I", 45455)))
    assert decode.read(content).profile is None
    np.testing.assert_array_equal(decode.read(content).colour, values)
    both = png_with(values, (b"sRGB", b"\0"), (b"gAMA", struct.pack(">I", 100000)))
    np.testing.assert_array_equal(decode.read(both).colour, values)


@pytest.mark.parametrize(
    "profile", [b"garbage", b"\0" * 500, P3[:300], P3[:128] + b"\xff" * 400], ids=range(4)
)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_profile_of_garbage_is_said_and_taken_for_srgb(profile, channels):
    values = scene(channels=channels)
    photograph = decode.read(encoded(Image.fromarray(values), icc_profile=profile))
    assert note_keys(photograph) == ["note_profile_unusable"]
    np.testing.assert_array_equal(photograph.colour, values)
    again = decode.read(encode.write(photograph.image, photograph))
    assert again.notes == () and again.profile is None


# Metadata


@pytest.mark.parametrize("format", CARRIERS)
def test_exif_profile_and_dpi_go_round(format):
    image = Image.fromarray(scene())
    options = {"exif": camera_exif().tobytes(), "icc_profile": P3}
    if format in ("PNG", "JPEG", "TIFF"):
        options["dpi"] = (300, 300)
    photograph = decode.read(encoded(image, format, **options))
    assert photograph.size == (40, 50)
    again = decode.read(encode.write(photograph.image, photograph, RECIPE))
    assert again.file.format == format and again.size == (40, 50) and again.profile == P3
    if "dpi" in options:
        assert again.file.dpi == pytest.approx((300, 300), abs=0.01)
    exif = exif_in(encode.write(photograph.image, photograph, RECIPE))
    assert exif[0x010F] == "Canon" and exif[0x0132] == "2024:01:02 03:04:05"
    assert exif.get(0x0112, 1) == 1
    inner = exif.get_ifd(0x8769)
    assert float(inner[0x829A]) == pytest.approx(1 / 125)
    assert (inner[0xA002], inner[0xA003]) == (40, 50)
    assert [float(value) for value in exif.get_ifd(0x8825)[2]] == [52.0, 31.0, 7.5]


@pytest.mark.parametrize("format", CARRIERS)
def test_stripped_files_say_nothing_of_place_and_camera(format):
    image = Image.fromarray(scene())
    content = encoded(image, format, exif=camera_exif(1).tobytes(), icc_profile=P3)
    photograph = decode.read(content)
    stripped = encode.write(photograph.image, photograph, RECIPE, strip_metadata=True)
    exif = exif_in(stripped)
    assert 0x010F not in exif and not exif.get_ifd(0x8825) and b"Canon" not in stripped
    assert read_recipe(stripped) == RECIPE and decode.read(stripped).profile == P3


def test_a_tiff_of_16_bits_keeps_its_metadata():
    content = tiff_bytes(
        deep_scene(),
        photometric="rgb",
        iccprofile=P3,
        resolution=(240, 240),
        resolutionunit=2,
        extratags=[(271, "s", 0, "Canon")],
    )
    photograph = decode.read(content)
    assert photograph.file.dpi == (240, 240)
    written = encode.write(photograph.image, photograph, RECIPE)
    again = decode.read(written)
    assert again.file.dpi == (240, 240) and again.profile == P3
    assert exif_in(written)[0x010F] == "Canon" and read_recipe(written) == RECIPE
    np.testing.assert_array_equal(again.own, photograph.own)
    with tifffile.TiffFile(io.BytesIO(written)) as file:  # another reader than ours
        np.testing.assert_array_equal(file.asarray(), photograph.own)


def test_a_thumbnail_is_dropped():
    exif = camera_exif(1)
    thumbnail = b"\xff\xd8THUMBNAIL"
    raw = bytearray(exif.tobytes())
    place = len(raw) - 6
    entries = struct.pack(">HHHLLHHLLL", 2, 0x0201, 4, 1, place + 30, 0x0202, 4, 1, 11, 0)
    head = raw[6:8]
    order = ">" if head == b"MM" else "<"
    entries = struct.pack(f"{order}HHHLLHHLLL", 2, 0x201, 4, 1, place + 30, 0x202, 4, 1, 11, 0)
    (first,) = struct.unpack(f"{order}L", raw[10:14])
    (count,) = struct.unpack(f"{order}H", raw[6 + first : 8 + first])
    link = 6 + first + 2 + 12 * count
    raw[link : link + 4] = struct.pack(f"{order}L", place)
    content = encoded(Image.fromarray(scene()), "JPEG", exif=bytes(raw) + entries + thumbnail)
    assert thumbnail in content
    photograph = decode.read(content)
    written = encode.write(photograph.image, photograph, RECIPE)
    assert thumbnail not in written and exif_in(written)[0x010F] == "Canon"


@pytest.mark.parametrize("format", CARRIERS)
@pytest.mark.parametrize("deep", [False, True])
def test_the_recipe_is_in_every_format(format, deep, tmp_path):
    values = deep_scene() if deep else scene()
    source = tiff_bytes(values, photometric="rgb") if deep else encoded(Image.fromarray(values))
    photograph = decode.read(source)
    content = encode.write(photograph.image, photograph, RECIPE, format=format.lower())
    path = tmp_path / "file"
    path.write_bytes(content)
    assert read_recipe(content) == read_recipe(path) == RECIPE
    with pytest.raises(UserError) as caught:
        read_recipe(encode.write(photograph.image, photograph, format=format.lower()))
    assert caught.value.key == "recipe_absent"


def test_somebodys_own_comment_stays_and_the_recipe_goes_beside_it():
    exif = camera_exif(1)
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0my dog"
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>own</rdf:RDF></x:xmpmeta>'
    content = encoded(Image.fromarray(scene()), "JPEG", exif=exif.tobytes(), xmp=xmp)
    photograph = decode.read(content)
    written = encode.write(photograph.image, photograph, RECIPE)
    assert exif_in(written).get_ifd(0x8769)[0x9286] == b"ASCII\0\0\0my dog"
    assert b">own" in written and read_recipe(written) == RECIPE
    again = decode.read(written)
    second = encode.write(again.image, again, {**RECIPE, "seed": 4})
    assert read_recipe(second)["seed"] == 4 and b">own" in second


def test_a_recipe_of_before_does_not_stay():
    photograph = decode.read(encoded(Image.fromarray(scene()), "JPEG"))
    first = decode.read(encode.write(photograph.image, photograph, RECIPE))
    with pytest.raises(UserError):
        read_recipe(encode.write(first.image, first))


def test_a_jpegs_tables_and_subsampling_are_told():
    image = Image.fromarray(scene())
    photograph = decode.read(encoded(image, "JPEG", quality=70, subsampling=2))
    assert photograph.file.subsampling == "4:2:0"
    assert [len(table) for table in photograph.file.quantisation.values()] == [64, 64]
    full = decode.read(encoded(image, "JPEG", subsampling=0))
    assert full.file.subsampling == "4:4:4"


# Results


def test_values_of_a_network_are_written_with_all_their_bits():
    photograph = decode.read(tiff_bytes(deep_scene(), photometric="rgb"))
    values = torch.linspace(-1, 1, 3 * 40 * 50).reshape(3, 40, 50)
    again = decode.read(encode.write(values, photograph))
    expected = ((values.double() + 1) * 32767.5).round().permute(1, 2, 0).numpy()
    changed = np.asarray(decode.read(encode.write(values)).colour)
    assert np.abs(changed - expected / 257).max() <= 0.51
    differs = ~(np.rint(expected / 257) == np.rint(photograph.own / 257)).all(-1)
    np.testing.assert_array_equal(again.own[differs], expected[differs])


def test_a_result_has_the_format_asked_for_and_its_quality():
    photograph = decode.read(encoded(Image.fromarray(scene(200, 200)), "JPEG"))
    sizes = [len(encode.write(photograph.image, photograph, quality=q)) for q in (30, 60, 95)]
    assert sizes == sorted(sizes) and len(set(sizes)) == 3
    for asked, (name, ending) in encode.FORMATS.items():
        content = encode.write(photograph.image, photograph, format=asked)
        assert decode.read(content).file.format == name and ending.startswith(".")
    assert encode.format_of(decode.read(encoded(Image.fromarray(scene()), "GIF")))[1] == ".png"
    lossless = encode.write(photograph.image, photograph, format="webp", quality=100)
    np.testing.assert_array_equal(decode.read(lossless).colour, photograph.colour)
    for options in ({"format": "exe"}, {"quality": 0}, {"quality": 101}):
        with pytest.raises(UserError):
            encode.write(photograph.image, photograph, **options)


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_transparency_is_kept(format):
    values = np.dstack([scene(), scene(channels=1, seed=5)])
    photograph = decode.read(encoded(Image.fromarray(values)))
    again = decode.read(encode.write(photograph.image, photograph, format=format.lower()))
    assert np.abs(again.alpha.astype(int) - photograph.alpha).max() <= 4
    flat = decode.read(encode.write(photograph.image, photograph, format="jpeg"))
    assert flat.alpha is None


# Broken and strange files


@pytest.mark.parametrize("size", [(1, 1), (1, 50_000), (8, 8), (10_000, 300)])
def test_strange_sizes_are_read(size):
    content = encoded(Image.new("RGB", size, (9, 99, 199)))
    photograph = decode.read(content)
    assert photograph.size == size
    assert decode.read(encode.write(photograph.image, photograph)).size == size


def test_a_line_of_40_million_pixels_is_refused():
    header = struct.pack(">IIBBBBB", 1, 40_000_000, 8, 2, 0, 0, 0)
    body = b"IHDR" + header
    content = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body
    content += struct.pack(">I", zlib.crc32(body))
    for name, data in ((b"IDAT", zlib.compress(b"\0" * 99)), (b"IEND", b"")):
        content += struct.pack(">I", len(data)) + name + data
        content += struct.pack(">I", zlib.crc32(name + data))
    refused(content, "image_side_too_long")


def test_a_palette_of_16_bits_is_refused():
    import imagecodecs

    content = bytearray(imagecodecs.png_encode(deep_scene(channels=1)))
    content[25] = 3
    content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
    refused(bytes(content), "image_unreadable")


def test_heic_without_the_plugin_is_one_sentence(monkeypatch):
    content = encoded(Image.fromarray(scene()), "HEIF")
    assert decode.read(content).size == (50, 40)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    refused(content, "heic_plugin_missing")
    photograph = decode.read(encoded(Image.fromarray(scene())))
    with pytest.raises(UserError) as caught:
        encode.write(photograph.image, photograph, format="heic")
    assert caught.value.key == "heic_plugin_missing"


@pytest.mark.parametrize("keep", [0.3, 0.9])
@pytest.mark.parametrize("kind", ["png16", "tiff16", "heic"])
def test_truncated_deep_files_are_refused(kind, keep):
    import imagecodecs

    if kind == "png16":
        content = imagecodecs.png_encode(deep_scene())
    elif kind == "tiff16":
        content = tiff_bytes(deep_scene(), photometric="rgb")
    else:
        content = encoded(Image.fromarray(scene(200, 300)), "HEIF")
    refused(content[: int(keep * len(content))], "image_unreadable")


def test_a_strip_that_inflates_without_end_is_refused():
    content = bytearray(tiff_bytes(np.zeros((64, 64, 3), np.uint16), compression="zlib"))
    with tifffile.TiffFile(io.BytesIO(bytes(content))) as file:
        tags = file.pages[0].tags
        offsets, counts = tags[273], tags[279]
    packer = zlib.compressobj(9)
    bomb = b"".join(packer.compress(bytes(10**6)) for _ in range(200)) + packer.flush()
    for tag, value in ((offsets, len(content)), (counts, len(bomb))):
        struct.pack_into("<HIi", content, tag.offset + 2, 4, 1, value)
    refused(bytes(content) + bomb, "image_unreadable")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    refused(tmp_path / "pipe.png", "image_missing")
    with pytest.raises(UserError):
        read_recipe(tmp_path / "pipe.png")


def test_of_an_animation_the_first_picture_is_taken_with_a_word():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("#ff0000", "#00ff00")]
    for format in ("GIF", "WEBP", "PNG"):
        content = encoded(frames[0], format, save_all=True, append_images=frames[1:])
        assert note_keys(decode.read(content)) == ["note_first_frame"]


def test_fifty_megapixels_are_read_and_known_before_they_are():
    content = encoded(Image.new("L", (8160, 6144), 7), compress_level=1)
    assert load_image(content).size == (8160, 6144)


def memory_of(work):
    """(bytes that are held afterwards, the most on the way)"""
    tracemalloc.start()
    result = work()
    found = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert result is not None
    return found


@pytest.mark.parametrize("format", ["tiff", "png"])
def test_a_deep_result_is_in_memory_once_besides_its_file(format, tmp_path):
    """A copy of 50 megapixels of 16 bits is 300 MB."""
    (tmp_path / "a.tif").write_bytes(tiff_bytes(deep_scene(2000, 210), photometric="rgb"))
    samples = 2000 * 210 * 6
    gc.disable()  # what is held by a circle is held
    try:
        held, _ = memory_of(lambda: decode.read(tmp_path / "a.tif"))
        assert held < 1.1 * samples
    finally:
        gc.enable()
    photograph = decode.read(tmp_path / "a.tif")
    result = deep.attach(photograph.image.copy(), photograph.colour + np.uint16(1))
    encode.write(result, photograph, RECIPE, format=format)  # imports
    _, most = memory_of(lambda: encode.write(result, photograph, RECIPE, format=format))
    assert most < {"tiff": 2.2, "png": 2.6}[format] * samples


def test_files_of_before_have_their_recipe_still():
    assert read_recipe(png_bytes(Image.fromarray(scene()), RECIPE)) == RECIPE
    assert json.loads(json.dumps(RECIPE)) == RECIPE


@pytest.mark.parametrize("told", [{"imagej": True}, {"ome": True}, {"photometric": "minisblack"}])
def test_a_stack_s_description_does_not_go_with_its_first_page(told):
    values = np.random.default_rng(3).integers(0, 65536, (3, 20, 30), np.uint16)
    file = io.BytesIO()
    tifffile.imwrite(file, values, **told)
    photograph = decode.read(file.getvalue())
    result = encode.write(photograph.image, photograph)
    np.testing.assert_array_equal(tifffile.imread(io.BytesIO(result)), values[0])


def test_a_description_of_what_is_to_be_seen_stays():
    values = np.random.default_rng(3).integers(0, 65536, (20, 30), np.uint16)
    file = io.BytesIO()
    tifffile.imwrite(file, values, description="a cat", metadata=None)
    photograph = decode.read(file.getvalue())
    with tifffile.TiffFile(io.BytesIO(encode.write(photograph.image, photograph))) as result:
        assert result.pages[0].description == "a cat"


@pytest.mark.parametrize("is_deep", [False, True])
def test_a_png_s_texts_go_into_the_png_that_is_made_of_it(is_deep):
    texts = {"Author": "a photographer", "Comment": "ein Gruß, 你好", "Own": "nobody knows this"}
    chunks = [(b"iTXt", k.encode() + b"\0\0\0\0\0" + v.encode()) for k, v in texts.items()]
    if is_deep:
        plain = png_writer.write_16_bit(deep_scene())
        added = b"".join(png_writer._chunk(*chunk) for chunk in chunks)
        content = plain[:33] + added + plain[33:]
    else:
        content = png_with(scene(), *chunks)
    photograph = decode.read(content)
    assert photograph.is_deep == is_deep
    for options, kept in (({}, True), ({"strip_metadata": True}, False)):
        result = encode.write(photograph.image, photograph, RECIPE, **options)
        info = Image.open(io.BytesIO(result)).info
        assert (info.get("Author"), info.get("Comment")) == (
            ("a photographer", "ein Gruß, 你好") if kept else (None, None)
        )
        assert "Own" not in info and read_recipe(result) == RECIPE
