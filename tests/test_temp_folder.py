"""What a killed app leaves behind is swept by the next one, and nothing of a living one is."""

import os
import subprocess
import sys
import time

from ddpm_demo.checkpoints.library import ROOT
from ddpm_demo.ui.temp_folder import PREFIX, sweep

APP = """
import sys, tempfile, time
from ddpm_demo.ui.temp_folder import use_own_folder
folder = use_own_folder(sys.argv[1])
(folder / "upload.png").write_bytes(b"x")
assert tempfile.mkdtemp().startswith(str(folder))
print(folder, flush=True)
sys.stdin.read()
"""


def started(root):
    process = subprocess.Popen(
        [sys.executable, "-c", APP, str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    )
    return process, process.stdout.readline().strip()


def test_left_overs_of_a_killed_app_go_and_a_living_app_keeps_its_own(tmp_path):
    living, kept = started(tmp_path)
    killed, left = started(tmp_path)
    killed.kill()
    killed.wait()
    assert os.path.isdir(left)
    assert [str(folder) for folder in sweep(tmp_path)] == [left]
    assert os.listdir(kept) and not os.path.exists(left)
    living.communicate("")  # it ends by itself, and takes its folder with it
    assert living.returncode == 0 and list(tmp_path.iterdir()) == []


def test_what_is_not_ours_or_is_young_is_left_alone(tmp_path):
    young, old, other = (tmp_path / name for name in (f"{PREFIX}young", f"{PREFIX}old", "mine"))
    for folder in (young, old, other):
        folder.mkdir()
    (tmp_path / f"{PREFIX}link").symlink_to(other)
    hour_ago = time.time() - 3600
    os.utime(old, (hour_ago, hour_ago))
    assert sweep(tmp_path) == [old]
    assert young.is_dir() and other.is_dir() and (tmp_path / f"{PREFIX}link").is_symlink()
