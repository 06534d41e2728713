"""Processes that are forked from a nursery are what they would be if they had been started."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile

import pytest

from tests.support.command_line import CommandLine, Installed, free_port
from tests.support.forked import CHECKOUT, Forked, nursery

AWAY = {
    "DATABASE_URL": "postgresql://u:p@127.0.0.1:1/x", "REDIS_URL": "redis://127.0.0.1:1",
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "ENVIRONMENT": "production",
}  # fmt: skip


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Forked]:
    """A worker that waits for servers that are away."""
    port, log = str(free_port()), tmp_path / "log"
    env = AWAY | {"OBJECT_STORE_URL": tmp_path.as_uri(), "HTTP_PORT": port}
    with log.open("wb") as output:
        process = nursery().bear("millrace", ["worker", "--flows", "runs"], (None, output, output), env=env, cwd=tmp_path)
    while f"http://127.0.0.1:{port}" not in log.read_text():
        assert process.poll() is None, log.read_text()
        time.sleep(0.02)
    yield process
    process.kill()
    process.wait(120)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["nonsense"], ["example", "no.such.type"], ["publish", "-"], ["dlq", "list"], ["lag"]]
)
def test_a_forked_command_says_and_ends_as_an_installed_one(tmp_path: Path, arguments: list[str]) -> None:
    ways = [way(tmp_path, {"ENVIRONMENT": "production"})(*arguments, text="nonsense") for way in (CommandLine, Installed)]
    forked, installed = [(ended.returncode, ended.stdout, ended.stderr) for ended in ways]
    assert forked == installed


def test_it_is_a_child_of_this_process_in_a_folder_of_its_own(waiting: Forked, tmp_path: Path) -> None:
    status = Path(f"/proc/{waiting.pid}/status").read_text().splitlines()
    assert f"PPid:\t{os.getpid()}" in status
    assert Path(f"/proc/{waiting.pid}/cwd").resolve() == tmp_path


def test_it_takes_signals_and_its_exit_code_is_known(waiting: Forked) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(0.01)
    waiting.terminate()
    assert waiting.wait(120) == 0
    waiting.kill()
    assert waiting.poll() == 0


def test_one_that_is_killed_says_by_what(waiting: Forked) -> None:
    waiting.kill()
    assert waiting.wait(120) == -signal.SIGKILL


def test_one_that_fails_is_exit_code_1_and_a_traceback(tmp_path: Path) -> None:
    with TemporaryFile() as errors:
        process = nursery().bear("worker", ["no json"], (None, None, errors), env=os.environ, cwd=CHECKOUT)
        assert process.wait(120) == 1
        errors.seek(0)
        assert b"JSONDecodeError" in errors.read()
