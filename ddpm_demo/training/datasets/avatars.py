"""Avatar faces drawn by DiceBear (npm) and rendered by resvg: no photograph of any person.

`faces-64` is the style big-ears. Other styles of the collection are built the same way, for
fine-tuning experiments.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import UserError
from .writing import DatasetInfo, without_copies, write_info, write_split

SIZE_PX = 64
BACKGROUNDS = ("b6e3f4", "c0aede", "d1d4f9", "ffd5dc", "ffdfbf")
NPM_PACKAGES = ("@dicebear/core@9.4.3", "@dicebear/collection@9.4.3", "@resvg/resvg-js@2.6.2")


@dataclass(frozen=True)
class AvatarStyle:
    """One style of DiceBear's collection: `key` as the package exports it."""

    key: str
    title: str
    credit: str
    licence: str = "CC BY 4.0"


BIG_EARS = AvatarStyle("bigEars", "big-ears", "The Visual Team, “Face Generator”")
ADVENTURER = AvatarStyle("adventurer", "adventurer", "Lisa Wischofsky, “Adventurer”")
MICAH = AvatarStyle("micah", "micah", "Micah Lanier, “Avatar Illustration System”")


def build(
    name: str,
    style: AvatarStyle,
    num_train: int,
    num_heldout: int,
    folder: Path,
    say: Callable[[str], None] = print,
) -> DatasetInfo:
    """Draws seeds `seed-0` to `seed-(num_train - 1)` and the next `num_heldout` as 64 x 64 RGB.

    Held-out pictures that equal a training picture are dropped.

    Raises:
        UserError: Node.js or npm is missing, the packages cannot be installed, drawing failed.
    """
    modules = install_packages(say)
    images = draw(style, modules, first=0, count=num_train + num_heldout, say=say)
    train, heldout = images[:num_train], images[num_train:]
    kept = without_copies(heldout, train)
    distinct = len({image.tobytes() for image in train})
    write_split(folder, "train", train)
    write_split(folder, "heldout", kept)
    info = DatasetInfo(
        name=name,
        title=f"avatar faces, DiceBear style {style.title}, {SIZE_PX} x {SIZE_PX} RGB",
        packages=tuple(f"npm {package}" for package in NPM_PACKAGES),
        licence=style.licence,
        credit=style.credit,
        counts={"train": len(train), "heldout": len(kept)},
        notes=(
            f"seeds seed-0 to seed-{num_train - 1}, {distinct} of them different pictures; "
            f"held out: the next {num_heldout} seeds less {len(heldout) - len(kept)} "
            "whose picture is also in the training set",
            "backgrounds " + " ".join(BACKGROUNDS),
        ),
    )
    write_info(folder, info)
    return info


def install_packages(say: Callable[[str], None] = print) -> Path:
    """The folder that holds the npm packages: installed at the first call, then kept.

    Raises:
        UserError: no `npm` or `node` on the path, or npm could not get the packages.
    """
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise UserError(
                "program_missing",
                "The program “{program}” is needed to build this data set; "
                "install Node.js with npm.",
                program=program,
            )
    folder = cache_folder() / "npm"
    if all((folder / "node_modules" / p.rpartition("@")[0]).is_dir() for p in NPM_PACKAGES):
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    say("installing " + ", ".join(NPM_PACKAGES))
    (folder / "package.json").write_text('{"private": true}\n', encoding="utf-8")
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *NPM_PACKAGES]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise UserError(
            "npm_failed",
            "npm could not install {packages}: {reason}",
            packages=", ".join(NPM_PACKAGES),
            reason=last_line(done.stderr),
        )
    return folder


def draw(
    style: AvatarStyle, modules: Path, first: int, count: int, say: Callable[[str], None] = print
) -> np.ndarray:
    """Avatars of seeds `seed-first` ..., uint8 [count, 64, 64, 3].

    Raises:
        UserError: the drawing program failed.
    """
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "pixels.raw"
        job = {
            "style": style.key,
            "backgrounds": BACKGROUNDS,
            "sizePx": SIZE_PX,
            "first": first,
            "count": count,
            "modules": str(modules),
            "out": str(out),
        }
        say(f"drawing {count} avatars of style {style.title}")
        script = Path(__file__).with_name("render_avatars.mjs")
        command = ["node", str(script), json.dumps(job)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise UserError(
                "avatars_failed",
                "The avatars could not be drawn: {reason}",
                reason=last_line(done.stderr),
            )
        pixels = np.fromfile(out, dtype=np.uint8)
    return pixels.reshape(count, SIZE_PX, SIZE_PX, 3)


def cache_folder() -> Path:
    """Where this program may keep what it can fetch again."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "ddpm_demo"


def last_line(text: str) -> str:
    """The last line of a program's complaint that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
