"""Runs the migrations over asyncpg, one migrating process at a time for a database.

The address: the attribute `database_url` of the configuration (a program's choice), else MIGRATIONS_DATABASE_URL,
else DATABASE_URL; each of the variables also as a file that NAME_FILE names.
"""

from __future__ import annotations

import asyncio
import os
from logging.config import fileConfig
from pathlib import Path

from alembic import context
from pgvector.sqlalchemy import Vector
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from storage.models import Base

# Any number that nothing else in this database locks.
LOCK = 0x4D494C4C
LOCK_WAIT = "120s"


def database_url() -> URL:
    chosen = context.config.attributes.get("database_url")
    found = chosen or variable("MIGRATIONS_DATABASE_URL") or variable("DATABASE_URL")
    if not found:
        raise SystemExit("Set MIGRATIONS_DATABASE_URL or DATABASE_URL to the database to migrate.")
    return make_url(found).set(drivername="postgresql+asyncpg")


def variable(name: str) -> str | None:
    path = os.environ.get(f"{name}_FILE")
    return os.environ.get(name) or (Path(path).read_text().strip() if path else None)


def run(connection: Connection) -> None:
    # Reflection meets the type once a table has such a column.
    connection.dialect.ischema_names["vector"] = Vector  # type: ignore[attr-defined]
    # The session holds the lock over all transactions of the migration; its end releases it.
    connection.execute(text(f"set lock_timeout = '{LOCK_WAIT}'"))
    connection.execute(text("select pg_advisory_lock(:lock)"), {"lock": LOCK})
    connection.commit()
    context.configure(connection=connection, target_metadata=Base.metadata, compare_server_default=True)
    with context.begin_transaction():
        context.run_migrations()


async def run_online() -> None:
    engine = create_async_engine(database_url(), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()


def run_offline() -> None:
    context.configure(
        dialect_name="postgresql", target_metadata=Base.metadata, literal_binds=True, dialect_opts={"paramstyle": "named"}
    )
    with context.begin_transaction():
        context.run_migrations()


def log_as_configured() -> None:
    # A program that migrates has its own logging.
    if context.config.config_file_name and "database_url" not in context.config.attributes:
        fileConfig(context.config.config_file_name, disable_existing_loggers=False)


log_as_configured()
if context.is_offline_mode():
    run_offline()
else:
    asyncio.run(run_online())
