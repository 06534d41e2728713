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


# An answer that takes longer tells too little of the clock.
CLOCK_LOOKS, CLOCK_ANSWER_SECONDS = 5, 3.0
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
    ahead = await clock_ahead(connection, clock)
    return Condition(**found, revision=await stored_revision(connection), clock_ahead=ahead)


async def clock_ahead(connection: Connection, clock: Callable[[], float]) -> float:
    """The database's clock less ours, in seconds.

    It can be told to within half of what the answer takes: so that seconds in which either machine stood still are not taken
    for a wrong clock, it is asked again until an answer is quick, and the quickest counts.
    """
    looks: list[tuple[float, float]] = []
    for _ in range(CLOCK_LOOKS):
        asked = clock()
        theirs = await connection.fetchval("select extract(epoch from clock_timestamp())::float8")
        answered = clock()
        took = abs(answered - asked)  # ours may be put back meanwhile
        looks.append((took, theirs - (asked + answered) / 2))
        if took <= CLOCK_ANSWER_SECONDS:
            break
    return min(looks)[1]
