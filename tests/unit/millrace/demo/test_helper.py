from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from millrace.demo import helper
from millrace.failures import CommandError
from tests.support.command_line import CHECKOUT, eventually


class Process:
    """A worker that runs, or has ended."""

    def __init__(self, returncode: int | None = None) -> None:
        self.returncode = returncode

    def poll(self) -> int | None:
        return self.returncode


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "worker.log"
    path.write_text("first line\nlast line\n")
    return path


@pytest.fixture
def health() -> Iterator[Callable[[int, Any], str]]:
    """Serves one answer at the address that it returns."""
    servers: list[HTTPServer] = []

    def serve(status: int, body: Any) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_: Any) -> None: ...

        servers.append(HTTPServer(("127.0.0.1", 0), Handler))
        Thread(target=servers[-1].serve_forever, args=(0.01,)).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def wait(address: str, log: Path, *, ended: int | None = None) -> None:
    process: Any = Process(ended)
    helper._wait_until_ready(process, address, log)


def test_a_worker_that_answers_is_ready(health: Any, log: Path) -> None:
    wait(health(200, {"status": "ok"}), log)


def test_openai_away_is_told_soon_with_advice(health: Any, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helper, "time", Clock())
    with pytest.raises(CommandError, match=r"waiting for openai \(Outage\):\n  first line\n  last line") as caught:
        wait(health(503, {"status": "degraded", "reasons": {"openai": "Outage"}}), log)
    assert "OPENAI_API_KEY" in caught.value.advice


def test_other_servers_are_waited_for_longer(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([{"openai": "Outage", "kafka": "starting"}] * 4 + [{}])
    clock = Clock()
    monkeypatch.setattr(helper, "time", clock)
    monkeypatch.setattr(helper, "OPENAI_SECONDS", 0.15)
    monkeypatch.setattr(helper, "_reasons_not_ready", lambda _address: next(answers))
    wait("", log)
    assert next(answers, None) is None
    assert clock.now > helper.OPENAI_SECONDS


def test_a_worker_that_ended_is_told_with_the_end_of_its_log(log: Path) -> None:
    with pytest.raises(CommandError, match="ended at once, with exit code 2:\n  first line"):
        wait("http://127.0.0.1:1", log, ended=2)


def test_a_worker_that_does_not_answer_is_not_ready(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helper, "time", Clock())
    with pytest.raises(CommandError, match="waiting for its first answer"):
        wait("http://127.0.0.1:1", log)


DEMONSTRATION = """
import signal
import sys
from pathlib import Path
from millrace.demo import helper

for number in helper.SIGNALS:
    signal.signal(number, signal.SIG_DFL)  # whoever runs the tests may have told it to be ignored
helper._wait_until_ready = lambda *_: None
sys.executable = sys.argv[1]
with helper.worker(Path(sys.argv[2])):
    print("at work", flush=True)
    while True:
        signal.pause()
"""
WORKER = """#!/bin/sh
echo $$
exec sleep 600
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_who_is_told_to_end_ends_the_worker_first(log: Path, number: signal.Signals) -> None:
    worker = log.with_name("worker")
    worker.write_text(WORKER)
    worker.chmod(0o755)
    log.unlink()
    command = [sys.executable, "-c", DEMONSTRATION, str(worker), str(log)]
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"at work\n"
        pid = eventually(lambda: log.exists() and log.read_text().strip(), bool)
        process.send_signal(number)
        assert process.wait(60) == 128 + number
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)
    finally:
        process.kill()
        process.communicate()


def test_what_is_ignored_stays_so_after_nohup(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helper, "_wait_until_ready", lambda *_: None)
    monkeypatch.setattr(sys, "executable", "/bin/true")
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN), signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        with helper.worker(log):
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is helper._exit
        assert signal.getsignal(signal.SIGTERM) is not helper._exit
    finally:
        signal.signal(signal.SIGHUP, before[0])
        signal.signal(signal.SIGTERM, before[1])
