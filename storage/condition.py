"""How a database is: its versions, its revision, its roles, its clock. What has to hold is judged elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from storage.database import Connection
from storage.migrate import stored_revision
from storage.tenant import TENANT_ROLE


class Condition(NamedTuple):
    """What a look at a database found.

    `pgvector` is the version of the extension in this database, else `pgvector_offered` that which could be created there.
    `owns_tables`: whether this role owns all that Millrace has made. `clock_ahead`, in seconds, is the database's clock less
    ours.
    """

    server: str
    revision: str | None
    pgvector: str | None
    pgvector_offered: str | None
    has_tenant_role: bool
    may_become_tenant: bool
    owns_tables: bool
    clock_ahead: float


# 16 tells apart who inherits a role from who may become it.
LOOK = """
select current_setting('server_version') as server,
    (select extversion from pg_extension where extname = 'vector') as pgvector,
    (select default_version from pg_available_extensions where name = 'vector') as pgvector_offered,
    exists (select from pg_roles where rolname = $1) as has_tenant_role,
    coalesce((select pg_has_role(current_user, oid,
        case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end)
        from pg_roles where rolname = $1), false) as may_become_tenant,
    not exists (select from pg_tables
        where schemaname = current_schema() and tablename in ('inbox', 'outbox', 'retries', 'dead_letters', 'runs')
        and tableowner <> current_user) as owns_tables
"""


async def look(connection: Connection, clock: Callable[[], float] = time.time) -> Condition:
    """Asks the database how it is."""
    found = await connection.fetchrow(LOOK, TENANT_ROLE)
    asked = clock()
    theirs = await connection.fetchval("select extract(epoch from clock_timestamp())::float8")
    ours = (asked + clock()) / 2
    return Condition(**found, revision=await stored_revision(connection), clock_ahead=theirs - ours)
