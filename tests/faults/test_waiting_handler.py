"""While a handler works, nothing is held in Postgres."""

from __future__ import annotations

import asyncio

from tests.support.notes import NotesFlow, note
from tests.support.rig import APPLICATION, Rig, eventually

# Of the engine's sessions: how many there are, and the age of the oldest transaction. Without one there are no locks.
SESSIONS = """
select count(*) as sessions, coalesce(extract(epoch from max(clock_timestamp() - xact_start)), 0)::float8 as oldest
from pg_stat_activity where datname = current_database() and application_name = $1
"""
GLANCE = 0.05
WORKS = 10.0
# The engine's own looks at outbox and retries are over in milliseconds, or a second where the machine is busy.
BRIEF = WORKS / 2


async def test_no_transaction_and_no_lock_is_held_while_a_handler_waits_ten_seconds(rig: Rig) -> None:
    oldest, samples = 0.0, 0
    async with rig.engine():
        await rig.publish([note("slow", behave=f"sleep:{WORKS}")])
        await eventually(lambda: _is_working("slow"), expected=True)
        while await _is_working("slow"):
            [seen] = await rig.rows(SESSIONS, APPLICATION)
            assert seen["sessions"] > 0, "the engine's sessions are not to be seen"
            oldest, samples = max(oldest, seen["oldest"]), samples + 1
            await asyncio.sleep(GLANCE)
        [completion] = await rig.completions(1)

    assert completion["data"] == {"status": "completed", "text": "hello"}
    assert samples > 1
    assert oldest < BRIEF, "a transaction is held while a handler works"


async def _is_working(event_id: str) -> bool:
    return event_id in NotesFlow.running
