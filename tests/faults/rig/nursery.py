"""Where workers are born: a process that has imported everything, and forks a worker for each line that it is told.

A worker is a process of its own, and its life, from its settings to its death, is that of `millrace worker`; only its imports,
two seconds of a processor, are done beforehand. `python -m tests.faults.rig.nursery` reads `{"orders", "env", "log"}`, a line
each, and says `born PID`, and `gone PID CODE` when one has ended. With its input it ends, and all workers with it.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import select
import signal
import sys
from typing import Any

from handlers.audit.flow import AuditsFlow
from handlers.embed.flow import DocumentsFlow
from handlers.price.flow import RunsFlow
from tests.faults.rig.worker import Orders, run_worker

PR_SET_PDEATHSIG = 1
IMPORTED = AuditsFlow, DocumentsFlow, RunsFlow


def main() -> None:
    """Until the end of the input."""
    ending_read, ending_write = os.pipe()
    os.set_blocking(ending_write, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(ending_write, warn_on_full_buffer=False)
    gc.freeze()
    living = set[int]()
    left = b""
    while True:
        ready, _, _ = select.select([0, ending_read], [], [])
        if ending_read in ready:
            os.read(ending_read, 4096)
            _bury(living)
        if 0 in ready:
            told = os.read(0, 65_536)
            if not told:
                break
            *lines, left = (left + told).split(b"\n")
            for line in lines:
                living.add(_bear(json.loads(line), ending_read, ending_write))
    for pid in living:
        os.kill(pid, signal.SIGKILL)


def _bear(told: dict[str, Any], *closed: int) -> int:
    pid = os.fork()
    if pid:
        _say(f"born {pid}")
        return pid
    code = 1
    try:
        # Whoever kills the nursery has killed its workers.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for each in closed:
            os.close(each)
        log = os.open(told["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ.update(told["env"])
        code = run_worker(Orders(**told["orders"]))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _bury(living: set[int]) -> None:
    while living:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        living.discard(pid)
        _say(f"gone {pid} {os.waitstatus_to_exitcode(status)}")


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    main()
