"""Dead letters: records that were rejected, and events that failed for good. Unique on topic, partition and offset."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from storage.database import Connection


class DeadLetterRow(NamedTuple):
    """One dead letter. `source` to `client_id` are None where the record could not be read that far."""

    flow: str
    topic: str
    partition: int
    offset: int
    source: str | None
    event_id: str | None
    generation: int | None
    client_id: str | None
    key: bytes | None
    value: bytes | None
    headers: bytes | None
    reason: str
    error_class: str
    message: str
    fingerprint: str
    attempts: int


class Letter(NamedTuple):
    """What it takes to send a dead letter's record once more."""

    id: UUID
    flow: str
    topic: str
    source: str | None
    event_id: str | None
    generation: int | None
    client_id: str | None
    key: bytes | None
    value: bytes | None
    headers: bytes | None
    reason: str
    error_class: str
    status: str


# Uses uq_dead_letters_topic_partition_offset.
BURY = """
insert into dead_letters (flow, topic, partition, "offset", source, event_id, generation, client_id, key, value,
    headers, reason, error_class, message, fingerprint, attempts)
select * from unnest($1::text[], $2::text[], $3::int[], $4::bigint[], $5::text[], $6::text[], $7::int[], $8::text[],
    $9::bytea[], $10::bytea[], $11::bytea[], $12::text[], $13::text[], $14::text[], $15::text[], $16::int[])
on conflict (topic, partition, "offset") do nothing
returning topic, partition, "offset"
"""

# The record itself may have a megabyte, so that only the letter in full has it.
SUMMARY = """id, flow, topic, partition, "offset", source, event_id, generation, client_id,
    reason, error_class, message, fingerprint, attempts, status, first_failed_at, last_failed_at"""
FIELDS = f"{SUMMARY}, key, value, headers"

# Uses ix_dead_letters_status_last_failed_at.
PAGE = f"""
select {SUMMARY}, octet_length(value) as size, count(*) over () as total from dead_letters
where ($1::text is null or status = $1) and ($2::text is null or flow = $2) and ($3::text is null or client_id = $3)
order by last_failed_at desc, id desc offset $4 limit $5
"""  # noqa: S608 - SUMMARY is a constant

# Uses ix_dead_letters_status_last_failed_at.
DEAD = "status = 'dead' and ($1::text is null or reason = $1) and ($2::text is null or flow = $2)"
COUNT_DEAD = f"select count(*) as number, now() as until from dead_letters where {DEAD}"  # noqa: S608 - DEAD is a constant

# Uses pk_dead_letters. What died later than $3 may be what this very list is used to send again.
NEXT_DEAD = f"""
select id, coalesce(octet_length(value), 0) as size from dead_letters
where {DEAD} and first_failed_at <= $3 and ($4::uuid is null or id > $4)
order by id limit $5
"""  # noqa: S608 - DEAD is a constant

# Uses pk_dead_letters. In order, so that two operators who lock the same letters do not wait for each other for ever.
SIZES = "select id, coalesce(octet_length(value), 0) as size from dead_letters where id = any($1::uuid[])"
LOCK = f"select {', '.join(Letter._fields)} from dead_letters where id = any($1::uuid[]) order by id for update"  # noqa: S608
MARK_REPLAYED = "update dead_letters set status = 'replayed' where id = any($1::uuid[])"

ONE = f"select {FIELDS} from dead_letters where id = $1"  # noqa: S608 - as above


async def bury(connection: Connection, rows: Sequence[DeadLetterRow]) -> set[tuple[str, int, int]]:
    """Adds dead letters; returns the (topic, partition, offset) of those that were not there yet."""
    ordered = sorted(rows, key=lambda row: (row.topic, row.partition, row.offset))
    columns = [list(column) for column in zip(*ordered, strict=True)]
    return {tuple(row) for row in await connection.fetch(BURY, *columns)}


async def page(
    connection: Connection,
    *,
    status: str | None = "dead",
    flow: str | None = None,
    client_id: str | None = None,
    offset: int = 0,
    limit: int = 20,
) -> tuple[list[dict[str, Any]], int]:
    """A page of dead letters, newest first, with the sizes of their records instead of those; and how many there are."""
    rows = [dict(row) for row in await connection.fetch(PAGE, status, flow, client_id, offset, limit)]
    total = rows[0]["total"] if rows else 0
    for row in rows:
        del row["total"]
    return rows, total


async def one(connection: Connection, letter_id: UUID) -> dict[str, Any] | None:
    """The dead letter of that id, or None."""
    row = await connection.fetchrow(ONE, letter_id)
    return dict(row) if row else None


async def count_dead(connection: Connection, reason: str | None, flow: str | None) -> tuple[int, datetime]:
    """How many letters are dead, of one reason or flow or of any; and the database's time when they were counted."""
    row = await connection.fetchrow(COUNT_DEAD, reason, flow)
    return row["number"], row["until"]


async def next_dead(
    connection: Connection, reason: str | None, flow: str | None, until: datetime, after: UUID | None, limit: int
) -> list[tuple[UUID, int]]:
    """The first `limit` letters with ids above `after` that were dead at `until` and still are: ids and sizes of records."""
    return [tuple(row) for row in await connection.fetch(NEXT_DEAD, reason, flow, until, after, limit)]


async def sizes(connection: Connection, ids: Collection[UUID]) -> dict[UUID, int]:
    """The sizes of the records of those letters that there are."""
    return {row["id"]: row["size"] for row in await connection.fetch(SIZES, list(ids))}


async def lock(connection: Connection, ids: Collection[UUID]) -> dict[UUID, Letter]:
    """Those of the letters that there are, each locked until the transaction ends."""
    return {row["id"]: Letter(*row.values()) for row in await connection.fetch(LOCK, list(ids))}


async def mark_replayed(connection: Connection, ids: Collection[UUID]) -> None:
    """Their records go out again, so these letters are no longer dead."""
    await connection.execute(MARK_REPLAYED, list(ids))
