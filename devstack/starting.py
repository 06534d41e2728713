"""The way of servers from whatever state they are in to serving clients, all of them side by side."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from devstack.cache import Cache
from devstack.failures import ServerFailed
from devstack.locks import attempt
from devstack.ports import is_free
from devstack.processes import is_alive, listens
from devstack.room import Room
from devstack.server import Server
from devstack.supervision import clear, kill, launch, resume

POLL_SECONDS = 0.02
READY_SECONDS = 150.0
MAX_LAUNCHES = 4


def start_all(
    servers: Iterable[tuple[Server, Room]], cache: Cache, *, attached: bool, on_progress: Callable[[str], None]
) -> None:
    """Start those of the servers that are not running and wait until all serve clients.

    Data are prepared in threads; processes are launched by the calling thread. If one fails, the others are left as they
    are and its StackError is raised.
    """
    with ThreadPoolExecutor(thread_name_prefix="devstack") as pool:
        left = [Start(server, room, cache, pool, attached=attached) for server, room in servers]
        while left:
            for start in [start for start in left if start.advance()]:
                on_progress(start.summary())
                left.remove(start)
            time.sleep(POLL_SECONDS)


class Start:
    """One server's way: its data are prepared (in a thread), it is launched, it gets ready."""

    def __init__(self, server: Server, room: Room, cache: Cache, pool: ThreadPoolExecutor, *, attached: bool) -> None:
        self._server, self._room, self._cache, self._attached = server, room, cache, attached
        self._began = time.monotonic()
        self._deadline = self._began + READY_SECONDS
        self._launches = 0
        self._preparation: Future[None] | None = None
        self._pid = room.running()
        if self._pid is None:
            self._preparation = pool.submit(server.prepare, room, cache)
        else:
            resume(self._pid)

    def advance(self) -> bool:
        """Take the next step if it can be taken now; True when the server serves clients. Raises StackError."""
        if self._preparation is not None:
            self._see_prepared(self._preparation)
        elif self._pid is None:
            self._launch_or_adopt()
        elif not is_alive(self._pid):
            self._launch_again_or_fail()
        elif self._is_ready(self._pid):
            return True
        elif time.monotonic() > self._deadline:
            kill(self._room, self._pid)
            raise self._failure(f"did not serve clients within {READY_SECONDS:.0f} s and was ended")
        return False

    def summary(self) -> str:
        """One line on how a server that is ready came to be."""
        place = f"port {self._room.port('client')}"
        if self._launches == 0:
            return f"{self._server.name}: was running on {place}"
        return f"{self._server.name}: ready on {place} after {time.monotonic() - self._began:.1f} s"

    def _see_prepared(self, preparation: Future[None]) -> None:
        if preparation.done():
            preparation.result()
            self._preparation = None
            self._deadline = time.monotonic() + READY_SECONDS

    def _launch_or_adopt(self) -> None:
        with attempt(self._room.lock) as lock:
            if lock is not None:
                self._launch(lock)
                return
        # A start that was killed may have had the server under way, or a killed server may have left children.
        self._pid = self._room.running()
        if self._pid is None:
            clear(self._server, self._room, self._cache)
            if time.monotonic() > self._deadline:
                raise self._failure(f"cannot be started while a process that is not on record holds {self._room.lock}")

    def _launch(self, lock: int) -> None:
        clear(self._server, self._room, self._cache)
        self._room.settle(self._server.port_names)
        command = self._server.command(self._room, self._cache)
        self._pid = launch(self._room, command, lock, attached=self._attached)
        self._launches += 1
        self._deadline = time.monotonic() + READY_SECONDS

    def _is_ready(self, pid: int) -> bool:
        # The port may be somebody else's by now, who would answer in the server's place.
        return listens(pid, self._room.port("client")) and self._server.is_ready(self._room)

    def _launch_again_or_fail(self) -> None:
        """A port can be taken between being picked and being used: then others are picked."""
        launched_here = self._launches > 0
        lost_port = not all(is_free(port) for port in self._room.ports().values())
        if launched_here and (not lost_port or self._launches >= MAX_LAUNCHES):
            raise self._failure("ended while it was starting")
        self._pid = None

    def _failure(self, what: str) -> ServerFailed:
        return ServerFailed(f"{self._server.name} {what}: read {self._room.log}, which ends with\n{self._room.log_tail()}")
