"""The ways that are compared: which program, in which environment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parent.parent
PEERS = CHECKOUT / ".venv-bench" / "bin" / "python"
END_SECONDS = 60.0
RUN_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Way:
    """One way to do the trivial flow. `share`: it is given one event in so many; `steady`: it keeps up with 500 events/s."""

    name: str
    title: str
    module: str
    variant: str = ""
    is_peer: bool = True
    share: int = 1
    steady: bool = True

    def command(self, source: str, target: str, *, count: int = 0, linger: float) -> list[str]:
        """What starts a worker that goes this way."""
        python = str(PEERS) if self.is_peer else sys.executable
        arguments = ["--count", str(count), "--linger", str(linger), "--variant", self.variant]
        return [python, "-m", self.module, source, target, *arguments]


MILLRACE = Way("millrace", "Millrace", "benchmarks.trivial", is_peer=False)
WAITING = Way("waiting", "Millrace, waiting", "benchmarks.trivial", "waiting", is_peer=False)
WAYS = (
    MILLRACE,
    Way("quix-exactly-once", "Quix Streams, exactly-once", "benchmarks.peers.quix", "exactly-once"),
    Way("quix-at-least-once", "Quix Streams, at-least-once", "benchmarks.peers.quix", "at-least-once"),
    Way("arroyo", "sentry-arroyo", "benchmarks.peers.arroyo"),
    Way("bytewax", "Bytewax", "benchmarks.peers.bytewax"),
    Way("faststream-batch", "FastStream, batches", "benchmarks.peers.faststream", "batch", is_peer=False),
    # It takes 200 times as long for each event; its rate does not depend on how many there are.
    Way("faststream", "FastStream, by message", "benchmarks.peers.faststream", "message", False, 50, False),
)
TITLES = {way.name: way.title for way in WAYS}


def require_peers() -> None:
    """Ends with a clear line where the peers are not installed."""
    if not PEERS.exists():
        raise SystemExit("The peers are not installed: make .venv-bench/.installed")


def run(command: Sequence[str], *, seconds: float = RUN_SECONDS) -> dict[str, Any]:
    """Runs a worker to its end; what it measured of itself."""
    worker = subprocess.run(command, stdout=subprocess.PIPE, cwd=CHECKOUT, check=True, timeout=seconds)
    return _last_line(worker.stdout)


@contextmanager
def running(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A worker for as long as the context lasts; then SIGTERM, and SIGKILL if it does not heed that."""
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=CHECKOUT, env=os.environ)
    try:
        yield worker
        if worker.poll() not in {None, 0, -signal.SIGTERM}:
            raise SystemExit(f"{' '.join(command[1:])} ended by itself: {worker.returncode}")
    finally:
        end(worker)


def end(worker: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Ends a worker; what it measured of itself, if it still could tell."""
    if worker.poll() is None:
        worker.send_signal(signal.SIGTERM)
    try:
        output, _ = worker.communicate(timeout=END_SECONDS)
    except subprocess.TimeoutExpired:
        worker.kill()
        output, _ = worker.communicate()
    return _last_line(output)


def _last_line(output: bytes) -> dict[str, Any]:
    lines = output.splitlines()
    try:
        measured: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    except json.JSONDecodeError:
        return {}
    return measured
