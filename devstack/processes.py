"""Processes as the kernel tells of them in /proc: who is alive, who descends from whom, who listens where."""

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Stat:
    """What /proc/<pid>/stat says: the state letter, the parent, the start time in ticks since boot."""

    state: str
    parent: int
    started: int


def read_stat(pid: int) -> Stat | None:
    """The process as it is now, None when there is none; a zombie counts as none once all of its threads have ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    found = Stat(state=fields[0], parent=int(fields[1]), started=int(fields[19]))
    # The first thread can end before the others, which still hold its files, locks and ports.
    threads = int(fields[17])
    return None if found.state in "ZX" and threads <= 1 else found


def boot_id() -> str:
    """The kernel's name for the time since its last start, within which pid and start time name a process."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def is_alive(pid: int) -> bool:
    """Whether the process runs or is stopped. Takes note of its end if it was started by this process."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    return read_stat(pid) is not None


def family(pid: int) -> list[int]:
    """The process and all that descend from it, parents first."""
    children: dict[int, list[int]] = {}
    for other in _pids():
        found = read_stat(other)
        if found is not None:
            children.setdefault(found.parent, []).append(other)
    members = [pid]
    for member in members:
        members.extend(children.get(member, ()))
    return members


def working_in(folder: Path, program: Path) -> list[int]:
    """The live processes that execute `program` with `folder` as working folder, even one removed meanwhile."""
    places = {str(folder), f"{folder} (deleted)"}
    return [pid for pid in _pids() if _link(pid, "cwd") in places and _link(pid, "exe") == str(program)]


def listens(pid: int, port: int) -> bool:
    """Whether the process itself has a listening TCP socket on `port`."""
    sockets = _listening_inodes(port)
    if not sockets:
        return False
    return any(target in sockets for target in _open_files(pid))


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to each process that still exists."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def await_end(pids: Iterable[int], seconds: float) -> bool:
    """Wait until all have ended; False when some have not after `seconds`."""
    deadline = time.monotonic() + seconds
    left = list(pids)
    while left := [pid for pid in left if is_alive(pid)]:
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _link(pid: int, name: str) -> str | None:
    try:
        return str(Path(f"/proc/{pid}/{name}").readlink())
    except OSError:
        return None


def _open_files(pid: int) -> list[str | None]:
    try:
        return [_link(pid, f"fd/{entry.name}") for entry in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return []


def _listening_inodes(port: int) -> set[str]:
    listening = "0A"
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(FileNotFoundError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == listening and int(fields[1].rpartition(":")[2], 16) == port:
                    found.add(f"socket:[{fields[9]}]")
    return found
