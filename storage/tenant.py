"""Reading on behalf of one client: the database itself shows that client's rows alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from storage.database import Connection, Database

TENANT_ROLE = "millrace_tenant"

# The last argument: for this transaction only, so the pool's next user has neither.
BECOME = "select set_config('role', $1, true), set_config('app.client_id', $2, true)"


@asynccontextmanager
async def tenant_session(database: Database, client_id: str) -> AsyncIterator[Connection]:
    """The driver's connection in a transaction that sees the results and content of `client_id`, and nothing else.

    Row-level security filters the tables of results and content; writing, and reading the engine's
    tables, is refused (42501).
    """
    async with database.transaction() as connection:
        await connection.execute(BECOME, TENANT_ROLE, client_id)
        yield connection
