"""Processes of tests that need not import anything: they are forked from a nursery that has."""

from __future__ import annotations

import atexit
import ctypes
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

CHECKOUT = Path(__file__).resolve().parents[2]
PR_SET_CHILD_SUBREAPER = 36
START_SECONDS = 240.0
LIBC = ctypes.CDLL(None)


class Forked:
    """One process, a child of this one; as subprocess.Popen has it, without pipes."""

    def __init__(self, pid: int, arguments: Sequence[str]) -> None:
        self.pid, self.arguments = pid, arguments
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None as long as it lives."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has ended. Raises subprocess.TimeoutExpired."""
        deadline = time.monotonic() + timeout if timeout is not None else None
        pause = 0.001
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(self.arguments, timeout or 0.0)
            time.sleep(pause)
            pause = min(2 * pause, 0.02)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


class Nursery:
    """The process that the others are forked from; it ends with this one."""

    def __init__(self) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.nursery", str(theirs.fileno())],
                cwd=CHECKOUT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            )  # fmt: skip
        self._orders.settimeout(START_SECONDS)
        self._one_at_a_time = threading.Lock()
        assert self._orders.recv(100) == b"ready", "the nursery did not start: see its stderr"

    def bear(
        self, module: str, arguments: Sequence[str], streams: Sequence[IO[Any] | None], *, env: Mapping[str, str], cwd: Path
    ) -> Forked:
        """`python -m module` with these arguments; `streams` are its stdin, stdout and stderr, None for nothing."""
        order = {"module": module, "arguments": list(arguments), "env": dict(env), "cwd": str(cwd)}
        with self._one_at_a_time, _adopting(), Path(os.devnull).open("r+b") as nothing:
            descriptors = [(stream or nothing).fileno() for stream in streams]
            socket.send_fds(self._orders, [json.dumps(order).encode()], descriptors)
            pid = int(self._orders.recv(100))
            _until_adopted(pid)
        return Forked(pid, [module, *arguments])

    def close(self) -> None:
        self._orders.close()
        self._process.wait()


@functools.cache
def nursery() -> Nursery:
    """The one nursery of this process, which starts when it is first asked for."""
    made = Nursery()
    atexit.register(made.close)
    return made


@contextmanager
def _adopting() -> Iterator[None]:
    """What becomes an orphan meanwhile is a child of this process; only meanwhile, for tests leave orphans on purpose."""
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def _until_adopted(pid: int) -> None:
    """Waits until that process is this one's child."""
    while True:
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            return
        time.sleep(0.0005)
