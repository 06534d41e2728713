"""Where workers began with a partition, and what one of them had alone in hand: the traces that a dead worker leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from storage.database import Connection


class Start(NamedTuple):
    """The beginning of a worker with a partition.

    `starts` counts the beginnings at `offset` that nobody has taken back, this one too. `reach` is the highest offset that the
    ones before have taken in, as far as it was kept. `in_hand` is the record that a worker had alone in hand when it died, so
    `deaths` times in a row; `decoded`: the last of them died after it was decoded.
    """

    topic: str
    partition: int
    offset: int
    starts: int
    reach: int | None = None
    in_hand: int | None = None
    deaths: int = 0
    decoded: bool = False


class Left(NamedTuple):
    """A start that ends in good order: its partition and offset, and what the worker still has alone in hand of it."""

    topic: str
    partition: int
    offset: int
    in_hand: int | None = None


# Uses pk_starts. A row that is this owner's own is no new start: its last answer was lost. What was in hand and lies ahead
# still is remembered whatever else was finished.
BEGIN = """
insert into starts (flow, topic, partition, "offset", starts, owner)
select $1, t, p, o, 1, $2 from unnest($3::text[], $4::int[], $5::bigint[]) as r (t, p, o) order by t, p
on conflict (flow, topic, partition) do update set
    starts = case when starts."offset" <> excluded."offset" then 1
        when starts.owner = excluded.owner then starts.starts else starts.starts + 1 end,
    reach = case when starts."offset" = excluded."offset" then starts.reach end,
    in_hand = case when starts.in_hand >= excluded."offset" then starts.in_hand end,
    deaths = case when starts.in_hand >= excluded."offset" then starts.deaths else 0 end,
    decoded = coalesce(starts.decoded and starts.in_hand >= excluded."offset", false),
    "offset" = excluded."offset", owner = excluded.owner, started_at = now(), updated_at = now()
returning topic, partition, "offset", starts, reach, in_hand, deaths, decoded
"""

# Uses pk_starts. `greatest` passes over null.
REACH = """
update starts set reach = greatest(reach, $4), updated_at = now() where flow = $1 and topic = $2 and partition = $3
"""

# Uses pk_starts. Whoever has lost the partition says nothing any more of what its successor has in hand.
TAKE = """
update starts set in_hand = $5, deaths = $6, decoded = $7, updated_at = now()
where flow = $1 and topic = $3 and partition = $4 and owner = $2
"""

# Uses pk_starts. Whose row it is now does not matter: the one who leaves is alive, so its start was no death.
LEAVE = """
update starts set starts = greatest(starts.starts - 1, 0), owner = nullif(owner, $2), updated_at = now(),
    deaths = case when starts.in_hand = h then greatest(deaths - 1, 0) else deaths end
from unnest($3::text[], $4::int[], $5::bigint[], $6::bigint[]) as r (t, p, o, h)
where flow = $1 and topic = t and partition = p and "offset" = o
"""


async def begin(
    connection: Connection, flow: str, owner: UUID, offsets: Mapping[tuple[str, int], int]
) -> dict[tuple[str, int], Start]:
    """Writes down that `owner` begins with partitions, each (topic, partition) at its offset; what is known of each."""
    topics, partitions = zip(*offsets, strict=True)
    rows = await connection.fetch(BEGIN, flow, owner, topics, partitions, list(offsets.values()))
    return {(start.topic, start.partition): start for start in (Start(*row.values()) for row in rows)}


async def reach(connection: Connection, flow: str, topic: str, partition: int, offset: int) -> None:
    """Writes down that records up to `offset` were taken in."""
    await connection.execute(REACH, flow, topic, partition, offset)


async def take(
    connection: Connection,
    flow: str,
    owner: UUID,
    place: tuple[str, int],
    in_hand: int | None,
    deaths: int,
    *,
    decoded: bool,
) -> None:
    """Writes down which record of a partition, its topic and number, `owner` has alone in hand, None: none, and how often."""
    await connection.execute(TAKE, flow, owner, *place, in_hand, deaths, decoded)


async def leave(connection: Connection, flow: str, owner: UUID, left: Sequence[Left]) -> None:
    """Takes starts back, and what is in hand: only deaths shall count."""
    await connection.execute(LEAVE, flow, owner, *(list(column) for column in zip(*left, strict=True)))
