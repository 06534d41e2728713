"""Generations: an event is worked on again only in one that has been allotted to it here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

import asyncpg

from storage.database import Connection

PRIMARY_KEY = "pk_generations"


class Wanted(NamedTuple):
    """One event to be worked on again, as its dead letter names it; `generation` is the one that failed."""

    flow: str
    source: str
    event_id: str
    generation: int
    letter_id: UUID


class Wish(NamedTuple):
    """An event to be worked on again in a generation above `generation`."""

    source: str
    event_id: str
    generation: int


class Allotment(NamedTuple):
    """What an event of a generation above 0 says of itself."""

    source: str
    event_id: str
    generation: int
    replay_id: str


# Uses pk_generations. The inbox need not be asked: what it has above 0 was allotted here, and what failed stands in the letter.
ALLOT = """
insert into generations (flow, source, event_id, generation, replay_id, dead_letter_id, requested_by)
select f, s, e,
    greatest(
        max(g) over same_event,
        (select max(generation) from generations where flow = f and source = s and event_id = e)
    ) + row_number() over (same_event order by g, l),
    $6, l, $7
from unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::uuid[]) as wanted (f, s, e, g, l)
window same_event as (partition by f, s, e)
order by f, s, e
returning dead_letter_id, generation
"""

# Both use pk_generations. Of two transactions that look at the same time the second finds the first one's generation taken.
ALLOT_ONCE = """
insert into generations (flow, source, event_id, generation, replay_id, requested_by)
select $1, s, e,
    greatest(g, (select max(generation) from generations where flow = $1 and source = s and event_id = e)) + 1, $5, $6
from unnest($2::text[], $3::text[], $4::int[]) as wanted (s, e, g)
where not exists (select from generations where flow = $1 and source = s and event_id = e and replay_id = $5)
order by s, e
"""
OF_REPLAY = """
select source, event_id, max(generation) as generation
from generations join unnest($2::text[], $3::text[]) as asked (s, e) on source = s and event_id = e
where flow = $1 and replay_id = $4
group by source, event_id
"""

# Uses pk_generations.
ALLOTTED = """
select source, event_id, generation, replay_id
from generations
join unnest($2::text[], $3::text[], $4::int[], $5::text[]) as asked (s, e, g, r)
    on source = s and event_id = e and generation = g and replay_id = r
where flow = $1
"""


async def allot(connection: Connection, wanted: Sequence[Wanted], replay_id: str, requested_by: str) -> dict[UUID, int]:
    """Allots each event the generation after its newest; returns them by letter.

    Raises:
        asyncpg.UniqueViolationError: another transaction allotted one of them meanwhile (`is_taken`). Nothing is allotted.
    """
    if not wanted:
        return {}
    columns = [list(column) for column in zip(*wanted, strict=True)]
    rows = await connection.fetch(ALLOT, *columns, replay_id, requested_by)
    return {row["dead_letter_id"]: row["generation"] for row in rows}


async def allot_once(
    connection: Connection, flow: str, wishes: Sequence[Wish], replay_id: str, requested_by: str
) -> dict[tuple[str, str], int]:
    """The generation that this replay has allotted to each event, by source and id: what it has not is allotted now.

    Each event comes once. Raises as `allot` does.
    """
    if not wishes:
        return {}
    sources, ids, above = [list(column) for column in zip(*wishes, strict=True)]
    await connection.execute(ALLOT_ONCE, flow, sources, ids, above, replay_id, requested_by)
    rows = await connection.fetch(OF_REPLAY, flow, sources, ids, replay_id)
    return {(row["source"], row["event_id"]): row["generation"] for row in rows}


def is_taken(error: BaseException) -> bool:
    """Whether `error` says that a generation was allotted by another transaction meanwhile."""
    return isinstance(error, asyncpg.UniqueViolationError) and error.constraint_name == PRIMARY_KEY


async def allotted(connection: Connection, flow: str, asked: Collection[Allotment]) -> set[Allotment]:
    """Those of the `asked` that have been allotted just so."""
    columns = [list(column) for column in zip(*asked, strict=True)]
    return {Allotment(*row.values()) for row in await connection.fetch(ALLOTTED, flow, *columns)}
