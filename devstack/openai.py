"""The stand-in for OpenAI, in a process of its own on this Python."""

import signal
import sys
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from devstack.cache import Cache
from devstack.files import make_folder
from devstack.placement import CHECKOUT
from devstack.ports import HOST
from devstack.room import Room
from devstack.server import Command
from devstack.standin.api import HEADER, KEY

PYTHON_FLAGS = ("-P", "-s", "-S", "-B")  # nothing but Python's own library and this checkout, and no files written there


class OpenAI:
    """A server that speaks OpenAI's API, keeps nothing and costs nothing."""

    name = "openai"
    port_names: tuple[str, ...] = ("client",)
    stop_signal = signal.SIGTERM
    as_caller = True

    def prepare(self, room: Room, cache: Cache) -> None:  # noqa: ARG002  others need it
        """Make the folder that it runs in, which stays empty."""
        make_folder(room.folder)
        make_folder(room.data)

    def program(self, cache: Cache) -> Path:  # noqa: ARG002  others need it
        """The Python that runs this, found through the links of a virtual environment."""
        return Path(sys.executable).resolve()

    def command(self, room: Room, cache: Cache) -> Command:
        """The module, from this checkout."""
        argv = [str(self.program(cache)), *PYTHON_FLAGS, "-m", "devstack.standin", str(room.port("client"))]
        return Command(argv, env={"PYTHONPATH": str(CHECKOUT)})

    def is_ready(self, room: Room) -> bool:
        """Whether it answers; asked in a way that it does not count as a call."""
        connection = HTTPConnection(HOST, room.port("client"), timeout=1)
        try:
            connection.request("GET", "/control/faults")
            return connection.getresponse().getheader(HEADER) is not None
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def url(self, room: Room) -> str:
        """The base URL for an SDK."""
        return f"http://{HOST}:{room.port('client')}/v1"

    def env(self, room: Room) -> dict[str, str]:
        """OPENAI_BASE_URL, and OPENAI_API_KEY, a word that is no secret."""
        return {"OPENAI_BASE_URL": self.url(room), "OPENAI_API_KEY": KEY}


def is_own(api_key: str | None, base_url: str | None) -> bool:
    """Whether a key and a base URL, as far as they are set, name another server than the stand-in, which then shall be used."""
    return api_key != KEY and bool(api_key or base_url)
