"""Events that failed for a passing reason and wait for their next attempt. One row a key; closed with the outcome."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from storage.database import Connection


class RetryRow(NamedTuple):
    """One event that waits, with the record it came as.

    `is_waiting`: for what other events bring. `leased_attempts` is what its lease counted, if it had one.
    """

    event_key: UUID
    flow: str
    source: str
    event_id: str
    generation: int
    client_id: str
    payload_sha256: bytes
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: bytes | None
    attempts: int
    delay: timedelta
    error_class: str
    last_error: str
    is_waiting: bool = False
    leased_attempts: int | None = None


class DueRow(NamedTuple):
    """One event whose next attempt has been leased; `attempts` counts this one, `waited`: seconds for what others bring.

    `deaths` counts how often it was leased alone, this time too; 0 for one that was leased among others.
    """

    event_key: UUID
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: bytes | None
    attempts: int
    payload_sha256: bytes
    waited: float
    deaths: int


# Uses pk_retries.
KEEP = """
insert into retries (event_key, flow, source, event_id, generation, client_id, payload_sha256, topic, partition,
    "offset", key, value, headers, attempts, next_attempt_at, error_class, last_error, waiting_since)
select k, f, s, e, g, c, h, t, p, o, ke, v, he, a, now() + d, ec, le, case when w then now() end
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::int[], $6::text[], $7::bytea[], $8::text[], $9::int[],
    $10::bigint[], $11::bytea[], $12::bytea[], $13::bytea[], $14::int[], $15::interval[], $16::text[], $17::text[],
    $18::boolean[])
    as r (k, f, s, e, g, c, h, t, p, o, ke, v, he, a, d, ec, le, w)
where not exists (select from inbox where inbox.event_key = r.k)
order by k
on conflict (event_key) do nothing
returning event_key
"""

# Uses pk_retries. Only the attempt that was leased last may move the row.
MOVE = """
update retries set attempts = a, deaths = 0, next_attempt_at = now() + d, leased_until = null, owner = null,
    error_class = ec, last_error = le, waiting_since = case when w then coalesce(waiting_since, now()) end
from unnest($1::uuid[], $2::bytea[], $3::int[], $4::int[], $5::interval[], $6::text[], $7::text[], $8::boolean[])
    as r (k, h, leased, a, d, ec, le, w)
where event_key = k and payload_sha256 = h and attempts = leased and owner = $9
returning event_key
"""

# Uses pk_retries. In the order of the keys, so that two groups never wait for each other.
HELD = """
select event_key from retries
join unnest($1::uuid[], $2::bytea[], $3::int[]) as r (k, h, leased) on event_key = k and payload_sha256 = h
where attempts = leased and owner = $4
order by event_key for update of retries
"""

# Uses pk_retries. The hash keeps a conflicting record from ending the waiting of the event it conflicts with.
CLOSE = """
delete from retries using unnest($1::uuid[], $2::bytea[]) as ended (event_key, payload_sha256)
where retries.event_key = ended.event_key and retries.payload_sha256 = ended.payload_sha256
"""
STORED_HASHES = "select event_key, payload_sha256 from retries where event_key = any($1::uuid[])"

LEASED = """event_key, topic, partition, "offset", key, value, headers, attempts, payload_sha256,
    coalesce(extract(epoch from now() - waiting_since), 0)::float8 as waited, deaths"""

# Uses ix_retries_flow_next_attempt_at.
LEASE = f"""
update retries set attempts = attempts + 1, owner = $2, leased_until = now() + $3
where event_key in (
    select event_key from retries
    where flow = $1 and next_attempt_at <= now() and leased_until is null
    order by next_attempt_at limit $4 for update skip locked
)
returning {LEASED}
"""  # noqa: S608 - LEASED is a constant

# Uses ix_retries_flow_next_attempt_at. The attempt that was leased goes on, so it counts no second time.
LEASE_ALONE = f"""
update retries set deaths = deaths + 1, owner = $2, leased_until = now() + $3
where event_key = (
    select event_key from retries where flow = $1 and leased_until < now()
    order by leased_until limit 1 for update skip locked
)
returning {LEASED}
"""  # noqa: S608 - LEASED is a constant
HAS_RUN_OUT = "select exists (select from retries where flow = $1 and leased_until < now())"

# Uses pk_retries.
RENEW = """
update retries set leased_until = now() + $3
where event_key = any($4::uuid[]) and flow = $1 and owner = $2 and leased_until is not null
"""

# Whoever releases is alive: nothing was a death. What had been leased alone stays what it was, a lease that ran out.
RELEASE = """
update retries set
    attempts = attempts - case when deaths = 0 and event_key <> all($3::uuid[]) then 1 else 0 end,
    deaths = greatest(deaths - 1, 0),
    leased_until = case when event_key = any($3) then leased_until when deaths > 0 then now() end,
    owner = case when event_key = any($3) then owner end
where flow = $1 and owner = $2 and leased_until is not null
"""

# Uses pk_retries.
PUT_BACK = """
update retries set deaths = greatest(deaths - 1, 0), leased_until = now(), owner = null
where event_key = $1 and owner = $2 and leased_until is not null
"""
NEXT_DUE = """
select extract(epoch from min(next_attempt_at) - now())::float8 from retries where flow = $1 and leased_until is null
"""


async def keep(connection: Connection, rows: Sequence[RetryRow], owner: UUID) -> set[UUID]:
    """Keeps events for a later attempt; returns the keys kept.

    A key is not kept when its outcome is in the inbox, or when it waits already and this was not the attempt that `owner`
    leased last.
    """
    fresh = [row for row in rows if row.leased_attempts is None]
    leased = [row for row in rows if row.leased_attempts is not None]
    return await _insert(connection, fresh) | await _move(connection, leased, owner)


async def _insert(connection: Connection, rows: Sequence[RetryRow]) -> set[UUID]:
    if not rows:
        return set()
    columns = [list(column) for column in zip(*(row[:-1] for row in rows), strict=True)]
    return {row["event_key"] for row in await connection.fetch(KEEP, *columns)}


async def _move(connection: Connection, rows: Sequence[RetryRow], owner: UUID) -> set[UUID]:
    if not rows:
        return set()
    told = [
        (
            row.event_key,
            row.payload_sha256,
            row.leased_attempts,
            row.attempts,
            row.delay,
            row.error_class,
            row.last_error,
            row.is_waiting,
        )
        for row in sorted(rows, key=lambda row: row.event_key)
    ]
    columns = [list(column) for column in zip(*told, strict=True)]
    return {row["event_key"] for row in await connection.fetch(MOVE, *columns, owner)}


async def held(connection: Connection, leased: Sequence[tuple[UUID, bytes, int]], owner: UUID) -> set[UUID]:
    """The keys whose row is still that of the attempt which `owner` leased, and is nobody else's before the transaction ends.

    `leased`: the key, the hash of the payload, and the attempt that the lease counted.
    """
    columns = [list(column) for column in zip(*leased, strict=True)]
    return {row["event_key"] for row in await connection.fetch(HELD, *columns, owner)}


async def close(connection: Connection, ended: Sequence[tuple[UUID, bytes]]) -> None:
    """Ends the waiting of events, each named by its key and the hash of its payload."""
    await connection.execute(CLOSE, [key for key, _ in ended], [payload for _, payload in ended])


async def stored_hashes(connection: Connection, keys: Collection[UUID]) -> dict[UUID, bytes]:
    """The payload hash of each of the keys that waits."""
    return {row["event_key"]: row["payload_sha256"] for row in await connection.fetch(STORED_HASHES, list(keys))}


async def lease(connection: Connection, flow: str, owner: UUID, term: timedelta, limit: int) -> list[DueRow]:
    """Takes up to `limit` due events for `term`; the attempt counts from here. None of them was leased by one that died."""
    return [DueRow(*row.values()) for row in await connection.fetch(LEASE, flow, owner, term, limit)]


async def has_run_out(connection: Connection, flow: str) -> bool:
    """Whether a lease of the flow has run out: its worker died, or stood still, with the event in hand or in its queue."""
    found: bool = await connection.fetchval(HAS_RUN_OUT, flow)
    return found


async def lease_alone(connection: Connection, flow: str, owner: UUID, term: timedelta) -> DueRow | None:
    """Takes one event whose lease has run out, if there is one; each time counts as a death until its outcome is stored."""
    row = await connection.fetchrow(LEASE_ALONE, flow, owner, term)
    return None if row is None else DueRow(*row.values())


async def put_back(connection: Connection, event_key: UUID, owner: UUID) -> None:
    """Gives back an event that was leased alone and could not be begun."""
    await connection.execute(PUT_BACK, event_key, owner)


async def renew(connection: Connection, flow: str, owner: UUID, keys: Collection[UUID], term: timedelta) -> None:
    """Lets the owner's leases of these keys run for `term` from now."""
    await connection.execute(RENEW, flow, owner, term, list(keys))


async def release(connection: Connection, flow: str, owner: UUID, begun: Collection[UUID]) -> None:
    """Ends the owner's leases early, without the attempts and deaths they counted; those of the `begun` run on."""
    await connection.execute(RELEASE, flow, owner, list(begun))


async def next_due(connection: Connection, flow: str) -> float | None:
    """Seconds until the next event of the flow that nobody has leased is due (negative: overdue); None when there is none."""
    due: float | None = await connection.fetchval(NEXT_DUE, flow)
    return due
