"""One question to the database, and its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, TypeVar

import typer

if TYPE_CHECKING:
    from storage.database import Connection, Database

T = TypeVar("T")


def known_flow(name: str | None) -> str | None:
    """The name of a flow, or none at all. Raises typer.BadParameter for any other."""
    from events.topics import TOPICS

    flows = dict.fromkeys(topic.flow for topic in TOPICS if topic.flow)
    if name is not None and name not in flows:
        raise typer.BadParameter(f"there is no flow {name!r}, but {', '.join(flows)}")
    return name


def known_client(name: str) -> str:
    """The name of a client. Raises typer.BadParameter for what can be none."""
    from events.text import is_client_id

    if not is_client_id(name):
        raise typer.BadParameter("must be letters, digits, dots, underscores and hyphens, at most 64")
    return name


def usable_id(name: str | None) -> str | None:
    """What a market snapshot or a portfolio can be called, or none at all. Raises typer.BadParameter for anything else."""
    from events.text import IDENTIFIER_LENGTH, is_identifier

    if name is not None and not is_identifier(name):
        raise typer.BadParameter(f"must be 1 to {IDENTIFIER_LENGTH} printable characters")
    return name


def as_seen_by(database: Database, client: str | None) -> AbstractAsyncContextManager[Connection]:
    """A connection that shows what the client may see; without a client, everything."""
    from storage.tenant import tenant_session

    return tenant_session(database, client) if client else database.connection()


def ask(question: Callable[[Connection], Awaitable[T]], client: str | None = None) -> T:
    """What `question` finds; with a client, what that client may see. Raises Unreachable where PostgreSQL is away."""
    from millrace.cli.servers import reaching_database, settings

    url = settings("database_url").need("database_url")
    with reaching_database(url):
        return asyncio.run(_answer(url, question, client))


async def _answer(url: str, question: Callable[[Connection], Awaitable[T]], client: str | None) -> T:
    from storage.database import Database

    database = Database(url, pool_size=1, application_name="millrace-cli")
    try:
        async with as_seen_by(database, client) as connection:
            return await question(connection)
    finally:
        await database.close()
