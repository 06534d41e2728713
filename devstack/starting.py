"""The way of servers from whatever state they are in to serving clients, all of them side by side."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from devstack.cache import Cache
from devstack.failures import ServerFailed
from devstack.ports import is_free
from devstack.processes import is_alive, listens
from devstack.room import Room, Settings
from devstack.server import Server
from devstack.supervision import clear, kill, launch, resume

POLL_SECONDS = 0.02
READY_SECONDS = 90.0
PORT_ATTEMPTS = 4


def start_all(
    servers: Iterable[tuple[Server, Room]], cache: Cache, *, attached: bool, on_progress: Callable[[str], None]
) -> None:
    """Start those of the servers that are not running and wait until all serve clients.

    Data are prepared in threads; processes are launched by the calling thread. If one fails, the others are left as they
    are and its StackError is raised.
    """
    with ThreadPoolExecutor(thread_name_prefix="devstack") as pool:
        left = [Start(server, room, cache, pool, attached=attached, on_progress=on_progress) for server, room in servers]
        while left := [start for start in left if not start.advance()]:
            time.sleep(POLL_SECONDS)


class Start:
    """One server's way: prepare its data (in a thread), launch it, wait until it is ready."""

    def __init__(
        self, server: Server, room: Room, cache: Cache, pool: ThreadPoolExecutor, *, attached: bool, on_progress: Callable[[str], None]
    ) -> None:
        self._server, self._room, self._cache, self._attached, self._on_progress = server, room, cache, attached, on_progress
        self._began = time.monotonic()
        self._deadline = self._began + READY_SECONDS
        self._attempt = 0
        self._settings: Settings | None = None
        self._preparation: Future[None] | None = None
        self._pid = room.running()
        if self._pid is None:
            self._settings = room.settle(server.port_names)
            self._preparation = pool.submit(server.prepare, room, cache, self._settings.password)
        else:
            self._settings = room.settings()
            resume(self._pid)

    def advance(self) -> bool:
        """Take the next step if it can be taken now; True when the server is ready. Raises StackError."""
        if self._pid is None:
            self._launch_when_prepared()
            return False
        if not is_alive(self._pid):
            self._retry_or_fail()
            return False
        if self._is_ready():
            self._report()
            return True
        if time.monotonic() > self._deadline:
            kill(self._room, self._pid)
            raise self._failure(f"did not serve clients within {READY_SECONDS:.0f} s and was ended")
        return False

    def _launch_when_prepared(self) -> None:
        if self._preparation is None or not self._preparation.done():
            return
        self._preparation.result()
        clear(self._server, self._room, self._cache)
        self._settings = self._room.settle(self._server.port_names)
        command = self._server.command(self._room, self._cache, self._settings)
        self._pid = launch(self._room, command, attached=self._attached)
        self._attempt += 1
        self._deadline = time.monotonic() + READY_SECONDS

    def _is_ready(self) -> bool:
        assert self._pid is not None and self._settings is not None
        # The port may be somebody else's, who would answer in its place.
        return listens(self._pid, self._settings.ports["client"]) and self._server.is_ready(self._room, self._settings)

    def _retry_or_fail(self) -> None:
        """A port can be taken between being picked and being used: then other ports are."""
        assert self._settings is not None
        lost_port = not all(is_free(port) for port in self._settings.ports.values())
        if not lost_port or self._attempt >= PORT_ATTEMPTS:
            raise self._failure("ended while it was starting")
        self._pid = None

    def _failure(self, what: str) -> ServerFailed:
        name, log = self._server.name, self._room.log
        return ServerFailed(f"{name} {what}: read {log}, which ends with\n{self._room.log_tail()}")

    def _report(self) -> None:
        assert self._settings is not None
        if self._attempt == 0:
            self._on_progress(f"{self._server.name}: was running on port {self._settings.ports['client']}")
        else:
            seconds = time.monotonic() - self._began
            self._on_progress(f"{self._server.name}: ready on port {self._settings.ports['client']} after {seconds:.1f} s")
