"""Replays: planned, applied by one process at a time, paused and aborted from anywhere. Times are the database's.

planned ──► applying ──► applied
            applying ◄─► paused
planned, applying, paused ──► aborted
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from storage.database import Connection


class Span(NamedTuple):
    """How far a replay has come in one partition; in the order of the columns."""

    partition: int
    first_offset: int
    end_offset: int
    next_offset: int
    published: int = 0
    skipped: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Replay:
    """One replay. `claim_left`: seconds for which it still is its applier's; 0 when nobody has it."""

    id: UUID
    flow: str
    topic: str
    mode: str
    selection: Mapping[str, Any]
    prediction: Mapping[str, Any]
    status: str
    rate: float | None
    requested_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    applied_by: str | None
    history: Sequence[Mapping[str, Any]]
    claim_left: float
    spans: Sequence[Span]


# Uses pk_replays and pk_replay_partitions.
SELECT = """
select id, flow, topic, mode, selection::text, prediction::text, status, rate, requested_by, created_at, started_at,
    finished_at, applied_by, history::text,
    greatest(0, coalesce(extract(epoch from claimed_until - now()), 0))::float8 as claim_left,
    array(select row(partition, first_offset, end_offset, next_offset, published, skipped, refused)
        from replay_partitions where replay_id = id order by partition) as spans
from replays
"""
ONE = f"{SELECT} where id = $1"
PAGE = f"{SELECT} order by id desc offset $1 limit $2"
COUNT = "select count(*) from replays"

PLAN = """
insert into replays (flow, topic, mode, selection, prediction, requested_by, history)
values ($1, $2, $6, $3::text::jsonb, $4::text::jsonb, $5,
    jsonb_build_array(jsonb_build_object('at', now(), 'by', $5::text, 'what', 'plan')))
returning id
"""
ADD_SPANS = """
insert into replay_partitions (replay_id, partition, first_offset, end_offset, next_offset)
select $1, * from unnest($2::int[], $3::bigint[], $4::bigint[], $5::bigint[])
"""

# All of these use pk_replays. What is under way is another's only once its claim has run out.
CLAIM = """
update replays set status = 'applying', owner = $2, applied_by = $3, claimed_until = now() + $4, rate = $5,
    started_at = coalesce(started_at, now()),
    history = history || jsonb_build_object('at', now(), 'by', $3::text, 'what', 'apply')
where id = $1 and status in ('planned', 'applying', 'paused') and coalesce(claimed_until, now()) <= now()
returning id
"""
RENEW = "update replays set claimed_until = now() + $3 where id = $1 and owner = $2 returning status"
# Progress is kept whatever the status has become meanwhile: the records are out.
KEEP = """
with mine as (update replays set claimed_until = now() + $3 where id = $1 and owner = $2 returning id, status),
moved as (
    update replay_partitions set next_offset = n, published = p, skipped = s, refused = r
    from mine, unnest($4::int[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[]) as progress (at, n, p, s, r)
    where replay_id = mine.id and partition = at
)
select status from mine
"""
FINISH = """
update replays set status = 'applied', finished_at = now(), owner = null, claimed_until = null,
    history = history || jsonb_build_object('at', now(), 'by', applied_by, 'what', 'finish')
where id = $1 and owner = $2 and status in ('applying', 'paused') returning id
"""
RELEASE = """
update replays set owner = null, claimed_until = null,
    status = case when status = 'applying' then 'paused' else status end,
    history = history || jsonb_build_object('at', now(), 'by', applied_by, 'what', $3::text)
where id = $1 and owner = $2
"""
PAUSE = """
update replays set status = 'paused', history = history || jsonb_build_object('at', now(), 'by', $2::text, 'what', 'pause')
where id = $1 and status = 'applying' returning id
"""
RESUME = """
update replays set status = 'applying', history = history || jsonb_build_object('at', now(), 'by', $2::text, 'what', 'resume')
where id = $1 and status = 'paused' and claimed_until > now() returning id
"""
ABORT = """
update replays set status = 'aborted', finished_at = now(),
    history = history || jsonb_build_object('at', now(), 'by', $2::text, 'what', 'abort')
where id = $1 and status in ('planned', 'applying', 'paused') returning id
"""


async def plan(
    connection: Connection,
    flow: str,
    topic: str,
    selection: Mapping[str, Any],
    prediction: Mapping[str, Any],
    requested_by: str,
    spans: Sequence[Span],
    mode: str = "redeliver",
) -> UUID:
    """Keeps a plan; in a transaction. Returns its id. `mode`: `redeliver` or `reprocess`."""
    said = [orjson.dumps(each).decode() for each in (selection, prediction)]
    replay_id: UUID = await connection.fetchval(PLAN, flow, topic, *said, requested_by, mode)
    columns = [list(column) for column in zip(*(span[:4] for span in spans), strict=True)]
    await connection.execute(ADD_SPANS, replay_id, *columns)
    return replay_id


async def one(connection: Connection, replay_id: UUID) -> Replay | None:
    """The replay of that id, or None."""
    row = await connection.fetchrow(ONE, replay_id)
    return _replay(row) if row else None


async def page(connection: Connection, *, offset: int = 0, limit: int = 20) -> tuple[list[Replay], int]:
    """A page of replays, newest first; and how many there are."""
    rows = await connection.fetch(PAGE, offset, limit)
    return [_replay(row) for row in rows], await connection.fetchval(COUNT)


async def claim(connection: Connection, replay_id: UUID, owner: UUID, by: str, term: timedelta, rate: float) -> bool:
    """Takes a replay that is not finished, for `term`; False when another has it or it is finished."""
    return await connection.fetchval(CLAIM, replay_id, owner, by, term, rate) is not None


async def renew(connection: Connection, replay_id: UUID, owner: UUID, term: timedelta) -> str | None:
    """Lets the claim run for `term` from now; the replay's status, or None when it is no longer the owner's."""
    status: str | None = await connection.fetchval(RENEW, replay_id, owner, term)
    return status


async def keep(connection: Connection, replay_id: UUID, owner: UUID, term: timedelta, spans: Sequence[Span]) -> str | None:
    """Keeps progress and renews the claim; the replay's status, or None, with nothing kept, when it is no longer the owner's.

    The numbers are totals, so that a call whose answer was lost can be made again.
    """
    told = [(each.partition, each.next_offset, each.published, each.skipped, each.refused) for each in spans]
    columns = [list(column) for column in zip(*told, strict=True)]
    status: str | None = await connection.fetchval(KEEP, replay_id, owner, term, *columns)
    return status


async def finish(connection: Connection, replay_id: UUID, owner: UUID) -> bool:
    """All of it has been published: it is applied, and nobody's. False when it was aborted or is no longer the owner's."""
    return await connection.fetchval(FINISH, replay_id, owner) is not None


async def release(connection: Connection, replay_id: UUID, owner: UUID, why: str) -> None:
    """Gives the claim back; a replay that was being applied is paused then. `why` is kept in its history."""
    await connection.execute(RELEASE, replay_id, owner, why)


async def pause(connection: Connection, replay_id: UUID, by: str) -> bool:
    """Has whoever applies it wait after the batch in hand; False when it is not being applied."""
    return await connection.fetchval(PAUSE, replay_id, by) is not None


async def resume(connection: Connection, replay_id: UUID, by: str) -> bool:
    """Has the one who waits go on; False when it is not paused, or nobody waits."""
    return await connection.fetchval(RESUME, replay_id, by) is not None


async def abort(connection: Connection, replay_id: UUID, by: str) -> bool:
    """Ends it for good, after the batch in hand; False when it had ended already."""
    return await connection.fetchval(ABORT, replay_id, by) is not None


def _replay(row: Mapping[str, Any]) -> Replay:
    told = dict(row)
    for name in ("selection", "prediction", "history"):
        told[name] = orjson.loads(told[name])
    return Replay(**told | {"spans": [Span(*span) for span in told["spans"]]})
