"""The demonstration's worker: a process of its own, as in real life, that ends with the demonstration."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

import orjson

from millrace.failures import CommandError

READY_SECONDS = 90.0
STOP_SECONDS = 30.0
# OpenAI away, or a key that it refuses, is told soon: it does not come up as our own servers do.
OPENAI_SECONDS = 10.0
LOG_LINES = 15
# So few that even the books of the examples are priced in slices, as large ones are.
SLICE_CELLS = 1_000
NO_ANSWER = "its first answer"
# These would end this process without a chance to end the worker too.
SIGNALS = (signal.SIGTERM, signal.SIGHUP)
ADVICE = "OPENAI_API_KEY and OPENAI_BASE_URL name another server than the stand-in; `millrace doctor` tells what it says."


@contextmanager
def worker(log: Path) -> Iterator[str]:
    """Runs a worker on this process' servers and yields the address of its HTTP once it is ready; SIGTERM afterwards.

    Its log goes to the file `log`. Raises CommandError, quoting the log's end, when it ends early or is not ready in
    time. Whoever is told to end meanwhile ends the worker first.
    """
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    with log.open("wb") as output, _signals_raised():
        process = subprocess.Popen(
            [sys.executable, "-m", "millrace", "worker"],
            env={**os.environ, "HTTP_HOST": "127.0.0.1", "HTTP_PORT": str(port), "RUN_SLICE_CELLS": str(SLICE_CELLS)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            _wait_until_ready(process, address, log)
            yield address
        finally:
            _end(process)


@contextmanager
def _signals_raised() -> Iterator[None]:
    # What is ignored stays so, as after nohup.
    heard = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _exit) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _exit(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _wait_until_ready(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    until = time.monotonic() + READY_SECONDS
    reasons, others_missing_at = {NO_ANSWER: ""}, time.monotonic()
    while time.monotonic() < until and time.monotonic() < others_missing_at + OPENAI_SECONDS:
        if process.poll() is not None:
            raise CommandError(f"the worker ended at once, with exit code {process.returncode}:\n{_end_of(log)}")
        reasons = _reasons_not_ready(address)
        if not reasons:
            return
        if reasons.keys() != {"openai"}:
            others_missing_at = time.monotonic()
        time.sleep(0.1)
    why = ", ".join(f"{server} ({reason})" if reason else server for server, reason in reasons.items())
    raise CommandError(f"the worker is not ready, waiting for {why}:\n{_end_of(log)}", ADVICE if "openai" in reasons else "")


def _reasons_not_ready(address: str) -> dict[str, str]:
    """Why a worker is not ready, by server; nothing once it is."""
    try:
        with urllib.request.urlopen(f"{address}/health/deep", timeout=5):  # noqa: S310  (our own worker)
            return {}
    except urllib.error.HTTPError as error:
        with error:
            said = orjson.loads(error.read())
        return said.get("reasons") or {NO_ANSWER: ""}
    except OSError:
        return {NO_ANSWER: ""}


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
