"""The folder of one server within a stack: its settings, data, log and the record of its process."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from devstack.files import make_folder, write_whole
from devstack.ports import pick
from devstack.processes import Stat, boot_id, is_alive, read_stat
from devstack.users import ServiceUser

LOG_TAIL_LINES = 12


@dataclass(frozen=True, slots=True)
class Settings:
    """What a server keeps over restarts: its ports by name, and the password that clients present."""

    ports: dict[str, int]
    password: str


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

    def settings(self) -> Settings | None:
        """The kept settings, None before the first start."""
        try:
            kept = json.loads((self.folder / "settings.json").read_text())
        except FileNotFoundError:
            return None
        return Settings(ports=kept["ports"], password=kept["password"])

    def settle(self, port_names: tuple[str, ...]) -> Settings:
        """The settings for a start now: what was kept, with ports that are taken picked anew."""
        make_folder(self.folder)
        kept = self.settings()
        password = kept.password if kept else secrets.token_urlsafe(18)
        settings = Settings(ports=pick(port_names, kept.ports if kept else {}), password=password)
        if settings != kept:
            write_whole(self.folder / "settings.json", json.dumps({"ports": settings.ports, "password": password}))
        return settings

    def running(self) -> int | None:
        """The pid of the running server, told from a later process of the same number by its start time."""
        try:
            record = json.loads(self.record.read_text())
        except FileNotFoundError:
            return None
        if record["boot"] != boot_id() or not is_alive(record["pid"]):
            return None
        found: Stat | None = read_stat(record["pid"])
        return record["pid"] if found is not None and found.started == record["started"] else None

    def begin_log(self) -> None:
        """Set the log of the last run aside."""
        if self.log.exists():
            os.replace(self.log, self.log.with_name("log.1"))

    def log_tail(self) -> str:
        """The last lines of the log, indented."""
        if not self.log.exists():
            return "  (nothing)"
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return "\n".join(f"  {line}" for line in lines) or "  (nothing)"
