"""A function in the place of `parse_here` that does what a hostile file might make a library do."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from handlers.embed.model import Limits, Parsed
from handlers.embed.parse import parse_here


def parse(content: bytes, filename: str, media_type: str | None, limits: Limits) -> Parsed:
    """Does the deed that the file names, if any; then reads what the deed gives, else the file."""
    deed = DEEDS.get(content.decode())
    if "POISONED" in os.environ:
        os.abort()
    told = deed() if deed is not None else None
    return parse_here(content if told is None else told.encode(), filename, media_type, limits)


def spin() -> None:
    while True:
        pass


def eat() -> None:
    eaten = [bytes(1024 * 1024) for _ in range(10**6)]
    eaten.clear()


def abort() -> None:
    """As a library written in Rust does when it gets no memory."""
    os.write(2, b"memory allocation of 68719476736 bytes failed\n")
    os.abort()


def chatter() -> None:
    sys.stdout.write("no answer")
    sys.stdout.flush()
    subprocess.run(["/bin/echo", "nor this"], check=True)
    os.write(2, b"noise" * 100_000)


def poison() -> None:
    """Leaves something behind of which the next document dies."""
    os.environ["POISONED"] = "1"


def be_deaf() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGINT)


def lie() -> None:
    """Writes past the program, as one that a file has taken over would; the pipe to the other side is the last one made."""
    for descriptor in range(3, 10):
        try:
            os.write(descriptor, (2**40).to_bytes(8))
        except OSError:
            continue
    time.sleep(5)


def leave_a_child() -> str:
    """Starts a process in a session of its own that keeps the pipes."""
    return str(subprocess.Popen(["/bin/sleep", "600"], start_new_session=True).pid)


DEEDS: dict[str, Callable[[], str | None]] = {
    "spin": spin,
    "sleep": lambda: time.sleep(600),
    "nap": lambda: time.sleep(0.5),
    "eat": eat,
    "abort": abort,
    "segfault": lambda: ctypes.string_at(0).decode(),
    "leave": lambda: os._exit(3),
    "be killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "chatter": chatter,
    "poison": poison,
    "be deaf": be_deaf,
    "lie": lie,
    "leave a child": leave_a_child,
    "tell pid": lambda: str(os.getpid()),
    "tell environment": lambda: "\n".join(sorted(os.environ)),
}
