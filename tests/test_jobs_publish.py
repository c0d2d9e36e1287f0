"""Pushing a result to the Hub, with a Hub that is not there."""

import httpx
import pytest
from huggingface_hub.errors import OfflineModeIsEnabled

from ddpm_demo.errors import UserError
from ddpm_demo.jobs import publish


class FakeApi:
    calls = []
    failure = None

    def __init__(self, token):
        self.calls.append(("token", token))

    def create_repo(self, name, *, private, exist_ok):
        if self.failure:
            raise self.failure
        self.calls.append(("create", name, private, exist_ok))

        class Address(str):
            repo_id = f"me/{name}"

        return Address(f"address of me/{name}")

    def upload_folder(self, *, repo_id, folder_path, commit_message):
        self.calls.append(("upload", repo_id, folder_path))


@pytest.fixture
def api(monkeypatch):
    monkeypatch.setattr("huggingface_hub.HfApi", FakeApi)
    monkeypatch.setattr(FakeApi, "calls", [])
    monkeypatch.setattr(FakeApi, "failure", None)
    return FakeApi


def test_a_result_becomes_a_private_repository(api, tmp_path):
    assert publish.push(tmp_path, "my-cats", "secret") == "address of me/my-cats"
    assert api.calls == [
        ("token", "secret"),
        ("create", "my-cats", True, True),
        ("upload", "me/my-cats", tmp_path),
    ]


@pytest.mark.parametrize("name", ["", "a b", "../x", "a/b/c", "-a", "a--b", "a..b", "owner/"])
def test_names_that_cannot_be_are_refused_before_anything_is_sent(api, tmp_path, name):
    with pytest.raises(UserError, match="my-model"):
        publish.push(tmp_path, name, "secret")
    assert api.calls == []


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("no route"),
        OfflineModeIsEnabled("offline mode is on"),
        OSError("broken pipe"),
    ],
)
def test_a_hub_out_of_reach_is_one_sentence_without_the_token(api, tmp_path, failure, monkeypatch):
    monkeypatch.setattr(FakeApi, "failure", failure)
    with pytest.raises(UserError) as caught:
        publish.push(tmp_path, "my-cats", "secret")
    said = str(caught.value)
    assert str(failure) in said and "secret" not in said and "\n" not in said
