"""Brings a database to the newest tables, or to a chosen revision of them, from within a program."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import NamedTuple

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from storage.database import Connection, Database

CONFIGURATION = Path(__file__).resolve().parent.parent / "alembic.ini"


class Migration(NamedTuple):
    """The revisions before and after; None is a database without any tables of ours."""

    before: str | None
    after: str | None


def configuration(database_url: str) -> Config:
    """Alembic's configuration for that database."""
    config = Config(CONFIGURATION)
    config.attributes["database_url"] = database_url
    return config


async def migrate(database_url: str, revision: str = "head") -> Migration:
    """Upgrades to `revision`, all of it or nothing.

    Another process that migrates the same database is waited for, and its work found done. Within one process only one
    call may run at a time: Alembic keeps what it works on in a global.
    """
    before = await _stored_at(database_url)
    # In a thread, because the migrations' environment runs an event loop of its own.
    await asyncio.to_thread(command.upgrade, configuration(database_url), revision)
    return Migration(before, await _stored_at(database_url))


def newest_revision() -> str | None:
    """The revision that this code works with."""
    return _revisions().get_current_head()


def older_revisions() -> set[str]:
    """The revisions that lead to the newest."""
    return {revision.revision for revision in _revisions().walk_revisions()} - {str(newest_revision())}


async def stored_revision(connection: Connection) -> str | None:
    """The revision that the database is at; None before the first migration."""
    if await connection.fetchval("select to_regclass('alembic_version')") is None:
        return None
    revision: str | None = await connection.fetchval("select version_num from alembic_version")
    return revision


async def require_tables(database: Database) -> None:
    """Raises LookupError, saying what to do, while the tables are older than this code.

    A revision that this code does not know is a newer one: during a rolling update it works with both.
    """
    async with database.connection() as connection:
        stored = await stored_revision(connection)
    if stored is None or stored in older_revisions():
        wanted = newest_revision()
        raise LookupError(f"the tables are at revision {stored}, not at {wanted}; bring them there with `millrace migrate`")


def _revisions() -> ScriptDirectory:
    return ScriptDirectory.from_config(Config(CONFIGURATION))


async def _stored_at(database_url: str) -> str | None:
    database = Database(database_url, pool_size=1, application_name="millrace-migrate")
    try:
        async with database.connection() as connection:
            return await stored_revision(connection)
    finally:
        await database.close()
