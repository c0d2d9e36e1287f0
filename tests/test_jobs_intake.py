"""Uploads of all kinds: taken in within limits, or one sentence and nothing left behind."""

import io
import stat
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from ddpm_demo.errors import UserError
from ddpm_demo.jobs import intake, take_in


def png(seed=0, size=(12, 9)):
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def archive(tmp_path, members, compression=zipfile.ZIP_STORED):
    path = tmp_path / "given.zip"
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members:
            file.writestr(name, content)
    return path


def names(path):
    with zipfile.ZipFile(path) as file:
        assert file.testzip() is None
        return file.namelist()


@pytest.fixture
def target(tmp_path):
    (tmp_path / "draft").mkdir()
    return tmp_path / "draft" / "upload.zip"


def refused(paths, target, match):
    with pytest.raises(UserError, match=match):
        take_in(paths, target)
    assert list(target.parent.iterdir()) == []


def test_files_and_archives_are_packed_with_their_content(tmp_path, target):
    loose = tmp_path / "cat.PNG"
    loose.write_bytes(png(1))
    given = archive(tmp_path, [("a/cat.png", png(2)), ("b/cat.png", png(3)), ("b/", b"")])
    found = take_in([loose, given, loose], target)
    assert found.num_files == 4 and found.num_ignored == 0
    assert names(target) == ["cat.PNG", "a/cat.png", "b/cat.png", "cat (2).PNG"]
    with zipfile.ZipFile(target) as file:
        assert file.read("b/cat.png") == png(3)


def test_names_lose_what_could_be_a_path(tmp_path, target):
    members = [
        ("../../evil.png", png()),
        ("/etc/passwd.png", png()),
        ("C:\\windows\\x.png", png()),
        ("a\x07b.png", png()),
        ("一只猫.png", png()),
    ]
    take_in([archive(tmp_path, members)], target)
    assert set(names(target)) == {
        "evil.png",
        "etc/passwd.png",
        "C/windows/x.png",
        "ab.png",
        "一只猫.png",
    }
    assert [path.name for path in target.parent.iterdir()] == ["upload.zip"]


def test_what_is_no_picture_is_named_with_its_reason(tmp_path, target):
    link = zipfile.ZipInfo("link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    members = [("a.png", png()), (link, "/etc/passwd"), ("notes.txt", "hello")]
    members += [("__MACOSX/a.png", b"x"), (".hidden.png", b"x")]
    found = take_in([archive(tmp_path, members)], target)
    assert names(target) == ["a.png"]
    assert set(found.ignored) == {("link.png", "link"), ("notes.txt", "kind")}


def test_a_damaged_member_is_left_out_and_the_rest_taken(tmp_path, target):
    path = archive(tmp_path, [("a.png", png(1)), ("b.png", png(2))])
    content = path.read_bytes().replace(png(1)[30:60], b"?" * 30, 1)
    path.write_bytes(content)
    found = take_in([path], target)
    assert names(target) == ["b.png"] and found.ignored == (("a.png", "damaged"),)


def test_a_bomb_is_refused_before_it_is_opened(tmp_path, target, monkeypatch):
    monkeypatch.setattr(intake, "RATIO_FROM_BYTES", 10_000)
    bomb = archive(tmp_path, [("a.bmp", b"\0" * 3_000_000)], zipfile.ZIP_DEFLATED)
    assert bomb.stat().st_size < 10_000
    monkeypatch.setattr(zipfile.ZipFile, "open", None)
    refused([bomb], target, "once unpacked")


def test_a_member_that_is_too_large_is_left_out(tmp_path, target, monkeypatch):
    monkeypatch.setattr(intake, "MAX_FILE_BYTES", 1000)
    path = archive(tmp_path, [("a.bmp", b"\0" * 5000), ("b.png", png())], zipfile.ZIP_DEFLATED)
    found = take_in([path], target)
    assert names(target) == ["b.png"] and found.ignored == (("a.bmp", "size"),)


@pytest.mark.parametrize("limit", ["MAX_FILES", "MAX_MEMBERS", "MAX_TOTAL_BYTES"])
def test_too_much_of_anything_is_refused(tmp_path, target, monkeypatch, limit):
    given = archive(tmp_path, [(f"{i}.png", png(i)) for i in range(4)])
    monkeypatch.setattr(intake, limit, 3)
    refused([given], target, "more than (3|20000) pictures|more than 0 MB")


def test_nothing_to_train_on_is_refused(tmp_path, target):
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    refused([text], target, "no pictures in the upload")
    refused([archive(tmp_path, [])], target, "no pictures in the upload")
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK\x03\x04 and then nothing")
    refused([broken], target, "broken.zip is not a zip archive")


def test_a_full_disk_is_told_before_and_while_writing(tmp_path, target, monkeypatch):
    given = archive(tmp_path, [("a.png", png())])

    def full(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(zipfile.ZipFile, "writestr", full)
        refused([given], target, "No space left on device")
    monkeypatch.setattr(intake.shutil, "disk_usage", lambda path: SimpleNamespace(free=10))
    refused([given], target, "too little room")


def overlapping(tmp_path, count=2000):
    """An archive of many names for the same bytes."""
    content = png(size=(64, 64))
    path = archive(tmp_path, [("whole.png", content)])
    with zipfile.ZipFile(path, "a") as file:
        (first,) = file.infolist()
        for number in range(count):
            again = zipfile.ZipInfo(f"again-{number}.png")
            for name in ("CRC", "compress_size", "file_size", "header_offset", "flag_bits"):
                setattr(again, name, getattr(first, name))
            file.filelist.append(again)
            file._didModify = True
    return path


def test_members_that_lie_in_one_another_are_refused_by_name(tmp_path, target):
    refused([overlapping(tmp_path)], target, r"again-\d+.png lies inside another one")


def test_equal_names_cost_no_more_than_others(tmp_path, target, monkeypatch):
    asked = []
    path_of = intake.PurePosixPath
    monkeypatch.setattr(intake, "PurePosixPath", lambda name: asked.append(name) or path_of(name))
    tries = SimpleNamespace(count=0)

    class Counted(dict):
        def __contains__(self, key):
            tries.count += 1
            return super().__contains__(key)

    packer = intake._Packer(target)
    packer._names = Counted()
    names = [packer._free_name("a/cat.png") for _ in range(1000)]
    assert len(set(names)) == 1000 and names[1] == "a/cat (2).png" and tries.count <= 2000
    assert packer._free_name("a/cat (2).png") not in names


@pytest.mark.parametrize("method", ["LZMA", "BZIP2", "DEFLATED"])
def test_a_damaged_member_of_any_method_is_named_and_the_rest_is_kept(tmp_path, target, method):
    path = tmp_path / "given.zip"
    with zipfile.ZipFile(path, "w", getattr(zipfile, f"ZIP_{method}")) as file:
        file.writestr("bad.png", png(1, (90, 90)))
        file.writestr("good.png", png(2))
        bad = file.getinfo("bad.png")
    content = bytearray(path.read_bytes())
    start = bad.header_offset + 30 + len(bad.filename)
    content[start + 4 : start + bad.compress_size // 2] = b"\xff" * (bad.compress_size // 2 - 4)
    path.write_bytes(bytes(content))
    found = take_in([path], target)
    assert found.num_files == 1 and found.ignored == (("bad.png", "damaged"),)


def test_what_is_unpacked_in_vain_counts_too(tmp_path, target, monkeypatch):
    monkeypatch.setattr(intake, "MAX_TOTAL_BYTES", 10_000)
    packer = intake._Packer(target)
    packer.read(9_999, "a")
    with pytest.raises(UserError, match="more than"):
        packer.read(2, "b")


def test_reading_is_given_up_after_a_while_with_the_name(tmp_path, target, monkeypatch):
    monkeypatch.setattr(intake, "MAX_SECONDS", -1)
    refused([archive(tmp_path, [("slow.png", png())])], target, "given up at slow.png")
