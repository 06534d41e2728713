"""Dead letters: records that were rejected, and events that failed for good. Unique on topic, partition and offset."""

from __future__ import annotations

from collections.abc import Sequence
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
