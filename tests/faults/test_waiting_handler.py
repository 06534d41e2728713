"""While a handler works, nothing is held in Postgres."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime

from tests.support.databases import PATIENT
from tests.support.notes import NotesFlow, hanging, note
from tests.support.rig import APPLICATION, Rig, eventually

# The engine's sessions, each with the beginning of its transaction, if it is in one. Without one there are no locks.
SESSIONS = """
select pid, xact_start from pg_stat_activity where datname = current_database() and application_name = $1
"""
GLANCE = 0.05
# Seconds in which a transaction that the work came with, or that a look of the engine's began, would be seen to stay.
WORKS = 5.0


async def test_no_transaction_and_no_lock_is_held_while_a_handler_waits(rig: Rig) -> None:
    """However long: what is open at any glance, as the engine's own looks at outbox and retries are, is over at a later one."""
    rig.limits = PATIENT  # or Postgres itself would soon end a transaction that is held
    async with rig.engine(spec=replace(rig.spec, timeout=600.0)):
        with hanging():
            await rig.publish([note("slow", behave="hang")])
            await eventually(lambda: _is_working("slow"), expected=True)
            seen, ends = await _transactions(rig), asyncio.get_running_loop().time() + WORKS
            while asyncio.get_running_loop().time() < ends:
                seen |= await _transactions(rig)
                await asyncio.sleep(GLANCE)
            await eventually(lambda: _any_is_left(rig, seen), expected=False)
            assert await _is_working("slow")
        [completion] = await rig.completions(1)

    assert completion["data"] == {"status": "completed", "text": "hello"}


async def _transactions(rig: Rig) -> set[tuple[int, datetime]]:
    """Those that are open now, each by its session and its beginning."""
    rows = await rig.rows(SESSIONS, APPLICATION)
    assert rows, "the engine's sessions are not to be seen"
    return {(row["pid"], row["xact_start"]) for row in rows if row["xact_start"] is not None}


async def _any_is_left(rig: Rig, seen: set[tuple[int, datetime]]) -> bool:
    return bool(seen & await _transactions(rig))


async def _is_working(event_id: str) -> bool:
    return event_id in NotesFlow.running
