"""What a visitor may upload or enter by mistake or malice: one sentence each, nothing left."""

import errno
import io
import stat
import zipfile

import numpy as np
import pytest
from PIL import Image
from test_ui_finetune import ME, OWNER, desk, form, values  # noqa: F401

from ddpm_demo.jobs import intake, store
from ddpm_demo.texts import text
from ddpm_demo.training.pictures import PictureWriter
from ddpm_demo.ui.tabs.finetune import tab as finetune
from ddpm_demo.ui.tabs.finetune import views


def picture(width=16, height=16, mode="RGB", seed=0):
    shape = (height, width, 3) if mode == "RGB" else (height, width)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def archive(tmp_path, members, compression=zipfile.ZIP_DEFLATED):
    path = tmp_path / "given.zip"
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members:
            file.writestr(name, content)
    return str(path)


@pytest.fixture
def give(desk, form):  # noqa: F811
    """Uploads files; gives (what the page shows at the right, the notice), and checks the rest."""

    def upload(*paths, **changes):
        shown, note, *_ = finetune.uploaded(
            desk, form, ME, list(paths), values(**changes), OWNER, "en"
        )
        if "notice-error" in note:
            assert desk.drafts.get(ME) is None
            drafts = desk.jobs.folder / store.DRAFTS
            assert not drafts.exists() or list(drafts.iterdir()) == []
            assert "upload-report" not in shown and note.count(". ") == 0
        return shown, note

    return upload


def test_a_zip_bomb(give, tmp_path):
    bomb = archive(tmp_path, [(f"{n}.png", bytes(40 * 2**20)) for n in range(2)])
    assert "once unpacked" in give(bomb)[1]


def test_fifty_thousand_tiny_files(give, tmp_path, monkeypatch):
    content = picture(1, 1)
    many = archive(tmp_path, ((f"{n}.png", content) for n in range(50_000)), zipfile.ZIP_STORED)
    read = []
    monkeypatch.setattr(intake._Packer, "add", lambda self, name, content: read.append(name))
    assert "more than 20000 pictures" in give(many)[1]
    assert read == []  # refused by the list of files, before the first is read


def test_names_that_lead_elsewhere_and_links(give, desk, tmp_path):  # noqa: F811
    link = zipfile.ZipInfo("link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    members = [("../../outside.png", picture()), ("/absolute.png", picture(seed=1))]
    shown, note = give(archive(tmp_path, [*members, (link, "/etc/passwd")]))
    assert note == "" and text("en", "finetune.ignored_link") in shown
    assert desk.drafts.get(ME).report.num_images == 2
    outside = [path.name for path in tmp_path.rglob("*.png")]
    assert outside == []
    _, note = give(archive(tmp_path, [(link, "/etc/passwd")]))
    assert "no pictures in the upload" in note


@pytest.mark.parametrize(
    "members", [[], [("notes.txt", b"hello")], [("a.png", b"no picture"), ("b.jpg", b"")]]
)
def test_no_images(give, tmp_path, members):
    _, note = give(archive(tmp_path, members))
    assert "no picture" in note


def test_something_that_is_no_zip(give, tmp_path):
    path = tmp_path / "given.zip"
    path.write_bytes(b"PK\x03\x04 and then nothing")
    assert "not a zip archive" in give(str(path))[1]


def test_one_image_is_taken_with_advice_and_can_be_trained_on(give, desk, tmp_path):  # noqa: F811
    from ddpm_demo.training.config import TrainConfig
    from ddpm_demo.training.run import train

    shown, note = give(archive(tmp_path, [("one.png", picture())]))
    assert note == "" and text("en", "finetune.advice_few_images") in shown
    assert text("en", "finetune.advice_no_spare_images") in shown
    draft = desk.drafts.get(ME)
    settings = {**desk.config(values(max_steps=2)).__dict__, "sample_steps": 1}
    places = {"data": str(draft.folder / settings["data"]), "out": str(tmp_path / "run")}
    # accelerate holds on to the first precision of a process, here to that of other tests.
    plain = {"sample_num_steps": 1, "mixed_precision": "no"}
    config = TrainConfig.from_mapping({**settings, **places, **plain})
    assert train(config) == "steps"


def test_ten_times_as_wide_as_high(give, desk, tmp_path):  # noqa: F811
    shown, note = give(archive(tmp_path, [(f"{n}.png", picture(160, 16, seed=n)) for n in (1, 2)]))
    assert note == "" and text("en", "finetune.advice_elongated_images") in shown
    assert desk.drafts.get(ME).sheet.size == (2 * 16 + 2, 16)


def test_pictures_of_other_channels_than_the_checkpoint(give, desk, tmp_path):  # noqa: F811
    grey = archive(tmp_path, [("grey.png", picture(mode="L"))])
    shown, note = give(grey)
    assert note == "" and desk.drafts.get(ME).sheet.mode == "RGB"
    colour = archive(tmp_path, [("colour.png", picture(32, 32))])
    shown, note = give(colour, base="fashion-32")
    assert note == "" and text("en", "finetune.advice_turned_grey") in shown
    assert desk.drafts.get(ME).sheet.mode == "L"
    assert "灰度" in views.report_html(desk.drafts.get(ME), "zh-CN")


def test_a_base_that_is_gone(give, tmp_path):
    given = archive(tmp_path, [("a.png", picture())])
    shown, note = give(given, base="no-such-checkpoint")
    assert "upload-report" not in shown


def full(*_args, **_kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_the_disk_is_full_when_pictures_are_made_ready(give, tmp_path, monkeypatch):
    monkeypatch.setattr(PictureWriter, "append", full)
    _, note = give(archive(tmp_path, [("a.png", picture())]))
    assert "cannot be stored: No space left on device" in note


def test_the_disk_is_full_when_the_run_is_written_down(give, desk, form, tmp_path, monkeypatch):  # noqa: F811
    give(archive(tmp_path, [("a.png", picture())]))
    with monkeypatch.context() as patched:
        patched.setattr(store, "write_json", full)
        *_, note = finetune.started(desk, form, ME, values(), OWNER, "en")[:4]
    assert "notice-error" in note and "No space left on device" in note
    assert desk.jobs.names() == [] and desk.drafts.get(ME) is not None
    chosen, *_ = finetune.started(desk, form, ME, values(), OWNER, "en")  # there is room again
    assert chosen["value"] == "my-cats"
