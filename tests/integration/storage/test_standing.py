from __future__ import annotations

from uuid import UUID, uuid4

from storage import standing
from storage.database import Connection, Database
from storage.standing import Known

ENTER = """
insert into inbox (event_key, flow, source, event_id, generation, client_id, payload_sha256, outcome)
values ($1, 'runs', '/s', 'e', 0, 'acme', $2, $3)
"""
WAIT = """
insert into retries (event_key, flow, source, event_id, generation, client_id, payload_sha256, topic, partition, "offset",
    value, attempts, next_attempt_at, error_class)
values ($1, 'runs', '/s', 'e', 0, 'acme', $2, 't', 0, 0, '', 1, now(), 'Transient')
"""
BURY = """
insert into dead_letters (flow, topic, partition, "offset", reason, error_class, message, fingerprint, attempts)
values ('runs', $1, $2, $3, 'garbage', $4, 'm', 'f', 1)
"""


async def enter(connection: Connection, payload: bytes, outcome: str, key: UUID | None = None) -> UUID:
    key = key or uuid4()
    await connection.execute(ENTER, key, payload, outcome)
    return key


async def test_events_are_completed_failed_waiting_or_not_known(database: Database) -> None:
    async with database.connection() as connection:
        done, failed = await enter(connection, b"d" * 32, "completed"), await enter(connection, b"f" * 32, "failed")
        await connection.execute(WAIT, waits := uuid4(), b"w" * 32)
        assert await standing.by_key(connection, [done, failed, waits, uuid4()]) == {
            done: Known(b"d" * 32, "completed"),
            failed: Known(b"f" * 32, "failed"),
            waits: Known(b"w" * 32, "waiting"),
        }


async def test_an_outcome_stands_before_a_row_of_retries_that_is_still_there(database: Database) -> None:
    async with database.connection() as connection:
        done = await enter(connection, b"d" * 32, "completed")
        await connection.execute(WAIT, done, b"w" * 32)
        assert await standing.by_key(connection, [done]) == {done: Known(b"d" * 32, "completed")}


async def test_letters_are_found_by_their_exact_place(database: Database) -> None:
    async with database.connection() as connection:
        for topic, partition, offset, kind in [("t", 0, 1, "Rejection"), ("t", 1, 0, "Conflict"), ("other", 0, 2, "Conflict")]:
            await connection.execute(BURY, topic, partition, offset, kind)
        asked = [(0, 1), (1, 0), (1, 1), (0, 2)]
        assert await standing.by_place(connection, "t", asked) == {(0, 1): "Rejection", (1, 0): "Conflict"}
