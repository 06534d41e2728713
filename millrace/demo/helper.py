"""The demonstration's worker: a process of its own, as in real life, that ends with the demonstration."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from millrace.failures import CommandError

READY_SECONDS = 90.0
STOP_SECONDS = 30.0
LOG_LINES = 15


@contextmanager
def worker(log: Path) -> Iterator[str]:
    """Runs a worker on this process' servers and yields the address of its HTTP once it is ready; SIGTERM afterwards.

    Its log goes to the file `log`. Raises CommandError, quoting the log's end, when it ends early or is not ready in
    time.
    """
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "millrace", "worker"],
            env={**os.environ, "HTTP_HOST": "127.0.0.1", "HTTP_PORT": str(port)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            _wait_until_ready(process, address, log)
            yield address
        finally:
            _end(process)


def _wait_until_ready(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise CommandError(f"the worker ended at once, with exit code {process.returncode}:\n{_end_of(log)}")
        if _is_ready(address):
            return
        time.sleep(0.1)
    raise CommandError(f"the worker was not ready within {READY_SECONDS:g} s:\n{_end_of(log)}")


def _is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health/deep", timeout=5) as answer:  # noqa: S310  (our own worker)
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port: int = listener.getsockname()[1]
        return port


def _end_of(log: Path) -> str:
    return "\n".join(f"  {line}" for line in log.read_text(errors="replace").splitlines()[-LOG_LINES:])
