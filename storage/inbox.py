"""The inbox: one row for each accepted event that has its outcome. Its primary key is what makes effects once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

import asyncpg

from storage.database import Connection


class InboxRow(NamedTuple):
    """One accepted event and its outcome, in the order of the columns that COPY writes."""

    event_key: UUID
    flow: str
    source: str
    event_id: str
    generation: int
    client_id: str
    payload_sha256: bytes
    outcome: str


COLUMNS = InboxRow._fields
PRIMARY_KEY = "pk_inbox"

# Uses pk_inbox. The order of the rows is that of the arrays: sorted, so that two groups never wait for each other.
ENTER_THE_NEW = """
insert into inbox (event_key, flow, source, event_id, generation, client_id, payload_sha256, outcome)
select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::int[], $6::text[], $7::bytea[], $8::text[])
on conflict (event_key) do nothing
returning event_key
"""

# Uses pk_inbox.
STORED_HASHES = "select event_key, payload_sha256 from inbox where event_key = any($1::uuid[])"

# Uses pk_inbox.
MARK_FAILED = "update inbox set outcome = 'failed' where event_key = any($1::uuid[]) and outcome <> 'failed'"

# Uses pk_inbox and pk_retries. One statement, so that a key that goes from the one to the other is seen.
KNOWN_HASHES = """
select event_key, payload_sha256, true as is_done from inbox where event_key = any($1::uuid[] || $2::uuid[])
union all
select event_key, payload_sha256, false from retries where event_key = any($1::uuid[])
order by is_done
"""


async def enter(connection: Connection, rows: Sequence[InboxRow]) -> None:
    """Enters rows that are all believed to be new, by COPY.

    Raises:
        asyncpg.UniqueViolationError: at least one key is there already; `is_taken` tells. Nothing is entered.
    """
    await connection.copy_records_to_table("inbox", records=sorted(rows), columns=COLUMNS)


def is_taken(error: BaseException) -> bool:
    """Whether `error` says that a key was in the inbox already."""
    return isinstance(error, asyncpg.UniqueViolationError) and error.constraint_name == PRIMARY_KEY


async def enter_new(connection: Connection, rows: Sequence[InboxRow]) -> set[UUID]:
    """Enters the rows whose keys are new, waiting for other groups that hold one of them; returns the new keys."""
    columns = [list(column) for column in zip(*sorted(rows), strict=True)]
    return {row["event_key"] for row in await connection.fetch(ENTER_THE_NEW, *columns)}


async def mark_failed(connection: Connection, keys: Collection[UUID]) -> None:
    """Corrects the outcome of events that were answered from a failure stored before."""
    if keys:
        await connection.execute(MARK_FAILED, list(keys))


async def stored_hashes(connection: Connection, keys: Collection[UUID]) -> dict[UUID, bytes]:
    """The payload hash of each of the keys that is in the inbox."""
    return {row["event_key"]: row["payload_sha256"] for row in await connection.fetch(STORED_HASHES, list(keys))}


async def known_hashes(connection: Connection, fresh: Collection[UUID], retried: Collection[UUID]) -> dict[UUID, bytes]:
    """The payload hash of each key that is in the inbox or, of the `fresh`, waits in `retries`; of both, the inbox decides."""
    rows = await connection.fetch(KNOWN_HASHES, list(fresh), list(retried))
    return {row["event_key"]: row["payload_sha256"] for row in rows}
