"""What files say goes on to results whole, upright and within what a format can hold."""

import io

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from ddpm_demo.pictures import decode, encode
from ddpm_demo.pictures.png_recipe import read_recipe

RECIPE = {"task": "denoise", "seed": 3}
HEAD = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="rdf"><rdf:Description {}>{}'
TAIL = "</rdf:Description></rdf:RDF></x:xmpmeta>"
ATTRIBUTE = (HEAD.format('tiff:Orientation="6"', "") + TAIL).encode()
ELEMENT = (HEAD.format("", "<tiff:Orientation>6</tiff:Orientation>") + TAIL).encode()
LONG = (HEAD.format(f'dc:title="{"t" * 65_300}"', "") + TAIL).encode()
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "deep TIFF")


def saved(format, packet=None, exif=None, size=(50, 40)):
    pixels = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    file = io.BytesIO()
    if format.endswith("TIFF"):
        values = pixels * np.uint16(257) if format == "deep TIFF" else pixels
        tags = [(700, "B", len(packet), packet, True)] if packet else []
        tifffile.imwrite(file, values, photometric="rgb", extratags=tags)
        return file.getvalue()
    options = {} if exif is None else {"exif": exif}
    if format == "PNG" and packet:
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", packet.decode())
    elif packet:
        options["xmp"] = packet
    Image.fromarray(pixels).save(file, format, **options)
    return file.getvalue()


def written(content, **options):
    photograph = decode.read(content)
    return encode.write(photograph.image, photograph, RECIPE, **options)


def exif_of(content):
    exif = Image.Exif()
    exif.load(decode.read(content).file.exif or b"")
    return exif


@pytest.mark.parametrize("packet", [ATTRIBUTE, ELEMENT], ids=["attribute", "element"])
@pytest.mark.parametrize("format", FORMATS)
def test_a_picture_is_turned_by_xmp_once(format, packet):
    """The result said in its XMP that it was still to be turned, and viewers turned it again."""
    content = saved(format, packet)
    assert decode.read(content).size == (40, 50)
    result = written(content)
    assert decode.read(result).size == (40, 50)
    if format != "deep TIFF":  # which Pillow cannot open
        assert ImageOps.exif_transpose(Image.open(io.BytesIO(result))).size == (40, 50)


def test_xmp_agrees_with_exif():
    exif = Image.Exif()
    exif[0x0112] = 6
    result = decode.read(written(saved("JPEG", ATTRIBUTE, exif)))
    assert result.size == (40, 50) and b'tiff:Orientation="1"' in result.file.xmp


def test_a_thumbnail_in_xmp_is_dropped():
    small = "<xmp:Thumbnails><rdf:Alt><xmpGImg:image>AAAA\n</xmpGImg:image></rdf:Alt>"
    packet = HEAD.format('dc:title="mine"', small + "</xmp:Thumbnails>") + TAIL
    found = decode.read(written(saved("WEBP", packet.encode()))).file.xmp
    assert b"AAAA" not in found and b"mine" in found and found.endswith(TAIL.encode())


@pytest.mark.parametrize("source", ["JPEG", "WEBP"])
@pytest.mark.parametrize("comment", [None, b"ASCII\0\0\0mine"])
def test_xmp_that_no_jpeg_can_hold_ends_nothing(source, comment):
    """ "XMP data is too long": a trace, also by what the recipe adds to a JPEG's own."""
    exif = Image.Exif()
    exif[0x010F] = "Canon"
    if comment:
        exif.get_ifd(0x8769)[0x9286] = comment
    packet = LONG if source == "JPEG" else LONG + b" " * 200_000
    result = written(saved(source, packet, exif), format="jpeg")
    assert read_recipe(result) == RECIPE and exif_of(result)[0x010F] == "Canon"


def test_exif_that_no_jpeg_can_hold_loses_what_takes_most():
    """Camera, place and recipe went with it."""
    exif = Image.Exif()
    exif[0x010F], exif[0x9C9C] = "Canon", b"c" * 300_000
    exif.get_ifd(0x8769)[0x927C] = b"M" * 60_000
    exif.get_ifd(0x8825)[1] = "N"
    result = written(saved("WEBP", exif=exif), format="jpeg")
    found = exif_of(result)
    assert found[0x010F] == "Canon" and found.get_ifd(0x8825)[1] == "N" and 0x9C9C not in found
    assert read_recipe(result) == RECIPE


@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_exif_of_more_than_a_megabyte_is_kept(format):
    exif = Image.Exif()
    exif[0x010F] = "Canon"
    exif.get_ifd(0x8769)[0x927C] = b"M" * 1_500_000
    assert exif_of(written(saved(format, exif=exif)))[0x010F] == "Canon"


def test_of_pages_of_16_bits_the_first_is_taken_with_a_word():
    file, pages = io.BytesIO(), np.zeros((3, 20, 30, 3), np.uint16)
    tifffile.imwrite(file, pages, photometric="rgb")
    photograph = decode.read(file.getvalue())
    assert [note.key for note in photograph.notes] == ["note_first_frame"]
    assert photograph.file.frames == 3 and photograph.size == (30, 20)
    assert decode.read(file.getvalue(), frame=1).notes == ()
