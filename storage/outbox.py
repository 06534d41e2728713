"""The outbox: what has been decided and is still to be published. Empty when idle.

A row belongs to the worker that wrote it until `claimed_until`; after that any relay may take it over.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from storage.database import Connection


class OutboxRow(NamedTuple):
    """One record to publish, in the order of the columns that COPY writes."""

    id: UUID
    flow: str
    client_id: str | None
    topic: str
    key: bytes | None
    value: bytes | None
    headers: bytes | None
    owner: UUID


COLUMNS = OutboxRow._fields

# Uses ix_outbox_claimed_until.
TAKE_OVER = """
update outbox set owner = $1, claimed_until = now() + $2
where id in (
    select id from outbox where parked_at is null
        and claimed_until < now() - case when owner = $1 then $4 else interval '0' end
    order by claimed_until limit $3 for update skip locked
)
returning id, flow, client_id, topic, key, value, headers, owner
"""

# Uses pk_outbox.
RENEW = "update outbox set claimed_until = now() + $3 where id = any($1::uuid[]) and owner = $2 returning id"
RECLAIM = """
select id, flow, client_id, topic, key, value, headers, owner from outbox
where id = any($1::uuid[]) and owner = $2 and parked_at is null
"""
DELETE = "delete from outbox where id = any($1::uuid[])"
PARK = "update outbox set parked_at = now(), last_error = $2 where id = $1"

# A parked row waits for a person, not for a relay.
BACKLOG = """
select count(*) as rows, coalesce(extract(epoch from now() - min(created_at)), 0)::float8 as age
from outbox where parked_at is null
"""


async def add(connection: Connection, rows: Sequence[OutboxRow]) -> None:
    """Adds rows by COPY, each claimed by its owner for the table's default time."""
    await connection.copy_records_to_table("outbox", records=rows, columns=COLUMNS)


async def take_over(
    connection: Connection, owner: UUID, claim: timedelta, limit: int, own_after: timedelta = timedelta(0)
) -> list[OutboxRow]:
    """Claims up to `limit` rows whose owner left them; the owner's own only `own_after` their claim has run out."""
    return [OutboxRow(*row.values()) for row in await connection.fetch(TAKE_OVER, owner, claim, limit, own_after)]


async def renew(connection: Connection, ids: Collection[UUID], owner: UUID, claim: timedelta) -> set[UUID]:
    """Prolongs the claims on `ids`; returns those that are still the owner's."""
    return {row["id"] for row in await connection.fetch(RENEW, list(ids), owner, claim)}


async def reclaim(connection: Connection, ids: Collection[UUID], owner: UUID) -> list[OutboxRow]:
    """The rows among `ids` that the owner wrote and still has: what a commit left whose answer was lost."""
    return [OutboxRow(*row.values()) for row in await connection.fetch(RECLAIM, list(ids), owner)]


async def delete(connection: Connection, ids: Collection[UUID]) -> None:
    """Deletes published rows. Losing this statement repeats a publication under the same id, no more."""
    await connection.execute(DELETE, list(ids))


async def park(connection: Connection, row_id: UUID, error: str) -> None:
    """Sets aside a row that Kafka refuses for good."""
    await connection.execute(PARK, row_id, error)


async def backlog(connection: Connection) -> tuple[int, float]:
    """How many rows wait to be published, and the age of the oldest in seconds."""
    row = await connection.fetchrow(BACKLOG)
    return row["rows"], row["age"]
