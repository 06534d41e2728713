"""What /proc tells about processes."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.processes import await_end, family, is_alive, listens, read_stat, send, working_in

PARENT_WITH_CHILD = """
import subprocess
with subprocess.Popen(["sleep", "60"]) as child:
    print(child.pid, flush=True)
"""

# What ends by itself is one thread only: of several, the first.
ENDED_FIRST_THREAD = """
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(3600,)).start()
ctypes.CDLL(None).pthread_exit(None)
"""


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"], cwd=tmp_path) as process:
        yield process
        process.kill()


def test_a_process_that_ended_is_not_alive_though_nobody_has_collected_it(sleeper: subprocess.Popen[bytes]) -> None:
    os.kill(sleeper.pid, signal.SIGKILL)
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert read_stat(sleeper.pid) is None


def test_a_process_is_alive_until_its_last_thread_has_ended_which_holds_its_files_until_then() -> None:
    with subprocess.Popen([sys.executable, "-c", ENDED_FIRST_THREAD], stdout=subprocess.PIPE) as process:
        stat = Path(f"/proc/{process.pid}/stat")
        try:
            while stat.read_text().rpartition(")")[2].split()[0] != "Z":
                time.sleep(0.01)
            assert is_alive(process.pid)
        finally:
            process.kill()
        assert await_end([process.pid], 60)


def test_a_stopped_process_is_alive(sleeper: subprocess.Popen[bytes]) -> None:
    send([sleeper.pid], signal.SIGSTOP)
    assert is_alive(sleeper.pid)


def test_waiting_for_a_process_that_goes_on_gives_up(sleeper: subprocess.Popen[bytes]) -> None:
    assert not await_end([sleeper.pid], 0.05)


def test_waiting_ends_with_the_last_process(sleeper: subprocess.Popen[bytes]) -> None:
    send([sleeper.pid], signal.SIGKILL)
    assert await_end([sleeper.pid], 50)


def test_a_family_is_the_process_and_its_descendants() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT_WITH_CHILD], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert family(parent.pid) == [parent.pid, child]
        send([child], signal.SIGKILL)


def test_processes_are_found_by_program_and_working_folder(sleeper: subprocess.Popen[bytes], tmp_path: Path) -> None:
    program = Path(f"/proc/{sleeper.pid}/exe").readlink()
    assert working_in(tmp_path, program) == [sleeper.pid]
    assert working_in(tmp_path.parent, program) == []
    assert working_in(tmp_path, Path("/bin/another")) == []


def test_processes_are_found_though_their_folder_was_removed(tmp_path: Path) -> None:
    folder = tmp_path / "removed"
    folder.mkdir()
    with subprocess.Popen(["sleep", "60"], cwd=folder) as process:
        program = Path(f"/proc/{process.pid}/exe").readlink()
        folder.rmdir()
        assert working_in(folder, program) == [process.pid]
        process.kill()


def test_listening_belongs_to_a_process(sleeper: subprocess.Popen[bytes]) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        assert not listens(os.getpid(), port)
        listener.listen()
        assert listens(os.getpid(), port)
        assert not listens(sleeper.pid, port)
