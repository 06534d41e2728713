"""What waits in PostgreSQL, counted for those who watch: retries, publications, dead letters."""

from __future__ import annotations

from dataclasses import dataclass

from storage.database import Connection


@dataclass(slots=True)
class Backlog:
    """What waits of one flow.

    Retries are `waiting` for their time, `due`, or `in_hand` of a worker. `unpublished` rows wait in the outbox, the oldest
    for `oldest_seconds`; `parked` ones wait for a person, as `dead_letters` do.
    """

    waiting: int = 0
    due: int = 0
    in_hand: int = 0
    unpublished: int = 0
    oldest_seconds: float = 0.0
    parked: int = 0
    dead_letters: int = 0


RETRIES = """
select flow,
    count(*) filter (where leased_until > now()) as in_hand,
    count(*) filter (where leased_until > now() is not true and next_attempt_at <= now()) as due,
    count(*) filter (where leased_until > now() is not true and next_attempt_at > now()) as waiting
from retries group by flow
"""
OUTBOX = """
select flow, count(*) filter (where parked_at is null) as unpublished, count(parked_at) as parked,
    coalesce(extract(epoch from now() - min(created_at) filter (where parked_at is null)), 0)::float8 as oldest_seconds
from outbox group by flow
"""
# Uses ix_dead_letters_status_last_failed_at.
DEAD_LETTERS = "select flow, count(*) as dead_letters from dead_letters where status = 'dead' group by flow"


async def backlogs(connection: Connection) -> dict[str, Backlog]:
    """What waits, by flow; a flow for which nothing does is absent."""
    found: dict[str, Backlog] = {}
    for query in (RETRIES, OUTBOX, DEAD_LETTERS):
        for row in await connection.fetch(query):
            backlog = found.setdefault(row["flow"], Backlog())
            for name, value in row.items():
                if name != "flow":
                    setattr(backlog, name, value)
    return found
