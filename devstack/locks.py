"""Exclusive file locks that the kernel lets go of when their holder dies."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from devstack.failures import StackBusy

WAIT_SECONDS = 180.0


@contextmanager
def exclusive(path: Path, on_wait: Callable[[], None] | None = None, wait: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold the lock on `path`, waiting up to `wait` seconds for it; calls `on_wait` once if it has to.

    Raises StackBusy when the lock stays taken.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if not _try(descriptor):
            if on_wait is not None:
                on_wait()
            _wait(descriptor, path, wait)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def attempt(path: Path) -> Iterator[int | None]:
    """The descriptor of the locked file, None if somebody else holds it. A child that inherits it goes on holding it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        yield descriptor if _try(descriptor) else None
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether some process, or another part of this one, holds the lock on `path` now."""
    with attempt(path) as lock:
        return lock is None


def _wait(descriptor: int, path: Path, wait: float) -> None:
    deadline = time.monotonic() + wait
    while not _try(descriptor):
        if time.monotonic() >= deadline:
            raise StackBusy(f"Another process has held {path} for {wait:.0f} s: wait for it or end it, then try again.")
        time.sleep(0.05)


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
