"""Pictures in: every mode and every kind of bad file. Pictures out: exact, with their recipe."""

import io
import json
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from ddpm_demo.errors import UserError
from ddpm_demo.pictures.images import FORMATS, load_image, make_grid, to_pil, to_tensor
from ddpm_demo.pictures.png_recipe import CHUNK, png_bytes, read_recipe, save_png


def encoded(image, format="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, format=format, **options)
    return buffer.getvalue()


def noise_image(mode="RGB", size=(20, 12)):
    generator = np.random.default_rng(0)
    shape = (size[1], size[0], len(mode)) if len(mode) > 1 else (size[1], size[0])
    return Image.fromarray(generator.integers(0, 256, shape, dtype=np.uint8))


def png_chunk(name, data):
    body = name + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png_header(width, height):
    """A PNG that claims a size and holds next to nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(100))
    chunks = [(b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def refused(source, key, **options):
    with pytest.raises(UserError) as caught:
        load_image(source, **options)
    assert caught.value.key == key
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_is_read_from_a_path_from_bytes_and_from_a_file(format, tmp_path):
    content = encoded(noise_image(), format)
    path = tmp_path / "picture"
    path.write_bytes(content)
    images = [load_image(path), load_image(str(path)), load_image(content)]
    images.append(load_image(io.BytesIO(content)))
    assert all(image.mode == "RGB" and image.size == (20, 12) for image in images)
    assert len({image.tobytes() for image in images}) == 1


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_lossless_formats_keep_every_pixel(mode):
    image = noise_image(mode)
    loaded = load_image(encoded(image))
    assert loaded.mode == mode and loaded.tobytes() == image.tobytes()


@pytest.mark.parametrize(
    "mode, format, expected",
    [
        ("1", "PNG", "L"),
        ("P", "PNG", "RGB"),
        ("LA", "PNG", "RGBA"),
        ("CMYK", "JPEG", "RGB"),
        ("CMYK", "TIFF", "RGB"),
        ("YCbCr", "JPEG", "RGB"),
        ("LAB", "TIFF", "RGB"),
    ],
)
def test_other_modes_become_plain_ones(mode, format, expected):
    if mode == "LAB":
        source = Image.merge("LAB", [noise_image("L")] * 3)
    else:
        source = noise_image().convert(mode)
    assert load_image(encoded(source, format)).mode == expected


def test_transparent_colours_become_alpha():
    palette = noise_image().quantize(8)
    loaded = load_image(encoded(palette, transparency=palette.getpixel((0, 0))))
    assert loaded.mode == "RGBA" and loaded.getpixel((0, 0))[3] == 0
    grey = load_image(encoded(Image.new("L", (4, 4), 7), transparency=7))
    assert grey.mode == "RGBA" and grey.getpixel((0, 0)) == (7, 7, 7, 0)


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_16_bit_pictures_are_scaled_whatever_their_brightness(format):
    values = np.array([[0, 128, 255, 257], [1000, 32896, 65407, 65535]], dtype=np.uint16)
    for deep in (values, values // 300):
        loaded = np.asarray(load_image(encoded(Image.fromarray(deep), format)))
        assert loaded.dtype == np.uint8
        np.testing.assert_array_equal(loaded, np.rint(deep / 257))


@pytest.mark.parametrize(
    "values, expected",
    [
        (np.array([[0.0, 0.5, 1.0]], dtype=np.float32), [[0, 128, 255]]),
        (np.array([[0.0, 100.4, 255.0]], dtype=np.float32), [[0, 100, 255]]),
        (np.array([[np.nan, -5.0, 200.0]], dtype=np.float32), [[0, 0, 200]]),
        (np.array([[0, 32896, 65535]], dtype=np.int32), [[0, 128, 255]]),
        (np.array([[0, 131072, 65536 * 4]], dtype=np.int32), [[0, 128, 255]]),
    ],
)
def test_float_and_32_bit_pictures_are_scaled(values, expected):
    loaded = load_image(encoded(Image.fromarray(values), "TIFF"))
    np.testing.assert_array_equal(np.asarray(loaded), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_the_orientation_of_a_camera_is_obeyed(format, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {} if format == "JPEG" else {"lossless": True}
    content = encoded(noise_image(), format, exif=exif.tobytes(), **options)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    loaded = load_image(content)
    assert loaded.tobytes() == expected.convert("RGB").tobytes()
    assert not loaded.getexif() and "exif" not in loaded.info


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0" + b"\xff" * 200, b"x"]
)
def test_broken_exif_data_do_not_matter(exif):
    image = noise_image()
    assert load_image(encoded(image, exif=exif)).tobytes() == image.tobytes()


def test_metadata_are_dropped():
    info = PngInfo()
    info.add_text("GPS", "secret")
    image = noise_image()
    loaded = load_image(encoded(image, pnginfo=info, icc_profile=b"profile", dpi=(72, 72)))
    assert loaded.info == {} and loaded.tobytes() == image.tobytes()


@pytest.mark.parametrize("format", ["GIF", "WEBP", "TIFF", "PNG"])
def test_the_first_frame_of_an_animation_or_another(format):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("#ff0000", "#00ff00", "#0000ff")]
    options = {"lossless": True} if format == "WEBP" else {}
    content = encoded(frames[0], format, save_all=True, append_images=frames[1:], **options)
    assert load_image(content).getpixel((4, 4))[:3] == (255, 0, 0)
    assert load_image(content, frame=2).getpixel((4, 4))[:3] == (0, 0, 255)
    refused(content, "image_frame_missing", frame=3)


@pytest.mark.parametrize(
    "size", [(20_000, 20_000), (11_000, 11_000), (2**31 - 1, 1), (8_000, 12_501)]
)
def test_a_bomb_is_refused_from_its_header(size):
    refused(png_header(*size), "image_too_large")


def test_the_pixel_limit_is_a_limit():
    content = encoded(Image.new("L", (100, 100)))
    assert load_image(content, max_pixels=10_000).size == (100, 100)
    refused(content, "image_too_large", max_pixels=9_999)


def test_a_frame_larger_than_the_first_is_refused():
    frames = [Image.new("L", (8, 8)), Image.new("L", (300, 300), 1)]
    content = encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    refused(content, "image_too_large", frame=1, max_pixels=10_000)


def test_a_bomb_of_text_is_refused():
    content = encoded(noise_image())
    bomb = png_chunk(b"zTXt", b"ddpm_demo\0\0" + zlib.compress(b"[" * 50_000_000))
    content = content[:33] + bomb + content[33:]
    refused(content, "image_unreadable")
    with pytest.raises(UserError):
        read_recipe(content)


def test_many_texts_together_are_bounded_and_a_long_one_of_other_programs_is_not_in_the_way():
    content = encoded(noise_image())
    megabytes = png_chunk(b"zTXt", b"workflow\0\0" + zlib.compress(b"n" * 3_000_000))
    assert load_image(content[:33] + megabytes + content[33:]).size == (20, 12)
    refused(content[:33] + 8 * megabytes + content[33:], "image_unreadable")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("keep", [3, 0.5, 0.9])
def test_truncated_pictures_are_refused(format, keep):
    content = encoded(noise_image(size=(64, 64)), format)
    kept = keep if isinstance(keep, int) else int(len(content) * keep)
    refused(content[:kept], "image_unreadable")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"just text",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
        b"P6 2 2 255 " + bytes(12),
        png_header(10, 10),
        png_header(0, 10),
    ],
)
def test_what_is_no_picture_is_refused(content):
    refused(content, "image_unreadable")


def test_missing_files_and_folders_are_named(tmp_path):
    refused(tmp_path / "none.png", "image_missing")
    refused(tmp_path, "image_missing")


def test_all_256_levels_survive_the_way_to_a_tensor_and_back():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    grey, colour = Image.fromarray(levels), Image.fromarray(np.stack([levels] * 3, -1))
    for image, channels in ((grey, 1), (colour, 3)):
        tensor = to_tensor(image, channels)
        assert tensor.shape == (1, channels, 16, 16) and tensor.dtype == torch.float32
        assert (tensor.min(), tensor.max()) == (-1, 1)
        (back,) = to_pil(tensor)
        assert back.mode == image.mode and back.tobytes() == image.tobytes()


def test_grey_and_colour_are_converted_and_alpha_laid_over_the_background():
    grey = Image.new("L", (2, 2), 51)
    assert to_tensor(grey, 3).unique().tolist() == pytest.approx([51 / 127.5 - 1])
    clear = Image.new("RGBA", (2, 2), (200, 100, 50, 0))
    assert to_tensor(clear, 3).unique().tolist() == [1]
    assert to_tensor(clear, 3, background=(0, 0, 0)).unique().tolist() == [-1]


def test_tensors_out_of_range_are_clipped_and_rounded_to_the_nearest_level():
    values = torch.tensor([-9.0, 9.0, float("nan"), float("inf"), 0.0, 1 / 127.5 - 1e-4])
    (image,) = to_pil(values.view(1, 1, 1, 6))
    assert list(image.tobytes()) == [0, 255, 0, 255, 128, 128]


@pytest.mark.parametrize(
    "count, size", [(1, (8, 8)), (4, (18, 18)), (5, (28, 18)), (16, (38, 38))]
)
def test_a_grid_is_about_square(count, size):
    images = [Image.new("L", (8, 8), index) for index in range(count)]
    grid = make_grid(images)
    assert grid.size == size and grid.mode == "L"
    assert grid.getpixel((size[0] - 1, 0)) == min(count - 1, -(-size[0] // 10) - 1)


def test_a_recipe_travels_in_the_file(tmp_path):
    recipe = {"task": "generate", "checkpoint": "人脸", "seed": 2**32 - 1, "eta": 0.1, "x": None}
    path = save_png(noise_image(), tmp_path / "a.png", recipe)
    assert read_recipe(path) == read_recipe(path.read_bytes()) == recipe
    assert load_image(path).tobytes() == noise_image().tobytes()


@pytest.mark.parametrize(
    "content, key",
    [
        (b"a text file", "recipe_not_png"),
        (encoded(noise_image(), "JPEG"), "recipe_absent"),
        (encoded(noise_image()), "recipe_absent"),
        (png_header(20_000, 20_000), "image_too_large"),
    ],
)
def test_files_without_a_recipe_get_a_sentence(content, key):
    with pytest.raises(UserError) as caught:
        read_recipe(content)
    assert caught.value.key == key


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", "[" * 10_000, json.dumps({"a": "x" * 70_000})]
)
def test_damaged_recipes_get_a_sentence(text):
    info = PngInfo()
    info.add_text(CHUNK, text)
    with pytest.raises(UserError) as caught:
        read_recipe(encoded(noise_image(), pnginfo=info))
    assert caught.value.key == "recipe_damaged"


def test_a_picture_without_a_recipe_has_no_chunk():
    assert CHUNK.encode() not in png_bytes(noise_image())
