"""The folder of one server within a stack: its settings, data, log and the record of its process."""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from devstack.failures import NeverStarted
from devstack.files import make_folder, write_whole
from devstack.ports import pick
from devstack.processes import boot_id, is_alive, read_stat
from devstack.users import ServiceUser

LOG_TAIL_LINES = 12


@dataclass(frozen=True, slots=True)
class Room:
    """One server's folder; `user` is who the server runs as, None for the caller."""

    folder: Path
    user: ServiceUser | None

    @property
    def data(self) -> Path:
        """The server's own data, of which nothing else in the room is part."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """What the server has printed since its last start; the run before is beside it, ending in `.1`."""
        return self.folder / "log"

    @property
    def record(self) -> Path:
        """Who the running server is, written by itself before it becomes the server."""
        return self.folder / "process.json"

    @property
    def lock(self) -> Path:
        """Locked as long as the server or a child of it lives, so that there is never a second one."""
        return self.folder / "server.lock"

    def is_settled(self) -> bool:
        """Whether the server has an address, which it keeps while it is down."""
        return self._ports_file.exists()

    def port(self, name: str) -> int:
        """The port of that name; clients connect to `client`. Raises NeverStarted."""
        try:
            return self.ports()[name]
        except KeyError as error:
            raise NeverStarted(f"The server in {self.folder} was never started: start it first.") from error

    def ports(self) -> dict[str, int]:
        """The ports by name, empty before the first start."""
        try:
            kept: dict[str, int] = json.loads(self._ports_file.read_text())
        except FileNotFoundError:
            return {}
        return kept

    def settle(self, port_names: tuple[str, ...]) -> None:
        """Choose the ports for a start now: those of the last run, save for any that is taken."""
        write_whole(self._ports_file, json.dumps(pick(port_names, self.ports())))

    def password(self) -> str:
        """What clients present to the server; made on first use, then kept."""
        file = self.folder / "password"
        if not file.exists():
            make_folder(self.folder)
            write_whole(file, secrets.token_urlsafe(18))
        return file.read_text()

    def running(self) -> int | None:
        """The pid of the running server, told from a later process of the same number by its start time."""
        try:
            record = json.loads(self.record.read_text())
        except FileNotFoundError:
            return None
        pid: int = record["pid"]
        if record["boot"] != boot_id() or not is_alive(pid):
            return None
        found = read_stat(pid)
        return pid if found is not None and found.started == record["started"] else None

    def begin_log(self) -> None:
        """Set the log of the last run aside."""
        if self.log.exists():
            self.log.replace(self.log.with_name("log.1"))

    def log_tail(self) -> str:
        """The last lines of the log, indented."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(f"  {line}" for line in lines[-LOG_TAIL_LINES:]) or "  (nothing)"

    @property
    def _ports_file(self) -> Path:
        return self.folder / "ports.json"
