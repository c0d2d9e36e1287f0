"""A visitor's fine-tuned result is there for that visitor, and for all when it is shared."""

import json
import shutil
from types import SimpleNamespace

import pytest

from ddpm_demo.checkpoints import library
from ddpm_demo.errors import UserError
from ddpm_demo.jobs import Jobs
from ddpm_demo.ui import asking
from ddpm_demo.ui.endpoints import checkpoints
from ddpm_demo.ui.models import Models
from ddpm_demo.ui.tabs.finetune.desk import Desk
from ddpm_demo.ui.tabs.finetune.panel import refreshed
from ddpm_demo.ui.visitors import Visitor


@pytest.fixture
def models(tiny_checkpoint, tmp_path, monkeypatch):
    """With the results of anna, of bert, and of the app's own owner."""
    monkeypatch.setattr(library, "RUNS_FOLDER", tmp_path)
    monkeypatch.setenv("SPACE_ID", "a/b")
    for name, owner in (("annas", "anna"), ("berts", "bert"), ("house", "")):
        shutil.copytree(tiny_checkpoint, tmp_path / name / "result")
        (tmp_path / name / "job.json").write_text(json.dumps({"title": name, "owner": owner}))
        (tmp_path / name / "config.json").write_text(
            json.dumps({"data": "d", "out": "o", "from_checkpoint": "x"})
        )
    return Models()


def asks(session):
    return asking.asked_by(SimpleNamespace(session_hash=session))


def seen(models):
    local = {info.name for info in models.infos() if info.source == "local"}
    assert local <= {found["name"] for found in checkpoints(models)}
    return local


def test_results_are_listed_for_their_owner_alone(models):
    asking.remember("s-anna", Visitor("anna"))
    with asks("s-anna"):
        assert seen(models) == {"annas", "house"}
        models.check("annas")
        assert models.info("annas").name == "annas"
    with asks("s-else"):
        assert seen(models) == {"house"}
    assert seen(models) == {"house"}
    asking.forget("s-anna")
    with asks("s-anna"):
        assert seen(models) == {"house"}


def test_others_results_are_what_is_not_there(models):
    asking.remember("s-anna", Visitor("anna"))
    with asks("s-anna"):
        said = []
        for name in ("berts", "nobodys"):
            for door in (models.check, models.info):
                with pytest.raises(UserError) as caught:
                    door(name)
                said.append(str(caught.value).replace(name, "X"))
        assert models.peek("berts") is None
        assert len(set(said)) == 1 and "bert" not in said[0] and "annas" in said[0]


def test_what_is_shared_is_everybodys_until_it_is_not(models, tmp_path):
    jobs = Jobs(tmp_path)
    jobs.share("berts", True)
    with asks("s-else"):
        assert seen(models) == {"house", "berts"}
    jobs.share("berts", False)
    with asks("s-else"):
        assert seen(models) == {"house"}


def test_the_page_offers_to_share_what_is_ones_own(models, tmp_path):
    jobs, anna = Jobs(tmp_path), Visitor("anna")
    desk = Desk(models, jobs)

    def box(name):
        updates = refreshed(desk, desk.watch(name, anna, "en"), 1, anna, "en", {})
        return updates["share"]["visible"], updates["share"]["value"]

    assert box("annas") == (True, False)
    desk.share("annas", True, anna)
    assert box("annas") == (True, True)
    for theirs in ("berts", "house"):
        with pytest.raises(UserError, match="no longer there"):
            desk.share(theirs, True, anna)
    assert not jobs.job("berts").shared


def test_the_owner_of_the_app_sees_all(models, monkeypatch):
    monkeypatch.delenv("SPACE_ID")
    request = SimpleNamespace(session_hash="s", username="me")
    with asking.asked_by(request):
        assert seen(models) == {"annas", "berts", "house"}


def test_sessions_are_forgotten_in_the_end(monkeypatch):
    monkeypatch.setattr(asking, "MAX_SESSIONS", 3)
    for number in range(9):
        asking.remember(f"s{number}", Visitor("k"))
    assert len(asking._keys) <= 3
    for number in range(9):
        asking.forget(f"s{number}")
