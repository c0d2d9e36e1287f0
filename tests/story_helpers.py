"""Runs the scripts of the How it works tab without a browser, on the Node that playwright has."""

import json
import subprocess
from pathlib import Path

import numpy as np
import playwright

from ddpm_demo.ui.tabs.process.web import CORE, PAGE, source

NODE = Path(playwright.__file__).parent / "driver" / "node"


def in_node(body, tmp_path, **given):
    """What the function body `body` returns, with `story` and `given` at hand.

    Arrays go there as lists and come back as lists.
    """
    values = {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in given.items()
    }
    script = tmp_path / "script.js"
    script.write_text(
        f"{source(*CORE, *PAGE)}\nconst story = globalThis.ddpmStory;\n"
        f"const given = {json.dumps(values)};\n"
        "const plain = (key, value) => ArrayBuffer.isView(value) ? [...value] : value;\n"
        f"const found = (() => {{ {body} }})();\n"
        "process.stdout.write(JSON.stringify(found, plain));\n",
        encoding="utf-8",
    )
    done = subprocess.run([str(NODE), str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
