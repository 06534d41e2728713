"""While a handler works, nothing is held in Postgres."""

from __future__ import annotations

import asyncio

from tests.support.notes import NotesFlow, note
from tests.support.rig import APPLICATION, Rig, eventually

SESSIONS = """
select count(*) as sessions, count(*) filter (where state <> 'idle' or xact_start is not null) as transactions
from pg_stat_activity where datname = current_database() and application_name = $1
"""
LOCKS = """
select count(*) as locks from pg_locks join pg_stat_activity using (pid)
where application_name = $1 and pg_stat_activity.datname = current_database()
"""
# The engine's own looks at outbox and retries are over in milliseconds: seen twice in a row, a transaction is held.
GLANCE = 0.05


async def test_no_transaction_and_no_lock_is_held_while_a_handler_waits_ten_seconds(rig: Rig) -> None:
    held = samples = glimpsed = 0
    async with rig.engine():
        await rig.publish([note("slow", behave="sleep:10")])
        await eventually(lambda: _is_working("slow"), expected=True)
        while await _is_working("slow"):
            [activity] = await rig.rows(SESSIONS, APPLICATION)
            [locks] = await rig.rows(LOCKS, APPLICATION)
            assert activity["sessions"] > 0, "the engine's sessions are not to be seen"
            busy = activity["transactions"] + locks["locks"] > 0
            held, samples, glimpsed = held + 1 if busy else 0, samples + 1, glimpsed + busy
            assert held < 3, "a transaction is held while a handler works"
            await asyncio.sleep(GLANCE)
        [completion] = await rig.completions(1)

    assert completion["data"] == {"status": "completed", "text": "hello"}
    assert samples > 50
    assert glimpsed < samples / 10


async def _is_working(event_id: str) -> bool:
    return event_id in NotesFlow.running
