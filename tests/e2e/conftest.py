"""The app as a visitor gets it, in a real Chromium. A missing browser fails, it never skips."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Error, sync_playwright

ROOT = Path(__file__).resolve().parent.parent.parent
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
START_SECONDS = 300


@pytest.fixture(scope="session")
def app_url(tmp_path_factory):
    """`python app.py` in a process of its own, on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("app") / "log.txt"
    command = [sys.executable, "app.py", "--no-browser", "--port", str(port)]
    runs = str(tmp_path_factory.mktemp("runs"))
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "DDPM_DEMO_RUNS": runs}
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, env=environment
        )
    url = f"http://127.0.0.1:{port}/"
    try:
        wait_for(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)
        end_trainers(Path(runs))


def end_trainers(runs):
    """They outlive the app, as they should, and would outlive a failed test, too."""
    from ddpm_demo.jobs import Jobs

    jobs = Jobs(runs)
    for name in jobs.names():
        jobs.discard(name)


def wait_for(url, process, log):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"The app ended before it served a page:\n{log.read_text()}")
        try:
            httpx.get(url, timeout=5)
            return
        except httpx.HTTPError:
            time.sleep(0.2)
    pytest.fail(f"The app served no page within {START_SECONDS} seconds:\n{log.read_text()}")


@pytest.fixture(scope="session")
def serving():
    """`wait_for`, for tests that start a page of their own."""
    return wait_for


@pytest.fixture(scope="session")
def browser():
    program = os.environ.get("DDPM_DEMO_BROWSER") or next(
        filter(None, map(shutil.which, NAMES)), None
    )
    with sync_playwright() as playwright:
        try:
            running = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        except Error as error:
            reason = error.message.splitlines()[0]
            pytest.fail(
                "The end-to-end tests need Chromium or Chrome: install it (on Debian: apt install "
                f"chromium) or name the program in DDPM_DEMO_BROWSER. {reason}"
            )
        yield running
        running.close()


@pytest.fixture
def page(browser, app_url):
    """The app's page, opened by somebody whose browser speaks English; no error may be logged."""
    context = browser.new_context(
        locale="en-GB", viewport={"width": 1280, "height": 900}, accept_downloads=True
    )
    context.set_default_timeout(120_000)
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(app_url)
    page.get_by_role("button", name="Run", exact=True).wait_for()
    yield page
    context.close()
    assert errors == []
