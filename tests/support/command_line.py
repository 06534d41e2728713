"""`millrace` as a process with an environment of its own."""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TypeVar

from tests.support.forked import CHECKOUT, Forked, nursery

T = TypeVar("T")

KEPT = ("PATH", "HOME", "LANG", "PYTHONDONTWRITEBYTECODE")
# Longer than any command of a test waits by itself, so that it is the command that says for what it has waited in vain.
SECONDS = 150

Result = subprocess.CompletedProcess[str]
Process = Forked | subprocess.Popen[bytes]
Streams = tuple[IO[bytes] | None, IO[bytes] | None, IO[bytes]]


@dataclass
class CommandLine:
    """Runs `millrace` as a process forked from the nursery, which spares it its imports, with an environment of its own."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, text: str | None = None, **environment: str) -> Result:
        """The finished command; its standard input is `text`."""
        with TemporaryFile() as given, TemporaryFile() as out, TemporaryFile() as err:
            given.write((text or "").encode())
            given.seek(0)
            process = self._begin(arguments, (given, out, err), environment)
            try:
                code = process.wait(SECONDS)
            finally:
                process.kill()
            return Result(arguments, code, _text_of(out), _text_of(err))

    def start(self, *arguments: str, log: Path, **environment: str) -> Process:
        """The command in the background; what it says on stderr goes to `log`."""
        with log.open("wb") as output:
            return self._begin(arguments, (None, None, output), environment)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "millrace", *arguments]

    def all(self, environment: dict[str, str]) -> dict[str, str]:
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        return kept | {"PYTHONPATH": str(CHECKOUT)} | self.environment | environment

    def _begin(self, arguments: Sequence[str], streams: Streams, environment: dict[str, str]) -> Process:
        return nursery().bear("millrace", arguments, streams, env=self.all(environment), cwd=self.folder)


class Installed(CommandLine):
    """Runs `millrace` as anybody does, with the modules that it finds for itself."""

    def _begin(self, arguments: Sequence[str], streams: Streams, environment: dict[str, str]) -> Process:
        given, out, err = (stream or subprocess.DEVNULL for stream in streams)
        return subprocess.Popen(
            self.command(*arguments), env=self.all(environment), cwd=self.folder, stdin=given, stdout=out, stderr=err
        )


def _text_of(output: IO[bytes]) -> str:
    output.seek(0)
    return output.read().decode()


def eventually(ask: Callable[[], T], holds: Callable[[T], bool]) -> T:
    """The last answer: the first of which it `holds`, if there is one in time."""
    deadline = time.monotonic() + SECONDS
    while not holds(answer := ask()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return answer


def free_port() -> int:
    """A port for one server of a test, and for nobody else as long as this process lives.

    It stays bound, so that the kernel gives it to no other, and nobody listens, so that a server that does not mind may.
    """
    held = socket.socket()
    atexit.register(held.close)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    port: int = held.getsockname()[1]
    return port
