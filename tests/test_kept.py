"""What visitors find again: bounded, deletable, nobody else's. Without a page."""

import asyncio
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from ddpm_demo.pictures.png_recipe import read_recipe
from ddpm_demo.tasks.denoise import DenoiseRecipe
from ddpm_demo.ui.kept import home as homes
from ddpm_demo.ui.kept import keeper as keepers
from ddpm_demo.ui.kept.history import told, zip_of
from ddpm_demo.ui.kept.keeper import Keeper
from ddpm_demo.ui.kept.policy import keeps
from ddpm_demo.ui.kept.presence import Awaited, Presence, handle_in
from ddpm_demo.ui.sessions import RunRecord, StoredFrame
from ddpm_demo.ui.stream import Job, Snapshot

KEY, OTHER = "a" * 48, "b" * 48


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def keeper(clock):
    return Keeper(keeps=True, clock=clock, awaited=Awaited(clock))


def snapshot(side=8, index=2):
    image = Image.new("RGB", (side, side), "red")
    metadata = [{**DenoiseRecipe(checkpoint="none", seed=5).to_dict(), "image_index": 0}]
    return Snapshot(index, 2, -1.0, 2, image, image, 1, 1, [image], metadata)


def record(side=8, **given):
    made = RunRecord(Job(DenoiseRecipe(checkpoint="none", seed=5), lambda *a: None), given=given)
    made.last, made.phase = snapshot(side), "running"
    pixels = np.zeros((side, side, 3), np.uint8)
    made.frames = [StoredFrame(0, 1.0, 1, pixels, pixels)]
    return made


def run(keeper, session, made=None, tab="denoise", phase="done"):
    """A run from its beginning to its end; the record."""
    made = made or record()
    name = keeper.begin(session, tab, made)
    made.phase = phase
    keeper.end(name, tab, made)
    return made


def ids(keeper, session):
    return [result.record.id for result in keeper.results(session)]


def test_a_browser_finds_its_results_again_and_nobody_else_does(keeper):
    assert keeper.meet("one", KEY) and keeper.meet("two", OTHER)
    mine = run(keeper, "one")
    keeper.leave("one")
    keeper.meet("three", KEY)
    assert ids(keeper, "three") == [mine.id]
    assert keeper.on_tab("three", "denoise") == (None, mine)
    assert keeper.tabs("three") == ["denoise"] and keeper.tabs("two") == []
    assert keeper.result("two", mine.id) is None
    keeper.delete("two", mine.id)
    keeper.clear("two")
    assert ids(keeper, "three") == [mine.id]
    keeper.delete("three", mine.id)
    assert ids(keeper, "three") == [] and keeper.on_tab("three", "denoise") == (None, None)


@pytest.mark.parametrize(
    "key",
    ["", None, 5, KEY[:-1], KEY + "0", KEY.upper(), "../" * 16, {"path": "/etc"}, [KEY], "é" * 48],
)
def test_a_name_that_no_browser_of_ours_has_keeps_nothing(keeper, key):
    assert not keeper.meet("one", key)
    run(keeper, "one")
    assert len(ids(keeper, "one")) == 1  # as long as the page is open
    keeper.leave("one")
    assert not keeper.meet("two", key) and ids(keeper, "two") == [] and ids(keeper, "one") == []


@pytest.mark.parametrize("id", ["", None, 7, ["x"], {"id": "x"}, "../../etc/passwd"])
def test_an_id_that_is_none_is_nobodys(keeper, id):
    keeper.meet("one", KEY)
    made = run(keeper, "one")
    assert keeper.result("one", id) is None
    keeper.delete("one", id)
    assert ids(keeper, "one") == [made.id]


def test_where_nothing_is_kept_all_goes_with_the_page(clock):
    keeper = Keeper(keeps=False, clock=clock)
    assert not keeper.meet("one", KEY)
    going = record()
    name = keeper.begin("one", "denoise", going)
    run(keeper, "one")
    assert not keeper.is_wanted(name, 0.1, others_wait=False)
    keeper.leave("one")
    assert going.cancel_asked
    keeper.meet("two", KEY)
    assert ids(keeper, "two") == [] and ids(keeper, "one") == []


def test_who_keeps():
    assert keeps({}) and not keeps({"SPACE_ID": "a/b"})
    assert keeps({"SPACE_ID": "a/b", "DDPM_DEMO_KEEP": "1"})
    assert not keeps({"DDPM_DEMO_KEEP": "off"}) and keeps({"DDPM_DEMO_KEEP": "perhaps"})


def test_the_oldest_results_go_first(keeper, monkeypatch):
    keeper.meet("one", KEY)
    made = [run(keeper, "one") for _ in range(homes.MAX_RESULTS + 3)]
    assert ids(keeper, "one") == [one.id for one in reversed(made[3:])]
    # By bytes: the steps of older results first, then older results.
    size = made[-1].num_bytes
    frames = made[-1].frames[0].num_bytes
    monkeypatch.setattr(homes, "MAX_BYTES", 4 * size - frames)
    newest = run(keeper, "one")
    left = keeper.results("one")
    assert left[0].record is newest and newest.frames
    assert sum(one.record.num_bytes for one in left) <= homes.MAX_BYTES
    assert not any(one.record.frames for one in left[1:])
    assert 1 < len(left) < homes.MAX_RESULTS


def test_what_is_old_or_too_much_over_all_goes_but_never_from_under_a_page(
    keeper, clock, monkeypatch
):
    keeper.meet("one", KEY), keeper.meet("two", OTHER)
    first, second = run(keeper, "one"), run(keeper, "two")
    keeper.leave("one")
    clock.now = keepers.MAX_AGE_SECONDS + 1
    keeper.meet("three", "c" * 48)
    keeper.meet("again", KEY)
    assert ids(keeper, "again") == [] and ids(keeper, "two") == [second.id]
    third = run(keeper, "again")
    keeper.leave("again")
    monkeypatch.setattr(keepers, "MAX_TOTAL_BYTES", first.num_bytes)
    keeper.meet("four", "d" * 48)
    keeper.meet("again", KEY)
    assert third.id not in ids(keeper, "again") and ids(keeper, "two") == [second.id]


def test_a_run_outlives_a_reload_but_not_a_visitor_who_is_gone(keeper, clock):
    keeper.meet("one", KEY)
    name = keeper.begin("one", "denoise", record())
    assert keeper.is_wanted(name, 1e6, others_wait=True)  # a page of that browser is open
    keeper.leave("one")
    assert keeper.is_wanted(name, 1.9, others_wait=True)
    assert not keeper.is_wanted(name, 2.1, others_wait=True)
    assert keeper.is_wanted(name, 59, others_wait=False)
    assert not keeper.is_wanted(name, 61, others_wait=False)
    keeper._awaited.add(KEY[:16])  # the page is asked for
    assert keeper.is_wanted(name, 29, others_wait=True)
    assert not keeper.is_wanted(name, 31, others_wait=True)
    clock.now = 31
    assert not keeper.is_wanted(name, 3, others_wait=True)
    assert not keeper.is_wanted("nobody", 0.1, others_wait=False)


def test_a_run_that_goes_on_is_found_and_what_it_leaves_is_a_result(keeper):
    keeper.meet("one", KEY)
    made = record()
    name = keeper.begin("one", "denoise", made)
    keeper.leave("one")
    keeper.meet("two", KEY)
    assert keeper.on_tab("two", "denoise") == (None, made) and ids(keeper, "two") == []
    keeper.leave("two")
    made.phase = "done"
    keeper.end(name, "denoise", made)
    keeper.meet("three", KEY)
    assert ids(keeper, "three") == [made.id]
    failed = run(keeper, "three", phase="failed")
    assert failed.id not in ids(keeper, "three")


def test_forgetting_stops_what_goes_on_and_leaves_nothing(keeper, tmp_path):
    keeper.meet("one", KEY)
    run(keeper, "one", record(**given(keeper, "one", tmp_path)))
    going = record()
    name = keeper.begin("one", "denoise", going)
    folder = keeper.on_tab("one", "denoise")[0].picture.parent.parent
    keeper.clear("one")
    assert going.cancel_asked and not folder.exists()
    going.phase = "cancelled"
    keeper.end(name, "denoise", going)
    assert ids(keeper, "one") == [] and keeper.tabs("one") == []


def given(keeper, session, tmp_path, colour="blue"):
    path = tmp_path / "photo.png"
    Image.new("RGB", (4, 4), colour).save(path)
    return keeper.copies(session, {"seed": None}, {"image": str(path), "painted": None})


def test_pictures_are_copied_once_and_go_with_what_used_them(keeper, tmp_path):
    keeper.meet("one", KEY)
    first = run(keeper, "one", record(**given(keeper, "one", tmp_path)))
    second = run(keeper, "one", record(**given(keeper, "one", tmp_path)))
    third = run(keeper, "one", record(**given(keeper, "one", tmp_path, "green")))
    copies = [one.given["image"] for one in (first, second, third)]
    assert copies[0] == copies[1] != copies[2] and copies[0].name == "photo.png"
    (tmp_path / "photo.png").unlink()
    keeper.delete("one", first.id)
    assert copies[0].is_file()
    keeper.delete("one", second.id)
    assert not copies[0].exists() and copies[2].is_file()
    placed, newest = keeper.on_tab("one", "denoise")
    assert (placed.picture, placed.name, newest) == (copies[2], "photo.png", third)


def test_what_was_put_on_the_stage_after_a_result_stands_there_alone(keeper, tmp_path):
    keeper.meet("one", KEY)
    made = run(keeper, "one", record(**given(keeper, "one", tmp_path)))
    placed, newest = keeper.on_tab("one", "denoise")
    assert newest is made
    keeper.put("one", "denoise", placed.picture, None, "photo.png")  # the page says it again
    assert keeper.on_tab("one", "denoise")[1] is made
    mask = tmp_path / "mask.png"
    Image.new("L", (4, 4), 255).save(mask)
    keeper.put("one", "denoise", placed.picture, mask, "photo.png")
    placed, newest = keeper.on_tab("one", "denoise")
    assert newest is None and placed.mask.read_bytes() == mask.read_bytes()
    keeper.put("one", "denoise", None, None, "")
    assert keeper.on_tab("one", "denoise") == (None, made)


def test_too_large_or_lost_files_are_not_kept(keeper, tmp_path, monkeypatch):
    keeper.meet("one", KEY)
    assert keeper.copies("one", {}, {"image": str(tmp_path / "none.png")}) == {"image": None}
    monkeypatch.setattr("ddpm_demo.ui.kept.files.MAX_FILE_BYTES", 10)
    assert given(keeper, "one", tmp_path)["image"] is None


def test_the_page_is_told_what_it_shows_and_a_zip_has_it_all(keeper, tmp_path):
    keeper.meet("one", KEY)
    old, new = run(keeper, "one"), run(keeper, "one", tab="deblur")
    shown = told(keeper.results("one"))
    assert [one["id"] for one in shown] == [new.id, old.id]
    assert shown[0]["title"] == {"en": "Deblur", "zh-CN": "去模糊"}
    assert shown[0]["picture"].startswith("data:image/jpeg;base64,") and shown[0]["seed"] == 5
    json.dumps(shown)
    with zipfile.ZipFile(zip_of(keeper.results("one"), tmp_path)) as archive:
        names = archive.namelist()
        assert [name.split("/")[0] for name in names] == ["01-denoise"] * 2 + ["02-deblur"] * 2
        assert json.loads(archive.read("01-denoise/recipe.json"))["seed"] == 5
        archive.extract(names[0], tmp_path)
    assert read_recipe(tmp_path / names[0])["task"] == "denoise"


@pytest.mark.parametrize(
    ("cookies", "handle"),
    [
        ("ddpm_demo_browser=0123456789abcdef", "0123456789abcdef"),
        ("a=b; ddpm_demo_browser=0123456789abcdef; c=d", "0123456789abcdef"),
        ("ddpm_demo_browser=0123456789abcdeX", ""),
        ("ddpm_demo_browser=" + "a" * 5000, ""),
        ("a=b", ""),
        ("\x00;;;=", ""),
    ],
)
def test_a_cookie_says_which_browser_asks_for_the_page(clock, cookies, handle):
    assert handle_in(cookies) == handle
    awaited, answered = Awaited(clock), []

    async def app(scope, receive, send):
        answered.append(scope["path"])

    presence = Presence(app, awaited)
    scope = {"type": "http", "method": "GET", "headers": [(b"cookie", cookies.encode())]}
    asyncio.run(presence({**scope, "path": "/theme.css"}, None, None))
    assert "0123456789abcdef" not in awaited
    asyncio.run(presence({**scope, "path": "/app/", "root_path": "/app"}, None, None))
    assert ("0123456789abcdef" in awaited) == bool(handle)
    assert answered == ["/theme.css", "/app/"]
    clock.now = 31
    assert "0123456789abcdef" not in awaited
