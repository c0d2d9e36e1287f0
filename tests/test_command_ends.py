"""However a command ends: one sentence and an exit code, and never a trace."""

import errno
import io
import os
import signal
import socket
import subprocess
import sys

import pytest

from ddpm_demo import cli
from ddpm_demo.checkpoints.library import ROOT
from ddpm_demo.cli import EXIT_FAILED, EXIT_USER_ERROR, main
from ddpm_demo.errors import UserError
from ddpm_demo.jobs.networks import SCRATCH_UNET
from ddpm_demo.training.config import TrainConfig
from ddpm_demo.training.sources import open_source

ERRORS = {
    "memory": MemoryError(),
    "torch's memory": RuntimeError(
        "[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate "
        "memory: you tried to allocate 549755813888 bytes. Error code 12 (Cannot allocate memory)"
    ),
    "a GPU's memory": RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    "no room": OSError(errno.ENOSPC, "No space left on device", "/tmp/x"),
    "no writing": OSError(errno.EROFS, "Read-only file system", "/tmp/x"),
    "files": OSError(errno.EMFILE, "Too many open files"),
    "a file": PermissionError(errno.EACCES, "Permission denied", "/nowhere/x"),
    "depth": RecursionError("maximum recursion depth exceeded"),
    "anything": KeyError("a\nb\x00\ud800"),
    "Unicode": UnicodeEncodeError("ascii", "\ud800", 0, 1, "no"),
}


@pytest.mark.parametrize("language", ["C.UTF-8", "zh_CN.UTF-8"])
@pytest.mark.parametrize("name", ERRORS)
def test_every_error_is_one_sentence_and_exit_code_1(name, language, monkeypatch, capsys):
    def fail(args):
        raise ERRORS[name]

    monkeypatch.setenv("LC_ALL", language)
    monkeypatch.setattr(cli.tasks, "run", fail, raising=False)
    parser = cli.build_parser()
    monkeypatch.setattr(
        parser, "parse_args", lambda *_: type("Args", (), {"run": staticmethod(fail)})
    )
    monkeypatch.setattr(cli, "build_parser", lambda: parser)
    assert main(["tasks"]) == EXIT_FAILED
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "Traceback" not in said and said.rstrip()[-1] in ".。"


def test_a_user_s_mistake_stays_exit_code_2(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["generate", "--num-steps", "no number"])
    assert ended.value.code == EXIT_USER_ERROR
    assert capsys.readouterr().err.count("\n") <= 3


def test_what_cannot_be_shown_is_said_all_the_same(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stderr", stream)
    cli._say("“\ud800” 中文")
    stream.flush()
    assert stream.buffer.getvalue().endswith(b"\n")


def test_the_trace_is_there_for_who_asks(monkeypatch, capsys):
    monkeypatch.setenv(cli.TRACE_VARIABLE, "1")
    monkeypatch.setattr(cli, "build_parser", lambda: 1 / 0)
    assert main([]) == EXIT_FAILED
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "folder"])
@pytest.mark.parametrize("command", ["recipe", "data", "settings", "checkpoint"])
def test_what_is_no_file_is_refused_and_not_waited_for(
    kind, command, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "it.zip").unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo("it.zip")
    elif kind == "socket":
        server = socket.socket(socket.AF_UNIX)
        server.bind("it.zip")
        server.close()
    elif kind == "device":
        os.symlink("/dev/zero", "it.zip")
    else:
        os.mkdir("it.zip")
    words = {
        "recipe": ["generate", "--out", "out", "--recipe", "it.zip"],
        "settings": ["train", "--out", "out", "--config", "it.zip"],
        "checkpoint": ["generate", "--out", "out", "--checkpoint", "it.zip"],
    }
    os.mkdir("out")
    config = TrainConfig(data="it.zip", out="out", unet=SCRATCH_UNET, max_steps=1)
    signal.signal(signal.SIGALRM, lambda *_: pytest.fail("it waits"))
    signal.alarm(60)
    try:
        if command == "data":
            with pytest.raises(UserError):
                open_source(config)
            return
        assert main(words[command]) == EXIT_USER_ERROR
    finally:
        signal.alarm(0)
    assert capsys.readouterr().err.count("\n") == 1


def test_a_reader_that_goes_away_is_no_error_with_a_trace(tmp_path):
    command = [sys.executable, "-m", "ddpm_demo", "tasks", "--markdown"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as process:
        process.stdout.close()
        said = process.stderr.read().decode()
        code = process.wait(timeout=120)
    assert "Traceback" not in said and "Exception ignored" not in said and code in (0, 1)


def test_the_sentences_are_of_user_errors():
    assert all(isinstance(cli._unforeseen(error), UserError) for error in ERRORS.values())
