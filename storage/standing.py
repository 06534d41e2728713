"""What has become of records, asked for many at once: of their events in inbox and retries, of their places in dead letters."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from storage.database import Connection


class Known(NamedTuple):
    """An event that is in the inbox, with its outcome (`completed`, `failed`), or else `waiting` in retries."""

    payload_sha256: bytes
    state: str


# Uses pk_inbox and pk_retries. One statement, so that a key that goes from the one to the other is seen; the inbox comes last.
BY_KEY = """
select event_key, payload_sha256, 'waiting' as state from retries where event_key = any($1::uuid[])
union all
select event_key, payload_sha256, outcome from inbox where event_key = any($1::uuid[])
"""

# Uses uq_dead_letters_topic_partition_offset.
BY_PLACE = """
select partition, "offset", error_class from dead_letters
join unnest($2::int[], $3::bigint[]) as asked (p, o) on partition = p and "offset" = o
where topic = $1
"""


async def by_key(connection: Connection, keys: Collection[UUID]) -> dict[UUID, Known]:
    """What is known of those of the events that are known."""
    found: dict[UUID, Known] = {}
    for key, payload, state in await connection.fetch(BY_KEY, list(keys)):
        if state != "waiting" or key not in found:
            found[key] = Known(payload, state)
    return found


async def by_place(connection: Connection, topic: str, places: Collection[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """The `error_class` of the letter of each (partition, offset) that left one."""
    partitions, offsets = [place[0] for place in places], [place[1] for place in places]
    rows = await connection.fetch(BY_PLACE, topic, partitions, offsets)
    return {(partition, offset): error_class for partition, offset, error_class in rows}
