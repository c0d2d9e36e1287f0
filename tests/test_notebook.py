"""The teachers' notebook, executed as it stands, with seconds instead of minutes."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

NOTEBOOK = Path(__file__).resolve().parent.parent / "docs" / "ddpm_in_forty_lines.ipynb"


def code_cells():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def test_it_is_forty_lines_after_the_imports_and_carries_no_outputs():
    first, *rest = code_cells()
    lines = [line for cell in rest for line in cell.splitlines() if line.strip()]
    assert len(lines) <= 40 and max(map(len, lines)) <= 99
    assert all("ddpm_demo.ui" not in cell and "gradio" not in cell for cell in (first, *rest))
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") for cell in cells)


@pytest.mark.slow
def test_it_runs_from_schedule_to_a_restored_picture(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    pictures = np.zeros((64, 32, 32, 1), np.uint8)
    for picture in pictures:  # bright rectangles stand in for garments
        top, left = rng.integers(4, 12, size=2)
        picture[top : top + 14, left : left + 12] = rng.integers(120, 255)
    np.save(tmp_path / "train.npy", pictures)
    monkeypatch.setenv("DDPM_DATA", str(tmp_path / "train.npy"))
    monkeypatch.setenv("DDPM_SECONDS", "0")
    monkeypatch.setenv("DDPM_OUT", str(tmp_path / "checkpoint"))
    namespace = {}
    shown = []
    for cell in code_cells():
        *body, last = cell.rstrip().splitlines()
        if last.startswith("make_grid("):
            exec("\n".join(body), namespace)
            shown.append(eval(last, namespace))
        else:
            exec(cell, namespace)
    assert len(namespace["losses"]) >= 2 and np.isfinite(namespace["losses"]).all()
    assert [isinstance(picture, Image.Image) for picture in shown] == [True] * 3
    noised, samples, restored = shown
    assert noised.width > 5 * 32 and samples.height > 2 * 32 and restored.width > 3 * 32
    assert (tmp_path / "checkpoint" / "model_index.json").exists()
