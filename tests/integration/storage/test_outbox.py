"""An outbox row belongs to one relay at a time, and is gone when it is published."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

from storage import outbox
from storage.database import Connection, Database
from storage.outbox import OutboxRow

CLAIM = timedelta(minutes=10)


def row(owner: UUID) -> OutboxRow:
    return OutboxRow(uuid4(), "runs", "acme", "runs.completed", b"key", b"value", None, owner)


async def abandon(connection: Connection) -> None:
    await connection.execute("update outbox set claimed_until = now() - interval '1 second'")


async def test_a_row_is_its_writers_until_its_claim_runs_out(database: Database) -> None:
    mine, other = uuid4(), uuid4()
    rows = [row(mine), row(mine)]
    async with database.connection() as connection:
        await outbox.add(connection, rows)
        assert await outbox.take_over(connection, other, CLAIM, 10) == []
        await abandon(connection)
        taken = await outbox.take_over(connection, other, CLAIM, 10)
        assert {each.id for each in taken} == {each.id for each in rows}
        assert taken[0].value == b"value"
        assert await outbox.take_over(connection, mine, CLAIM, 10) == []
        assert await outbox.renew(connection, [each.id for each in rows], mine, CLAIM) == set()
        assert await outbox.renew(connection, [rows[0].id], other, CLAIM) == {rows[0].id}


async def test_two_relays_never_take_the_same_row(database: Database) -> None:
    async with database.connection() as connection:
        await outbox.add(connection, [row(uuid4()) for _ in range(200)])
        await abandon(connection)

    async def relay() -> list[UUID]:
        taken: list[UUID] = []
        owner = uuid4()
        async with database.connection() as connection:
            while some := await outbox.take_over(connection, owner, CLAIM, 7):
                taken += [each.id for each in some]
        return taken

    taken = [each for some in await asyncio.gather(*(relay() for _ in range(4))) for each in some]
    assert len(taken) == len(set(taken)) == 200


async def test_a_row_that_kafka_refuses_is_set_aside(database: Database) -> None:
    parked = row(uuid4())
    async with database.connection() as connection:
        await outbox.add(connection, [parked])
        await outbox.park(connection, parked.id, "too large")
        await abandon(connection)
        assert await outbox.take_over(connection, uuid4(), CLAIM, 10) == []
        assert await outbox.reclaim(connection, [parked.id], parked.owner) == []
        assert await outbox.backlog(connection) == (0, 0.0)


async def test_what_a_lost_commit_left_is_found_by_its_owner_alone(database: Database) -> None:
    left = row(uuid4())
    async with database.connection() as connection:
        await outbox.add(connection, [left])
        assert await outbox.reclaim(connection, [left.id], uuid4()) == []
        assert await outbox.reclaim(connection, [left.id, uuid4()], left.owner) == [left]
        await outbox.delete(connection, [left.id])
        assert await outbox.reclaim(connection, [left.id], left.owner) == []


async def test_a_relay_waits_longer_for_rows_of_its_own_than_for_those_of_others(database: Database) -> None:
    mine, theirs = row(uuid4()), row(uuid4())
    async with database.connection() as connection:
        await outbox.add(connection, [mine, theirs])
        await abandon(connection)
        later = timedelta(minutes=5)
        assert await outbox.take_over(connection, mine.owner, CLAIM, 10, later) == [theirs._replace(owner=mine.owner)]
        await connection.execute("update outbox set claimed_until = now() - interval '6 minutes' where id = $1", mine.id)
        assert await outbox.take_over(connection, mine.owner, CLAIM, 10, later) == [mine]
