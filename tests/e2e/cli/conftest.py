"""The command line as people use it: as processes, with servers named by the environment."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import pytest

from devstack.standin.api import KEY
from devstack.standin.control import Control
from millrace.cli.app import main
from streams.kafka import KafkaConfig
from tests.support.command_line import KEPT, SECONDS, CommandLine, Process, Result, free_port
from tests.support.databases import Databases
from tests.support.fresh_topics import fresh_topics

PARTITIONS = 3


@dataclass
class InProcess:
    """Runs `millrace` in the test's own process, which takes a tenth of the time, with an environment of its own."""

    patch: pytest.MonkeyPatch
    captured: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str, text: str | None = None, **environment: str) -> Result:
        """The finished command; its standard input is `text`."""
        with self.patch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["millrace", *arguments])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((text or "").encode()), write_through=True))
            code = self._exit_code()
        return Result(arguments, code, *self.captured.readouterr())

    def _exit_code(self) -> int:
        try:
            main()
        except SystemExit as ended:
            return int(ended.code or 0)
        return 0


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> InProcess:
    """As `bare`, in this process."""
    for name in set(os.environ) - set(KEPT):
        if name.startswith(("DATABASE_", "MIGRATIONS_", "REDIS_", "KAFKA_", "OBJECT_STORE_", "OPENAI_", "HTTP_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    return InProcess(monkeypatch, capsys)


@pytest.fixture
def url(databases: Databases) -> Iterator[str]:
    """A migrated database for a test that is no coroutine itself."""
    with asyncio.Runner() as runner:
        opened = databases.one()
        yield runner.run(opened.__aenter__())
        runner.run(opened.__aexit__(None, None, None))


@pytest.fixture
def bare(tmp_path: Path) -> CommandLine:
    """Nothing is set, in a folder with nothing in it; production, so that no local stack steps in."""
    return CommandLine(tmp_path, {"ENVIRONMENT": "production"})


@pytest.fixture
def millrace(
    tmp_path: Path, database_url: str, redis_url: str, kafka: str, object_store_url: str, openai: Control
) -> CommandLine:
    """Real servers, a migrated database and an object store of this test's own, all topics empty, the stand-in for OpenAI."""
    asyncio.run(fresh_topics(KafkaConfig(kafka), PARTITIONS))
    environment = {
        "ENVIRONMENT": "test",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "KAFKA_BOOTSTRAP_SERVERS": kafka,
        "OBJECT_STORE_URL": object_store_url,
        "OPENAI_BASE_URL": openai.base_url,
        "OPENAI_API_KEY": KEY,
    }
    return CommandLine(tmp_path, environment)


@dataclass
class Worker:
    """A worker in the background."""

    process: Process
    url: str
    log: Path

    def wait_until(self, path: str, status: int = 200) -> None:
        """Until that page answers with that status."""
        for _ in range(SECONDS * 10):
            assert self.process.poll() is None, self.log.read_text()
            if self.status(path) == status:
                return
            time.sleep(0.1)
        raise AssertionError(f"{path} never answered {status}: {self.log.read_text()}")

    def status(self, path: str) -> int | None:
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return int(answer.status)
        except URLError as error:
            status: int | None = getattr(error, "code", None)
            return status
        except OSError:
            return None

    def has_said(self, what: str) -> bool:
        """Whether that is in its log by now."""
        return what in self.log.read_text()

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """The exit code after that signal."""
        self.process.send_signal(number)
        return self.process.wait(SECONDS)


Start = Callable[..., "Worker"]


@pytest.fixture
def start_worker(tmp_path: Path) -> Iterator[Start]:
    """Starts workers that do not outlive the test."""
    started: list[Worker] = []

    def start(command_line: CommandLine, *arguments: str, **environment: str) -> Worker:
        port = environment.setdefault("HTTP_PORT", str(free_port()))
        log = tmp_path / f"worker-{len(started)}.log"
        process = command_line.start("worker", *arguments, log=log, **environment)
        started.append(Worker(process, f"http://127.0.0.1:{port}", log))
        return started[-1]

    with _killed_afterwards(started):
        yield start


@contextmanager
def _killed_afterwards(started: list[Worker]) -> Iterator[None]:
    try:
        yield
    finally:
        for worker in started:
            worker.process.kill()
            worker.process.wait()
