"""Starting, ending and stopping the processes of one server, and of no other."""

import json
import os
import signal
import sys
import threading
from pathlib import Path

from devstack.cache import Cache
from devstack.failures import NotMainThread, NotRunning, ServerFailed
from devstack.files import write_whole
from devstack.processes import await_end, family, send, working_in
from devstack.room import Room
from devstack.server import Command, Server

LAUNCHER = Path(__file__).with_name("launch.py")
STOP_SECONDS = 20.0
KILL_SECONDS = 60.0
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


def launch(room: Room, command: Command, lock: int, *, attached: bool) -> int:
    """Execute the command in the room and return its pid; attached, it dies with the calling process.

    The process inherits the descriptor `lock` of the room's lock, and writes its own record before it becomes the server.
    Raises NotMainThread.
    """
    if attached and threading.current_thread() is not threading.main_thread():
        raise NotMainThread("Attached servers are started from the main thread only: start the stack there.")
    for name, text in command.files.items():
        write_whole(room.folder / name, text, owner=room.user)
    room.begin_log()
    os.set_inheritable(lock, True)
    log_flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return os.posix_spawn(
        sys.executable,
        [sys.executable, "-I", "-S", str(LAUNCHER), _order(room, command, attached)],
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(room.log), log_flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=[],
        setsigdef=IGNORED_BY_PYTHON,
    )


def clear(server: Server, room: Room, cache: Cache) -> None:
    """End the server's processes in its data that nobody has on record. Raises ServerFailed if one cannot be ended."""
    strays = working_in(room.data, server.program(cache))
    send(strays, signal.SIGKILL)
    if not await_end(strays, KILL_SECONDS):
        raise ServerFailed(f"Processes {strays} of an earlier {server.name} do not end: restart the machine, or its container.")


def ask_to_end(server: Server, room: Room) -> int | None:
    """Send the server its stop signal, waking it first if it is paused; returns its pid, None if it is not running."""
    pid = room.running()
    if pid is not None:
        send(family(pid), signal.SIGCONT)
        send([pid], server.stop_signal)
    return pid


def see_it_end(room: Room, pid: int) -> None:
    """Wait until the server has ended, and kill it when it takes too long."""
    if not await_end([pid], STOP_SECONDS):
        kill(room, pid)
    room.record.unlink(missing_ok=True)


def kill(room: Room, pid: int) -> None:
    """End the server and all of its processes at once, without giving it a chance to tidy up."""
    members = _held_still(pid)
    send(members, signal.SIGKILL)
    if not await_end(members, KILL_SECONDS):
        raise ServerFailed(f"Processes {members} in {room.folder} do not end: restart the machine, or its container.")


def pause(pid: int) -> None:
    """Stop all processes of the server where they are; its connections stay open and silent."""
    _held_still(pid)


def resume(pid: int) -> None:
    """Let the processes of a paused server go on."""
    send(family(pid), signal.SIGCONT)


def require_running(server: Server, room: Room) -> int:
    """The server's pid. Raises NotRunning."""
    pid = room.running()
    if pid is None:
        raise NotRunning(f"{server.name} is not running: start it first.")
    return pid


def _held_still(pid: int) -> list[int]:
    """Stop the parent first, so that no child is born unseen."""
    send([pid], signal.SIGSTOP)
    members = family(pid)
    send(members, signal.SIGSTOP)
    return members


def _order(room: Room, command: Command, attached: bool) -> str:
    return json.dumps(
        {
            "record": str(room.record),
            "argv": command.argv,
            "cwd": str(room.data),
            "env": command.env,
            "user": [room.user.uid, room.user.gid] if room.user else None,
            "parent": os.getpid() if attached else None,
        }
    )
