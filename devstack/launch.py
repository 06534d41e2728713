"""Becomes a server: writes down its own pid, gives up root, and executes the server's program.

Run as a script of its own, so that a server is on record before it exists, whoever dies at that moment, and so that a
process with threads never runs Python between fork and exec. It inherits a locked file, which the server keeps open and so
locked until it and all of its children are dead. Its one argument is a JSON object:

    record   the file to write {"pid", "started", "boot"} to
    argv     the program and its arguments
    cwd      the folder to run in
    env      its environment
    user     [uid, gid] to run as, or null for the caller
    parent   the pid with which the server shall die, or null
"""

import ctypes
import json
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Carry out the order given as the first argument; never returns."""
    order = json.loads(sys.argv[1])
    write_record(Path(order["record"]))
    os.umask(0o077)
    if order["user"] is not None:
        uid, gid = order["user"]
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    os.chdir(order["cwd"])
    if order["parent"] is not None:
        die_with(order["parent"])
    os.execve(order["argv"][0], order["argv"], order["env"])  # noqa: S606  the order comes from supervision.py


def write_record(path: Path) -> None:
    """Write who this process is; the pid and start time stay the same when it executes another program."""
    started = int(Path("/proc/self/stat").read_text(errors="replace").rpartition(")")[2].split()[19])
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_text(json.dumps({"pid": os.getpid(), "started": started, "boot": boot}))
    unfinished.replace(path)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends; comes last, since a change of user clears it."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the process that was starting this server has ended")


if __name__ == "__main__":
    main()
