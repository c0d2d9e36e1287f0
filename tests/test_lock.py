"""The lock has every pin of the requirements with hashes, and the scripts install by them."""

import re

from benchmarks.licences import LOCK, locked

ROOT = LOCK.parent


def pins(name):
    return dict(re.findall(r"(?m)^([A-Za-z0-9._-]+)==(\S+)", (ROOT / name).read_text()))


def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_pin_is_in_the_lock_but_torch():
    lock = {plain(name): version for name, version in locked().items()}
    wanted = {plain(name): version for name, version in pins("requirements.txt").items()}
    assert wanted.pop("torch") and "torch" not in lock
    assert wanted.items() <= lock.items()


def test_every_package_of_the_lock_has_hashes():
    entries = re.split(r"(?m)^(?=[A-Za-z0-9])", LOCK.read_text())[1:]
    assert len(entries) >= len(locked()) > 50
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in entries)


def test_the_scripts_install_by_hashes():
    setup = (ROOT / "scripts" / "setup.sh").read_text()
    assert "--require-hashes -r requirements.lock" in setup
    assert "cat requirements.lock requirements.txt" in setup


def test_every_licence_is_listed():
    listed = set(re.findall(r"(?m)^\| (\S+) \|", (ROOT / "docs" / "licences.md").read_text()))
    assert listed - {"package"} == {*locked(), "torch"}
