"""A running app with a tiny network, and a client of it."""

import pytest
from gradio_client import Client

from ddpm_demo.ui.app import build_app, launch_options


@pytest.fixture(scope="session")
def app_url(tiny_checkpoint, tmp_path_factory):
    app = build_app("tiny", "en", {"tiny": str(tiny_checkpoint)})
    options = launch_options("127.0.0.1", None, False)
    _, url, _ = app.launch(**options, prevent_thread_lock=True, quiet=True)
    yield url
    app.close()


@pytest.fixture(scope="session")
def client(app_url, tmp_path_factory):
    downloads = tmp_path_factory.mktemp("downloads")
    return Client(app_url, verbose=False, download_files=str(downloads), analytics_enabled=False)
