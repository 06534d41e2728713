"""Workers come and go while events flow."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from storage.database import Connection, Database
from streams.publish import Outgoing, publish
from tests.support.accounts import all_is_finished
from tests.support.deaths import dammed
from tests.support.notes import NotesFlow, note
from tests.support.offsets import remaining
from tests.support.rig import Rig, eventually
from tests.support.worker_process import Workers

EVENTS = 3000
MEETINGS = 3
IDS = Counter(f"n-{number}" for number in range(EVENTS))


async def trickle(rig: Rig, *, seconds: float = 8.0, parts: int = 60) -> None:
    """Publishes the events a few at a time, so that there is always one on its way."""
    size = EVENTS // parts
    for part in range(parts):
        numbers = range(part * size, (part + 1) * size)
        await publish(rig.kafka, [Outgoing(rig.spec.topic, str(each).encode(), note(f"n-{each}")) for each in numbers])
        await asyncio.sleep(seconds / parts)


async def each_was_completed_once(rig: Rig) -> None:
    await all_is_finished(rig)
    assert await rig.rows("select count(*) from notes") == [{"count": EVENTS}]
    assert await rig.rows("select count(*) from dead_letters") == [{"count": 0}]
    assert Counter(each["causationid"] for each in await rig.completions(EVENTS)) == IDS


async def test_nothing_is_lost_or_doubled_while_a_second_worker_joins_and_leaves(rig: Rig) -> None:
    async with rig.engine():
        publishing = asyncio.create_task(trickle(rig))
        meetings = 0
        while not publishing.done() or meetings < MEETINGS:
            async with rig.engine() as second:
                await eventually(lambda: _has_partitions(second), expected=True)
            meetings += 1
        await publishing
        await each_was_completed_once(rig)


async def test_a_worker_told_to_end_in_the_middle_ends_well_and_loses_nothing(rig: Rig, note_workers: Workers) -> None:
    slow = [note(f"n-{each}", behave="sleep:0.005") for each in range(EVENTS)]
    await rig.publish(slow)
    worker = await note_workers.start()
    async with dammed(rig, "notes", EVENTS - 500):
        await rig.until("select count(*) >= 500 from notes", expected=True)
        worker.process.terminate()
    code = await worker.until_it_ends()

    [stored] = await rig.rows("select count(*) from notes")
    left = await remaining(rig.kafka, f"{rig.spec.topic}.notes", rig.spec.topic)
    assert code == 0, worker.log.read_text()[-4000:]
    assert stored["count"] < EVENTS, "the end did not come in the middle"
    assert left < EVENTS, "no offset was committed"
    await rig.idle()  # what was stored has been published by the worker itself

    await note_workers.start()
    await each_was_completed_once(rig)


class SlowToUndo:
    """A database whose first transaction ends when it is broken off, and takes its time for it."""

    def __init__(self, database: Database) -> None:
        self.database, self.begun = database, asyncio.Event()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        if not self.begun.is_set():
            self.begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0.3)
        async with self.database.transaction() as connection:
            yield connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self.database, name)


async def test_what_was_published_leaves_the_outbox_although_its_deletion_was_broken_off(rig: Rig) -> None:
    async with rig.engine() as engine:
        engine.relay.database = slow = SlowToUndo(rig.database)  # type: ignore[assignment]
        await rig.publish([note("n-1")])
        await slow.begun.wait()
    assert await rig.rows("select count(*) from outbox") == [{"count": 0}]


async def _has_partitions(engine: object) -> bool:
    consumer = engine.intakes[0].consumer  # type: ignore[attr-defined]
    return consumer is not None and bool(consumer.assignment())


async def test_a_slow_event_is_finished_by_the_worker_that_has_it_when_another_joins(rig: Rig) -> None:
    async with rig.engine():
        await rig.publish([note("slow", behave="sleep:2")])
        await eventually(lambda: _is_working("slow"), expected=True)
        async with rig.engine():
            [completion] = await rig.completions(1)
            await all_is_finished(rig)

    assert completion["causationid"] == "slow"
    assert NotesFlow.worked == {"slow": 1}


async def _is_working(event_id: str) -> bool:
    return event_id in NotesFlow.running
