"""Stacks beside the one that the rest of the suite runs on, because these are hurt."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devstack.placement import CHECKOUT
from devstack.stack import Stack


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """All servers, for tests that leave them running."""
    with tempfile.TemporaryDirectory(prefix="millrace-devstack-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        stack = Stack(Path(name) / "state", attached=True)
        stack.start()
        yield stack
        stack.erase()


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder for the state of one test's stack, or of several within it; their servers are ended with the test."""
    with tempfile.TemporaryDirectory(prefix="millrace-devstack-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)
        for lock in Path(name).rglob("stack.lock"):
            Stack(lock.parent).stop()


@pytest.fixture
def script() -> Iterator[Callable[[str, Path], subprocess.Popen[str]]]:
    """Runs Python code that finds `Stack` and the state folder `folder` in its names, in a process of its own."""
    begun: list[subprocess.Popen[str]] = []

    def run(code: str, folder: Path) -> subprocess.Popen[str]:
        lines = ["from pathlib import Path", "from devstack.stack import Stack", f"folder = Path({str(folder)!r})", code]
        process = subprocess.Popen([sys.executable, "-c", "\n".join(lines)], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
        begun.append(process)
        return process

    yield run
    for process in begun:
        process.kill()
        process.communicate()
