"""An app of a benchmark's own, as `python app.py` starts it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent


def start(folder: str | Path) -> tuple[subprocess.Popen[str], str]:
    """(process, address) of an app on a free port once it answers.

    Args:
        folder: for its temporary files and its training runs.
    """
    words = [sys.executable, "app.py", "--no-browser", "--port", "0"]
    environment = {**os.environ, "TMPDIR": str(folder), "DDPM_DEMO_RUNS": f"{folder}/runs"}
    process = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"http://\S+", line):
            threading.Thread(target=process.stdout.read, daemon=True).start()
            url = found[0].rstrip("/") + "/"
            while True:
                try:
                    httpx.get(url, timeout=5)
                    return process, url
                except httpx.HTTPError:
                    time.sleep(0.05)
    sys.exit("The app did not start.")
