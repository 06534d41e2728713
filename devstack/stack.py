"""The local servers as one thing that is started, stopped, looked at and, in tests, hurt."""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypedDict

from devstack import supervision
from devstack.cache import Cache
from devstack.failures import NeverStarted, UnknownServer
from devstack.files import make_folder, remove_folder
from devstack.kafka import Kafka
from devstack.locks import exclusive
from devstack.openai import OpenAI
from devstack.placement import default_state_folder, place
from devstack.platforms import require_supported_platform
from devstack.postgres import Postgres
from devstack.redis import Redis
from devstack.room import Room
from devstack.server import Server
from devstack.starting import start_all
from devstack.users import service_user

POSTGRES = Postgres()
SERVERS: Mapping[str, Server] = MappingProxyType({"postgres": POSTGRES, "redis": Redis(), "kafka": Kafka(), "openai": OpenAI()})


class ServerStatus(TypedDict):
    """One server as `status` shows it: its pid if it runs, its address once it has one, its data folder."""

    pid: int | None
    url: str | None
    data: str


@dataclass(frozen=True, slots=True)
class StackInfo:
    """A started stack: where its state lies, how applications find its servers, and how they are."""

    folder: Path
    env: dict[str, str]
    servers: dict[str, ServerStatus]


class Stack:
    """PostgreSQL, Redis, Kafka and a stand-in for OpenAI, with their state under `state_dir`.

    That is `.millrace/` of the checkout by default.

    Stacks with different state folders run beside each other. Downloads and templates lie in `cache_dir`, by default
    `cache/` under `.millrace/`, and are shared. Everything can be called again after any process, the caller included, has
    been killed. Attached servers die with the process that starts them, whose main thread must do so. All methods block and
    raise StackError.
    """

    def __init__(self, state_dir: Path | None = None, *, cache_dir: Path | None = None, attached: bool = False) -> None:
        require_supported_platform()
        self._user = service_user()
        self._attached = attached
        default = default_state_folder()
        self.folder = place(state_dir or default, self._user)
        """Where the state really lies; elsewhere than asked for if the servers could not enter there."""
        self._cache_folder = place(cache_dir or default / "cache", self._user)

    def start(self, names: Collection[str] | None = None, on_progress: Callable[[str], None] | None = None) -> StackInfo:
        """Start those of the named servers (default: all) that are not running, and wait until all of them serve clients.

        A paused server goes on. Data, addresses and passwords are those of the last run, save for ports taken meanwhile.
        `on_progress` gets one line per event, never two at once.
        """
        chosen = self._chosen(names)
        report = _one_at_a_time(on_progress or _ignore)
        with self._locked(report):
            start_all(chosen, Cache(self._cache_folder, self._user, report), attached=self._attached, on_progress=report)
            make_folder(self._objects)
        return StackInfo(self.folder, self.env(), self.status())

    def stop(self, names: Collection[str] | None = None) -> None:
        """End the named servers (default: all) in good order; those that run somewhere else are left alone."""
        with self._locked():
            ending = [(room, supervision.ask_to_end(server, room)) for server, room in self._chosen(names)]
            for room, pid in ending:
                if pid is not None:
                    supervision.see_it_end(room, pid)

    def status(self) -> dict[str, ServerStatus]:
        """How each server is, by name."""
        return {server.name: _status(server, room) for server, room in self._chosen(None)}

    def env(self) -> dict[str, str]:
        """The environment variables by which applications find the servers. Raises NeverStarted before the first start."""
        settled = [(server, room) for server, room in self._chosen(None) if room.is_settled()]
        if not settled:
            raise NeverStarted(f"The stack in {self.folder} was never started: start it first.")
        found = {"OBJECT_STORE_URL": self._objects.as_uri()}
        for server, room in settled:
            found |= server.env(room)
        return found

    def superuser_url(self) -> str:
        """PostgreSQL's superuser in the database `millrace`, for what its owner may not see. Raises NeverStarted."""
        return POSTGRES.superuser_url(self._one(POSTGRES.name)[1])

    def kill(self, name: str) -> None:
        """SIGKILL to the server and all of its processes. Raises NotRunning."""
        with self._locked():
            server, room = self._one(name)
            supervision.kill(room, supervision.require_running(server, room))

    def pause(self, name: str) -> None:
        """SIGSTOP to the server and all of its processes: clients wait, connections stay. Raises NotRunning."""
        with self._locked():
            supervision.pause(supervision.require_running(*self._one(name)))

    def resume(self, name: str) -> None:
        """SIGCONT to a paused server. Raises NotRunning."""
        with self._locked():
            supervision.resume(supervision.require_running(*self._one(name)))

    def erase(self) -> None:
        """Stop all servers and remove the state folder, with the cache if that lies within."""
        self.stop()
        remove_folder(self.folder)

    @property
    def _objects(self) -> Path:
        return self.folder / "objects"

    def _chosen(self, names: Collection[str] | None) -> list[tuple[Server, Room]]:
        return [self._one(name) for name in (SERVERS if names is None else dict.fromkeys(names))]

    def _one(self, name: str) -> tuple[Server, Room]:
        if name not in SERVERS:
            raise UnknownServer(f"There is no server {name!r}: the stack has {', '.join(SERVERS)}.")
        server = SERVERS[name]
        return server, Room(self.folder / name, None if server.as_caller else self._user)

    @contextmanager
    def _locked(self, report: Callable[[str], None] | None = None) -> Iterator[None]:
        def waiting() -> None:
            if report is not None:
                report("waiting for another start or stop of this stack")

        with exclusive(self.folder / "stack.lock", waiting):
            yield


def _status(server: Server, room: Room) -> ServerStatus:
    url = server.url(room) if room.is_settled() else None
    return {"pid": room.running(), "url": url, "data": str(room.data)}


def _ignore(_line: str) -> None:
    pass


def _one_at_a_time(report: Callable[[str], None]) -> Callable[[str], None]:
    lock = threading.Lock()

    def guarded(line: str) -> None:
        with lock:
            report(line)

    return guarded
