"""Checkpoints from the Hub, against a local stand-in for its cache and for its server."""

import hashlib
import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import pytest
from huggingface_hub import HfApi, constants
from huggingface_hub.utils import close_session

from ddpm_demo.checkpoints import hub
from ddpm_demo.checkpoints.library import find, load, load_guide
from ddpm_demo.errors import UserError

SHA = "0123456789abcdef0123456789abcdef01234567"
PICKLE_SHA = "f" * 40


@pytest.fixture(autouse=True)
def fresh_session():
    """The Hub client keeps its connection, and with it whether it is online."""
    close_session()
    yield
    close_session()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty Hub cache."""
    folder = tmp_path / "hub"
    folder.mkdir()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder))
    return folder


@pytest.fixture
def cached_snapshot(cache, tiny_checkpoint):
    """The tiny checkpoint in the cache as owner/tiny, as huggingface_hub lays it out."""
    repository = cache / "models--owner--tiny"
    (repository / "refs").mkdir(parents=True)
    for revision in ("main", "v1"):
        (repository / "refs" / revision).write_text(SHA)
    blobs = repository / "blobs"
    blobs.mkdir()
    snapshot = repository / "snapshots" / SHA
    for file in tiny_checkpoint.rglob("*.*"):
        link = snapshot / file.relative_to(tiny_checkpoint)
        link.parent.mkdir(parents=True, exist_ok=True)
        blob = blobs / hashlib.sha256(file.read_bytes()).hexdigest()
        shutil.copy(file, blob)
        link.symlink_to(blob)
    return snapshot


class HubServer(ThreadingHTTPServer):
    """The few answers of the Hub that a download asks for; `repositories` maps ids to files."""

    def __init__(self, repositories):
        self.repositories = repositories
        self.asked = []
        super().__init__(("127.0.0.1", 0), HubHandler)


class HubHandler(BaseHTTPRequestHandler):
    def do_HEAD(self):  # noqa: N802
        self.answer(body=False)

    def do_GET(self):  # noqa: N802
        self.answer(body=True)

    def answer(self, body):
        path = unquote(urlsplit(self.path).path).strip("/")
        self.server.asked.append(path)
        for repo_id, (sha, files) in self.server.repositories.items():
            listing = [
                {"rfilename": name, "size": len(content)} for name, content in files.items()
            ]
            tree = [
                {"type": "file", "path": name, "size": len(content), "oid": oid(content)}
                for name, content in files.items()
            ]
            if path in (f"api/models/{repo_id}", f"api/models/{repo_id}/revision/{sha}"):
                info = {"id": repo_id, "modelId": repo_id, "sha": sha, "siblings": listing}
                return self.send(json.dumps(info).encode(), body)
            if path.startswith(f"api/models/{repo_id}/tree/{sha}"):
                return self.send(json.dumps(tree).encode(), body)
            prefix = f"{repo_id}/resolve/{sha}/"
            if path.startswith(prefix) and path.removeprefix(prefix) in files:
                content = files[path.removeprefix(prefix)]
                headers = {"X-Repo-Commit": sha, "ETag": f'"{oid(content)}"'}
                return self.send(content, body, headers)
            if path.startswith(f"api/models/{repo_id}/revision/"):
                return self.send(b"{}", body, {"X-Error-Code": "RevisionNotFound"}, 404)
        return self.send(b"{}", body, {"X-Error-Code": "RepoNotFound"}, 404)

    def send(self, content, body, headers=None, status=200):
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *args):
        pass


def oid(content):
    return hashlib.sha1(content).hexdigest()


@pytest.fixture
def server(cache, tiny_checkpoint, monkeypatch):
    """A running stand-in with owner/tiny and a repository of pickles, for the Hub client."""
    files = {
        str(file.relative_to(tiny_checkpoint)): file.read_bytes()
        for file in tiny_checkpoint.rglob("*.*")
    }
    extra = {"huge.bin": b"not wanted", "unet/extra.py": b"not wanted"}
    pickles = {"unet/config.json": b"{}", "unet/diffusion_pytorch_model.bin": b"pickle"}
    server = HubServer(
        {
            "owner/tiny": (SHA, {**files, **extra}),
            "owner/pickles": (PICKLE_SHA, pickles),
        }
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    go_online(monkeypatch, endpoint)
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def go_online(monkeypatch, endpoint):
    template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr("huggingface_hub.hf_api.constants.ENDPOINT", endpoint)
    monkeypatch.setattr("huggingface_hub.hf_api.api", HfApi(endpoint))


def refused(name, key):
    with pytest.raises(UserError) as caught:
        find(name, allow_paths=False)
    assert caught.value.key == key
    return str(caught.value)


@pytest.mark.parametrize("name", ["owner/tiny", "owner/tiny@v1", f"owner/tiny@{SHA}"])
def test_a_cached_repository_loads_without_the_network(cached_snapshot, name):
    loaded = load(name, allow_paths=False)
    assert loaded.info.source == "hub" and loaded.info.name == name
    assert loaded.info.folder == cached_snapshot and loaded.info.size_px == 16


def test_the_old_flat_layout_loads_from_the_cache(cached_snapshot, old_layout_checkpoint):
    shutil.rmtree(cached_snapshot)
    shutil.copytree(old_layout_checkpoint, cached_snapshot)
    assert load("owner/tiny", allow_paths=False).info.channels == 3


@pytest.mark.parametrize("name", ["owner/other", "owner/tiny@v2"])
def test_without_the_network_what_is_not_cached_gives_a_sentence_at_once(cached_snapshot, name):
    assert "cannot be reached" in refused(name, "hub_unreachable")


def test_half_a_snapshot_is_not_taken_for_a_whole_one(cached_snapshot):
    (cached_snapshot / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    refused("owner/tiny", "hub_unreachable")


def test_a_server_that_is_not_there_gives_a_sentence(cache, monkeypatch):
    go_online(monkeypatch, "http://127.0.0.1:9")  # the discard port: refused at once
    refused("owner/tiny", "hub_unreachable")


def test_a_download_takes_only_what_is_needed_and_happens_once(server):
    info = find(f"owner/tiny@{SHA}", allow_paths=False)
    assert info.source == "hub" and info.num_parameters > 0
    assert not any(path.endswith((".bin", ".py")) for path in server.asked)
    asked = len(server.asked)
    assert load(f"owner/tiny@{SHA}", allow_paths=False).info.weight_hash == info.weight_hash
    assert len(server.asked) == asked


def test_a_download_without_a_revision_takes_the_newest(server):
    assert find("owner/tiny", allow_paths=False).source == "hub"


def test_repositories_and_revisions_that_do_not_exist_give_a_sentence(server):
    assert "owner/nothing" in refused("owner/nothing", "hub_not_found")
    assert "owner/tiny@none" in refused("owner/tiny@none", "hub_not_found")


def test_a_repository_of_pickles_is_refused_before_the_download(server):
    refused("owner/pickles", "checkpoint_pickle")
    assert not any("resolve" in path for path in server.asked)


def test_weights_of_a_guide_alone_are_none_of_the_checkpoint(server):
    files = server.repositories["owner/tiny"][1]
    guide = {f"guide/{name}": files[name] for name in files if not name.endswith(".bin")}
    server.repositories["owner/guide"] = (SHA, guide)
    refused("owner/guide", "checkpoint_no_weights")
    assert not any("resolve" in path for path in server.asked)


def test_a_guide_comes_with_its_checkpoint(server):
    files = dict(server.repositories["owner/tiny"][1])
    both = {**files, **{f"guide/{name}": files[name] for name in files}}
    server.repositories["owner/both"] = (SHA, both)
    info = find("owner/both", allow_paths=False)
    assert info.has_guide and not find("owner/tiny", allow_paths=False).has_guide
    assert load_guide(info).info.weight_hash == info.weight_hash


def test_a_repository_too_large_is_refused_before_the_download(server, monkeypatch):
    monkeypatch.setattr(hub, "_MAX_BYTES", 1000)
    refused("owner/tiny", "hub_too_large")
    assert not any("resolve" in path for path in server.asked)


@pytest.mark.parametrize(
    "name, expected",
    [
        ("google/ddpm-cifar10-32", ("google/ddpm-cifar10-32", None)),
        ("a/b@refs/pr/1", ("a/b", "refs/pr/1")),
        ("a/b@" + SHA, ("a/b", SHA)),
        ("faces-64", None),
        ("a/b/c", None),
        ("a/../b", None),
        ("../b", None),
        ("a/b@../x", None),
        ("a/b c", None),
        ("a--b/c", None),
        ("/a", None),
        ("a/b\n", None),
        ("", None),
    ],
)
def test_hub_ids_are_told_from_other_names(name, expected):
    assert hub.parse_hub_id(name) == expected
