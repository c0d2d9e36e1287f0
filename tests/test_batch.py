"""Many pictures by one command: each once, whoever is killed; what fails is named."""

import csv
import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ddpm_demo.batch import journal, report, sources, work
from ddpm_demo.batch.journal import Entry, Journal
from ddpm_demo.batch.masks import Masks
from ddpm_demo.cli import main
from ddpm_demo.errors import UserError
from ddpm_demo.pictures import saving
from ddpm_demo.pictures.png_recipe import read_recipe
from ddpm_demo.pipeline import DDPM
from ddpm_demo.tasks.denoise import DenoiseRecipe

ROOT = Path(__file__).resolve().parent.parent


def picture(seed=0, size=(16, 16)):
    values = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3))
    return Image.fromarray(values.astype(np.uint8))


def fill(folder, count=20, broken=(3, 11)):
    """So many small pictures of several formats, some of them broken; names of the broken ones."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"p{i}.{('png', 'jpg', 'webp', 'tif')[i % 4]}" for i in range(count)]
    for index, name in enumerate(names):
        picture(index).save(folder / name)
        if index in broken:
            whole = (folder / name).read_bytes()
            (folder / name).write_bytes(whole[: len(whole) // 3])
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden.png").write_bytes(b"no picture")
    return {names[index] for index in broken}


@pytest.fixture
def command(tiny_checkpoint, capsys):
    def run(*words, task="denoise"):
        line = [task, *map(str, words), "--checkpoint", str(tiny_checkpoint), "--num-steps", "1"]
        line += ["--sigma-255", "9"] if task == "denoise" else []
        code = main(line)
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_what_was_done_before_is_told_and_nothing_else_is(command, tmp_path):
    for name in "ab":
        picture(ord(name)).save(tmp_path / f"{name}.png")
    words = [tmp_path / "a.png", tmp_path / "b.png", "--out", tmp_path / "out"]
    code, _, told = command(*words)
    assert code == 0 and "2 done, 0 failed" in told and "before" not in told
    picture(1).save(tmp_path / "c.png")
    code, _, told = command(tmp_path / "c.png", *words)
    assert code == 0 and "3 done, 2 of them before; 0 failed" in told


def results(out):
    """Names of the pictures in a folder of results, all of them whole."""
    found = sorted(p.name for p in out.iterdir() if not p.name.startswith("batch-"))
    for name in found:
        Image.open(out / name).load()
    return found


def table(out):
    text = (out / report.CSV_NAME).read_bytes().decode("utf-8-sig")
    return {Path(row["source"]).name: row for row in csv.DictReader(io.StringIO(text))}


def test_a_folder_gives_a_result_each_and_a_report(command, tmp_path):
    broken = fill(tmp_path / "in")
    code, out, err = command(tmp_path / "in", "--out", tmp_path / "out", "--json")
    assert code == 1
    names = results(tmp_path / "out")
    assert len(names) == 18 and names[0] == "p0-denoised.png"
    assert {Path(n).suffix for n in names} == {".png", ".jpg", ".webp", ".tif"}
    told = json.loads(out)
    assert len(told["files"]) == 20 and len(told["pictures"]) == 20
    rows = table(tmp_path / "out")
    assert {name for name, row in rows.items() if row["status"] == "failed"} == broken
    assert all(rows[name]["error"] == "image_unreadable" for name in broken)
    done = rows["p0.png"]
    assert done["sigma_255"] == "9" and float(done["seconds"]) > 0 and done["width"] == "16"
    saved = json.loads((tmp_path / "out" / report.JSON_NAME).read_text())
    assert (saved["done"], saved["failed"], saved["waiting"]) == (18, 2, 0)
    assert saved["recipe"]["task"] == "denoise"


def test_psnr_is_in_the_report_where_it_is_known(command, tmp_path):
    fill(tmp_path / "in", 2, ())
    command(tmp_path / "in", "--out", tmp_path / "out", "--add-noise-255", "20")
    row = table(tmp_path / "out")["p0.png"]
    assert float(row["psnr"]) > 5 and -1 < float(row["ssim"]) < 1


def dying(command, words, moment):
    """Run the command in a process of its own that is killed at a moment; -9 is expected."""
    child = os.fork()
    if not child:
        try:
            moment()
            command(*words)
        finally:
            os._exit(3)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def in_the_midst_of_a_picture():
    real, seen = saving.write_whole, []

    def half(path, content):
        seen.append(path)
        if len(seen) == 8:
            path.with_name(f".{path.name}.{os.getpid()}.part").write_bytes(content[:40])
            kill()
        real(path, content)

    saving.write_whole = half


def between_a_picture_and_its_line():
    seen = []
    real = Journal.add

    def never(self, entry):
        seen.append(entry)
        if len(seen) == 8:
            kill()
        real(self, entry)

    Journal.add = never


def in_the_midst_of_a_line():
    seen = []
    real = Journal.add

    def half(self, entry):
        seen.append(entry)
        if len(seen) == 8:
            with self.path.open("ab") as file:
                file.write(b'{"source": "' + entry.source.encode()[:9])
            kill()
        real(self, entry)

    Journal.add = half


@pytest.mark.parametrize(
    "moment", [in_the_midst_of_a_picture, between_a_picture_and_its_line, in_the_midst_of_a_line]
)
def test_killed_and_given_again_each_is_there_once(command, tmp_path, moment):
    broken = fill(tmp_path / "in")
    words = (tmp_path / "in", "--out", tmp_path / "out")
    assert dying(command, words, moment) == -signal.SIGKILL
    before = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out").glob("p*-denoised.*")}
    assert 6 <= len(before) <= 8
    known = {
        name for entry in Journal(tmp_path / "out").entries().values() for name in entry.files
    }
    assert command(*words)[0] == 1
    names = results(tmp_path / "out")
    assert len(names) == 18 and not any("-2" in name for name in names)
    assert not list((tmp_path / "out").glob(".*"))
    for name in known:  # what was written down is not done again
        assert (tmp_path / "out" / name).stat().st_mtime_ns == before[name]
    rows = table(tmp_path / "out")
    assert {name for name, row in rows.items() if row["status"] == "failed"} == broken
    assert len(known) >= 6


def test_given_again_nothing_is_loaded(command, tmp_path, monkeypatch):
    fill(tmp_path / "in", 3, ())
    words = (tmp_path / "in", "--out", tmp_path / "out")
    assert command(*words)[0] == 0

    def never(*_):
        raise AssertionError("loaded")

    monkeypatch.setattr(DDPM, "from_pretrained", never)
    assert command(*words)[0] == 0


def test_changed_pictures_and_other_settings_are_done_beside(command, tmp_path):
    fill(tmp_path / "in", 2, ())
    words = (tmp_path / "in", "--out", tmp_path / "out")
    command(*words)
    picture(77).save(tmp_path / "in" / "p0.png")
    command(*words)
    assert results(tmp_path / "out") == ["p0-denoised-2.png", "p0-denoised.png", "p1-denoised.jpg"]
    command(*words, "--seed", "5")
    assert "p1-denoised-2.jpg" in results(tmp_path / "out")
    (tmp_path / "out" / "p1-denoised.jpg").unlink()  # a result that is gone is made again
    command(*words)
    assert "p1-denoised.jpg" in results(tmp_path / "out")


def test_pictures_of_one_name_are_kept_apart(command, tmp_path):
    for seed, folder in enumerate(("a", "b")):
        (tmp_path / folder).mkdir()
        picture(seed).save(tmp_path / folder / "x.png")
    words = [tmp_path / "a" / "x.png", tmp_path / "b" / "x.png", "--out", tmp_path / "out"]
    for _ in range(2):
        assert command(*words)[0] == 0
        assert results(tmp_path / "out") == ["x-denoised-2.png", "x-denoised.png"]
    hashes = {read_recipe(tmp_path / "out" / n)["input_hash"] for n in results(tmp_path / "out")}
    assert len(hashes) == 2


def test_one_by_one_pictures_of_one_name_are_kept_apart(command, tmp_path):
    for seed, folder in enumerate(("a", "b")):
        (tmp_path / folder).mkdir()
        picture(seed).save(tmp_path / folder / "x.png")
        assert command(tmp_path / folder / "x.png", "--out", tmp_path / "out")[0] == 0
    assert {"x-denoised.png", "x-denoised-2.png"} <= set(results(tmp_path / "out"))


def test_folders_within_folders_stay_and_results_are_no_pictures(command, tmp_path):
    fill(tmp_path / "in", 1, ())
    fill(tmp_path / "in" / "sub", 1, ())
    fill(tmp_path / "in" / ".git", 1, ())
    for _ in range(2):  # into the very folder of the pictures
        code, out, _ = command(tmp_path / "in", "--out", tmp_path / "in", "--json")
        assert code == 0 and len(json.loads(out)["pictures"]) == 2
    assert (tmp_path / "in" / "sub" / "p0-denoised.png").is_file()
    assert len(list((tmp_path / "in").rglob("*-denoised*"))) == 2
    code, out, _ = command(tmp_path / "in", "--out", tmp_path / "in" / "out", "--json")
    assert "out" not in {Path(row["source"]).parent.name for row in json.loads(out)["pictures"]}


@pytest.mark.parametrize("words", [["p?.png", "p1.jpg"], ["*"], ["p[01].*"], ["p0.png", "p?.*"]])
def test_globs_and_names_mean_each_picture_once(words, tmp_path, monkeypatch):
    fill(tmp_path, 2, ())
    monkeypatch.chdir(tmp_path)
    assert sources.means_several(words)
    assert [str(s.path) for s in sources.find(words)] == ["p0.png", "p1.jpg"]


def test_a_file_whose_name_looks_like_a_glob_is_that_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture().save("p[1].png")
    assert not sources.means_several(["p[1].png"])
    assert [str(s.path) for s in sources.find(["p[1].png"])] == ["p[1].png"]


def test_names_are_sorted_as_people_do(tmp_path):
    for name in ("10.png", "2.png", "b.PNG", "A.jpeg"):
        picture().save(tmp_path / name)
    found = [source.path.name for source in sources.find([str(tmp_path)])]
    assert found == ["2.png", "10.png", "A.jpeg", "b.PNG"]


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize(("word", "said"), [("empty", "empty"), ("none*.png", "none*.png")])
def test_a_folder_with_nothing_is_one_sentence(
    command, tmp_path, monkeypatch, word, said, language
):
    monkeypatch.setenv("DDPM_DEMO_LANGUAGE", language)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("")
    code, _, err = command(tmp_path / word, "--out", tmp_path / "out")
    assert code == 2 and err.count("\n") == 1 and said in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("options", [["--grid"], ["--animation", "gif"], ["--format", "exe"]])
def test_options_that_do_not_go_with_many_are_one_sentence(command, tmp_path, options):
    fill(tmp_path / "in", 2, ())
    code, _, err = command(tmp_path / "in", "--out", tmp_path / "out", *options)
    assert code == 2 and err.count("\n") == 1 and not (tmp_path / "out").exists()


def test_a_missing_file_is_named_and_the_others_done(command, tmp_path):
    picture().save(tmp_path / "a.png")
    code, _, err = command(tmp_path / "a.png", tmp_path / "no.png", "--out", tmp_path / "out")
    assert code == 1 and results(tmp_path / "out") == ["a-denoised.png"]
    assert table(tmp_path / "out")["no.png"]["error"] == "image_missing" and "no.png" in err


def test_a_fault_of_the_program_does_not_end_the_rest(command, tmp_path, monkeypatch):
    fill(tmp_path / "in", 3, ())
    real, seen = work.save_result, []

    def faulty(*args, **more):
        seen.append(args)
        if len(seen) == 2:
            raise ZeroDivisionError("a fault")
        return real(*args, **more)

    monkeypatch.setattr(work, "save_result", faulty)
    assert command(tmp_path / "in", "--out", tmp_path / "out")[0] == 1
    row = table(tmp_path / "out")["p1.jpg"]
    assert row["error"] == "batch_unexpected" and "ZeroDivisionError: a fault" in row["message"]
    assert len(results(tmp_path / "out")) == 2


@pytest.mark.parametrize("where", ["picture", "journal"])
def test_a_disk_that_fills_up_is_one_sentence_and_nothing_is_lost(
    command, tmp_path, monkeypatch, where
):
    fill(tmp_path / "in", 6, ())
    words = (tmp_path / "in", "--out", tmp_path / "out")
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with monkeypatch.context() as patch:
        if where == "picture":
            real = Path.write_bytes

            def write_bytes(self, content):
                if "p3" in self.name:
                    real(self, content[:50])
                    raise full
                return real(self, content)

            patch.setattr(Path, "write_bytes", write_bytes)
        else:
            real_add = Journal.add

            def add(self, entry):
                if "p3" in entry.source:
                    with journal.writing(self.path):
                        raise full
                real_add(self, entry)

            patch.setattr(Journal, "add", add)
        code, _, err = command(*words)
    assert code == 2 and err.count("\n") == 1 and "No space left on device" in err
    assert len(results(tmp_path / "out")) == (3 if where == "picture" else 4)
    assert not list((tmp_path / "out").glob(".*"))
    assert command(*words)[0] == 0
    assert len(results(tmp_path / "out")) == 6


def test_a_mask_for_all_and_a_mask_for_each(command, tmp_path):
    fill(tmp_path / "in", 2, ())
    mask = Image.new("L", (16, 16), 0)
    mask.paste(255, (4, 4, 9, 9))
    mask.save(tmp_path / "mask.png")
    (tmp_path / "masks").mkdir()
    mask.save(tmp_path / "masks" / "p0.bmp")
    for name, failed in (("mask.png", 0), ("masks", 1)):
        out = tmp_path / f"out-{name}"
        code, _, err = command(
            tmp_path / "in", "--mask", tmp_path / name, "--out", out, task="inpaint"
        )
        assert code == failed and len(results(out)) == 2 - failed
        known = np.asarray(mask) == 0
        before, after = Image.open(tmp_path / "in" / "p0.png"), Image.open(out / results(out)[0])
        assert (np.asarray(before)[known] == np.asarray(after)[known]).all()
    assert table(out)["p1.jpg"]["error"] == "batch_mask_missing"


def test_a_recipe_is_done_on_many(command, tmp_path, tiny_checkpoint, capsys):
    fill(tmp_path / "in", 2, ())
    command(tmp_path / "in" / "p0.png", "--out", tmp_path / "one")
    recipe = tmp_path / "one" / "p0-denoised.png"
    recipe = {**read_recipe(recipe), "checkpoint": str(tiny_checkpoint)}
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    words = ["run", "--recipe", tmp_path / "recipe.json", tmp_path / "in", "--out"]
    assert main([*map(str, words), str(tmp_path / "out")]) == 0
    assert len(results(tmp_path / "out")) == 2


def test_shares_of_several_processes_add_up(tiny_checkpoint, tmp_path):
    broken = fill(tmp_path / "in", 7, (3,))
    found = sources.find([str(tmp_path / "in")])
    recipe = DenoiseRecipe(checkpoint=str(tiny_checkpoint), num_steps=1, sigma_255=9.0)
    batch = work.Batch(recipe, found, tmp_path / "out")
    for index in (2, 0, 1):
        list(work.work(batch, lambda name: DDPM.from_pretrained(name, "cpu"), (index, 3)))
    rows = report.rows(batch)
    assert report.count(rows, "done") == 6 and report.count(rows, "failed") == len(broken)
    assert len(results(tmp_path / "out")) == 6


def test_closing_the_work_keeps_what_is_done(tiny_checkpoint, tmp_path):
    fill(tmp_path / "in", 4, ())
    found = sources.find([str(tmp_path / "in")])
    recipe = DenoiseRecipe(checkpoint=str(tiny_checkpoint), num_steps=1, sigma_255=9.0)
    batch = work.Batch(recipe, found, tmp_path / "out")
    items = work.work(batch, lambda name: DDPM.from_pretrained(name, "cpu"))
    while not isinstance(item := next(items), work.Done) or item.index < 1:
        pass
    items.close()
    rows = report.rows(batch)
    assert report.count(rows, "done") == 2 and report.count(rows, "waiting") == 2


def test_damaged_lines_of_a_journal_are_left_out(tmp_path):
    book = Journal(tmp_path)
    book.add(Entry("/a", "s", files=("a.png",)))
    with book.path.open("ab") as file:
        file.write(b'\x00\xff{"source"\n[1]\n{"source": 3}\n{"source": "/b", "sett')
    book.add(Entry("/c", "s"))
    assert {source for source, _ in book.entries()} == {"/a", "/c"}


def test_a_name_in_the_table_is_no_formula(tmp_path):
    rows = [{**dict.fromkeys(report.COLUMNS), "source": "=1+1.png", "files": []}]
    assert "'=1+1.png" in report._csv(rows).decode("utf-8-sig")


def test_a_mask_that_is_missing_is_one_sentence(tmp_path):
    (tmp_path / "masks").mkdir()
    with pytest.raises(UserError) as caught:
        Masks(str(tmp_path / "masks")).of(sources.Source(Path("x.png")))
    assert caught.value.key == "batch_mask_missing"


@pytest.mark.long
def test_two_hundred_pictures_killed_half_way(tiny_checkpoint, tmp_path):
    """Through real processes, two of them, killed with -9 when about half is done."""
    broken = fill(tmp_path / "in", 200, (3, 50, 101, 150, 199))
    out = tmp_path / "out"
    line = [sys.executable, "-m", "ddpm_demo", "denoise", str(tmp_path / "in"), "--out", str(out)]
    line += ["--checkpoint", str(tiny_checkpoint), "--num-steps", "1", "--sigma-255", "9"]
    quiet = {"cwd": ROOT, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(line, **quiet, start_new_session=True)
    while process.poll() is None and len(list(out.glob("p*"))) < 90:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    half = len(list(out.glob("p*")))
    assert 90 <= half < 195
    assert subprocess.run([*line, "--num-processes", "2"], **quiet).returncode == 1
    names = results(out)
    assert len(names) == 195 and len(set(names)) == 195 and not any("-2." in n for n in names)
    rows = table(out)
    assert {name for name, row in rows.items() if row["status"] == "failed"} == broken
    assert len(rows) == 200
