"""What a stack asks of each of its servers."""

import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from devstack.cache import Cache
from devstack.room import Room


@dataclass(frozen=True, slots=True)
class Command:
    """How a server is executed: the program first in `argv`, and files that it reads, by name within its room."""

    argv: list[str]
    env: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


class Server(Protocol):
    """One kind of server. It knows nothing of processes, locks or other servers."""

    name: str
    port_names: tuple[str, ...]
    """Its ports; clients connect to the one called `client`."""
    stop_signal: signal.Signals
    as_caller: bool
    """Whether it runs as the caller even where the caller is root and others run as the service user."""

    def prepare(self, room: Room, cache: Cache) -> None:
        """Fetch what is missing and make the data folder if there is none; may run in a thread. Raises StackError."""

    def program(self, cache: Cache) -> Path:
        """The executable that its processes run."""

    def command(self, room: Room, cache: Cache) -> Command:
        """How to execute it. Its working folder will be `room.data`, where no other process of it works by now."""

    def is_ready(self, room: Room) -> bool:
        """Whether it serves clients now; answers within seconds. It is known to listen on its port."""

    def url(self, room: Room) -> str:
        """The address that clients connect to, complete with the password if it wants one. Raises NeverStarted."""

    def env(self, room: Room) -> dict[str, str]:
        """The environment variables by which applications find it. Raises NeverStarted."""
