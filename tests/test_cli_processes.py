"""Sampling shared by several processes: the very same pictures, however many there are."""

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ddpm_demo.cli import bulk, main
from ddpm_demo.core.device import process_share
from ddpm_demo.evaluation import samples
from ddpm_demo.pipeline import DDPM
from ddpm_demo.tasks.generate import GenerateRecipe
from ddpm_demo.training.launch import launcher

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def generate(checkpoint, out, *options):
    argv = ["generate", "--checkpoint", str(checkpoint), "--num-steps", "2", "--out", str(out)]
    return main([*argv, *options])


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(bulk, "BATCH", 4)
    monkeypatch.setattr(
        "ddpm_demo.tasks.generate.MAX_IMAGES", 16
    )  # the number without --num-images


def as_one_of(monkeypatch, index, count):
    monkeypatch.setenv("WORLD_SIZE", str(count))
    monkeypatch.setattr("ddpm_demo.core.device.process_share", lambda: (index, count))


def test_shares_of_one_two_and_three_processes_add_up_to_the_same_files(
    tiny_checkpoint, tmp_path, monkeypatch, small_batches
):
    for count in (1, 2, 3):
        for index in range(count):
            as_one_of(monkeypatch, index, count)
            out = tmp_path / str(count)
            assert generate(tiny_checkpoint, out, "--num-images", "18", "--seed", "7") == 0
    one = contents(tmp_path / "1")
    assert sorted(one) == sorted(f"seed-{seed}.png" for seed in range(7, 25))
    assert contents(tmp_path / "2") == one and contents(tmp_path / "3") == one


def test_pictures_of_many_are_those_of_a_single_run(
    tiny_checkpoint, tmp_path, monkeypatch, small_batches
):
    assert generate(tiny_checkpoint, tmp_path / "many", "--num-images", "17") == 0
    assert generate(tiny_checkpoint, tmp_path / "one", "--num-images", "1", "--seed", "9") == 0
    pixels = [np.asarray(Image.open(tmp_path / x / "seed-9.png")) for x in ("many", "one")]
    np.testing.assert_array_equal(*pixels)


def test_a_command_given_again_goes_on_where_it_ended(
    tiny_checkpoint, tmp_path, monkeypatch, small_batches, capsys
):
    options = ("--num-images", "17", "--json")
    assert generate(tiny_checkpoint, tmp_path, *options) == 0
    whole = contents(tmp_path)
    capsys.readouterr()
    (tmp_path / "seed-5.png").unlink()
    (tmp_path / "seed-9.png").write_bytes(b"half a file")
    assert generate(tiny_checkpoint, tmp_path, *options) == 0
    assert contents(tmp_path) == whole
    out, said = capsys.readouterr()
    assert "8 pictures in" in said and "9 were there" in said
    assert json.loads(out)["num_images"] == 17 and json.loads(out)["files"] == [str(tmp_path)]
    # Of another recipe they are not the same pictures.
    assert generate(tiny_checkpoint, tmp_path, *options, "--sampler", "ddpm") == 0
    assert "0 were there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--num-images", "300", "--grid"), "--grid"),
        (("--num-images", "2", "--num-processes", "2", "--animation", "gif"), "--animation"),
        (("--num-images", "2", "--num-processes", "0"), "num_processes must be between 1 and"),
        (("--num-images", str(10**8)), "num_images must be between 1 and"),
    ],
)
def test_what_does_not_go_together_is_one_sentence(
    tiny_checkpoint, tmp_path, capsys, options, words
):
    assert generate(tiny_checkpoint, tmp_path / "out", *options) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1
    assert not (tmp_path / "out").exists() or contents(tmp_path / "out") == {}


def test_alone_a_process_has_everything(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert process_share() == (0, 1)


@pytest.mark.parametrize("count", [2, 3])
def test_evaluation_gets_all_pictures_from_shares(tiny_checkpoint, monkeypatch, count):
    """Processes as threads that meet where they give one another their batches."""
    ddpm = DDPM.from_pretrained(str(tiny_checkpoint))
    recipe = GenerateRecipe(checkpoint=str(tiny_checkpoint), num_steps=2, seed=3)
    alone = samples.sample_images(ddpm, recipe, 11, batch_size=2)
    local, meeting, sent = threading.local(), threading.Barrier(count, timeout=60), {}

    def gather(rows):
        sent[local.index] = rows
        meeting.wait()
        gathered = torch.cat([sent[index] for index in range(count)])
        meeting.wait()
        return gathered

    def process(index):
        local.index = index
        return samples.sample_images(ddpm, recipe, 11, batch_size=2)

    monkeypatch.setattr(samples, "process_share", lambda: (local.index, count))
    monkeypatch.setattr(samples, "gather", gather)
    with ThreadPoolExecutor(count) as pool:
        for together in pool.map(process, range(count)):
            np.testing.assert_array_equal(together, alone)


SHARED = """
import sys
import numpy as np
from ddpm_demo.cli import main
from ddpm_demo.core.device import process_share
from ddpm_demo.evaluation.samples import sample_images
from ddpm_demo.pipeline import DDPM
from ddpm_demo import GenerateRecipe

checkpoint, folder = sys.argv[1:]
words = ["generate", "--checkpoint", checkpoint, "--num-steps", "2", "--num-images", "320"]
assert main([*words, "--out", f"{folder}/2"]) == 0
recipe = GenerateRecipe(checkpoint=checkpoint, num_steps=2)
images = sample_images(DDPM.from_pretrained(checkpoint), recipe, 320)
np.save(f"{folder}/{process_share()[0]}.npy", images)
if process_share()[0] == 0:  # as `evaluate`: the other one goes
    import torch
    from ddpm_demo.evaluation.distances import fid, kid
    features = torch.randn(12, 4, generator=torch.Generator().manual_seed(0))
    distances = [kid(features, features + 1).mean, fid(features, features + 1)]
    np.save(f"{folder}/distances.npy", distances)
"""


@pytest.mark.slow
def test_real_processes_make_the_pictures_of_one(tiny_checkpoint, tmp_path):
    """Three as `--num-processes` starts them, two as `accelerate launch` does."""
    assert generate(tiny_checkpoint, tmp_path / "1", "--num-images", "320") == 0
    one = contents(tmp_path / "1")
    assert len(one) == 320

    words = ["generate", "--checkpoint", str(tiny_checkpoint), "--num-steps", "2"]
    words += ["--num-images", "320", "--out", str(tmp_path / "3"), "--num-processes", "3"]
    said = run_words([sys.executable, "-m", "ddpm_demo", *words])
    # Seven batches: three (the last is short), two and two.
    for line in ("1 of 3: 120 pictures", "2 of 3: 100 pictures", "3 of 3: 100 pictures"):
        assert line in said
    assert contents(tmp_path / "3") == one

    code = tmp_path / "shared.py"
    code.write_text(SHARED)
    said = run_words([*launcher(2), str(code), str(tiny_checkpoint), str(tmp_path)])
    assert "1 of 2: 170 pictures" in said and "2 of 2: 150 pictures" in said
    assert contents(tmp_path / "2") == one
    wanted = [np.asarray(Image.open(tmp_path / "1" / f"seed-{seed}.png")) for seed in range(320)]
    for index in (0, 1):
        np.testing.assert_array_equal(np.load(tmp_path / f"{index}.npy"), np.stack(wanted))
    distances = np.load(tmp_path / "distances.npy")
    assert distances[0] > 0 and distances[1] == pytest.approx(4, rel=1e-3)  # |1, 1, 1, 1|^2


def run_words(words):
    done = subprocess.run(
        words,
        cwd=ROOT,
        env={**ENVIRONMENT, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-8000:]  # the launcher says a lot after the reason
    return done.stderr


def test_no_process_leaves_before_the_others_are_there(tmp_path):
    """One with nothing to do was gone while another had still to reach it ("connection closed by
    peer"): in one run of fifteen on a busy machine, always where the other one is late."""
    code = tmp_path / "late.py"
    code.write_text(LATE)
    run_words([*launcher(2), str(code), str(tmp_path)])
    assert contents(tmp_path / "met") == {"0": b"2", "1": b"2"}


LATE = """
import os, sys, time
from pathlib import Path
from torch import distributed

index, folder = os.environ["RANK"], Path(sys.argv[1]) / "met"
make = distributed.init_process_group

def late(*arguments, **named):
    made = make(*arguments, **named)
    if index == "1":
        time.sleep(3)
        folder.mkdir()
    return made

distributed.init_process_group = late
from ddpm_demo.core.device import process_share
count = process_share()[1]
(folder / index).write_text(str(count))  # no such folder yet for one that has not waited
"""


def test_a_process_leaves_the_others_before_it_ends(tmp_path):
    """One that did not was aborted at its end in one run of twelve."""
    code = tmp_path / "left.py"
    code.write_text(LEFT)
    run_words([*launcher(2), str(code), str(tmp_path)])
    assert contents(tmp_path / "left") == {"0": b"True False", "1": b"True False"}


LEFT = """
import atexit, sys
from pathlib import Path
import torch

folder, said = Path(sys.argv[1]) / "left", []
folder.mkdir(exist_ok=True)

@atexit.register  # handlers run last in, first out: this one after what follows
def tell():
    said.append(torch.distributed.is_initialized())
    (folder / str(index)).write_text(" ".join(map(str, said)))

from ddpm_demo.core.device import process_share
index, count = process_share()
said.append(torch.distributed.is_initialized())
"""
