"""Where three workers got nowhere, the next one takes records one at a time, alone in its process, and then goes on as ever."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import NoReturn
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from events.event import Event
from storage import retries, starts
from streams.app import Engine
from streams.lane import Lane
from tests.support.notes import NotesFlow, note, notes
from tests.support.rig import Rig, eventually

GONE = uuid4()


async def deaths_without_progress(rig: Rig, partition: int, number: int, reach: int | None = None) -> None:
    """As so many workers leave it that have died before they had finished anything."""
    place = rig.spec.topic, partition
    async with rig.database.connection() as connection:
        for _ in range(number):
            await starts.begin(connection, "notes", uuid4(), {place: 0})
        if reach is not None:
            await starts.reach(connection, "notes", *place, reach)


async def in_hand_at_deaths(rig: Rig, partition: int, offset: int, deaths: int, *, decoded: bool) -> None:
    place, owner = (rig.spec.topic, partition), uuid4()
    async with rig.database.connection() as connection:
        await starts.begin(connection, "notes", owner, {place: 0})
        await starts.take(connection, "notes", owner, place, offset, deaths, decoded=decoded)


async def test_what_earlier_workers_took_in_is_worked_on_alone_and_what_follows_together(rig: Rig, topic_prefix: str) -> None:
    theirs = [f"a-{number}" for number in range(12)]
    places = await rig.publish_keyed([(b"a", note(name, behave="sleep:0.1")) for name in theirs])
    careful = places[0][0]
    await deaths_without_progress(rig, careful, 3, reach=9)
    with capture_logs() as logs:
        async with rig.engine(spec=notes(topic_prefix, batch=1, hands=4)) as engine:
            await rig.until("select count(*) >= 2 from inbox", expected=True)
            others = [(key, note(f"{key}-{number}", behave="sleep:0.05")) for number in range(5) for key in "bcdefgh"]
            await rig.publish_keyed([(key.encode(), value) for key, value in others])
            assert "notes" not in await engine.health(), "a careful lane does not stand still"
            await rig.until("select count(*) from inbox", len(theirs) + len(others))
            await rig.idle()
            await rig.until(f"select in_hand from starts where partition = {careful}", None)
            [row] = await rig.rows("select starts, in_hand, deaths from starts where partition = $1", careful)
    assert {name: NotesFlow.beside[name] for name in theirs[:10]} == dict.fromkeys(theirs[:10], 0)
    assert max(NotesFlow.beside.values()) > 0, "the others were worked on together"
    assert row == {"starts": 4, "in_hand": None, "deaths": 0}
    [told] = [line for line in logs if line["event"] == "careful_mode"]
    assert (told["log_level"], told["partition"], told["starts"], told["until"]) == ("warning", careful, 4, 9)
    assert await rig.count("dead_letters") == 0


async def test_workers_that_come_and_go_in_good_order_are_no_deaths(rig: Rig) -> None:
    for _ in range(5):
        async with rig.engine():
            await eventually(lambda: _started(rig), 3)
    assert [row["starts"] for row in await rig.rows("select starts from starts")] == [0, 0, 0]


async def _started(rig: Rig) -> int:
    [row] = await rig.rows("select count(*) from starts where owner is not null")
    return int(row["count"])


async def test_what_is_taken_in_is_written_down_once_a_worker_got_nowhere(rig: Rig) -> None:
    places = await rig.publish_keyed([(b"same", note(f"n-{number}", behave="sleep:0.5")) for number in range(5)])
    partition = places[0][0]
    await deaths_without_progress(rig, partition, 1)
    async with rig.engine():
        await rig.until("select count(*) from inbox", 5)
        await rig.until(f"select reach from starts where partition = {partition}", 4)
        assert await rig.rows("select reach from starts where partition <> $1", partition) == [{"reach": None}] * 2


async def test_a_record_that_has_to_wait_for_a_server_leaves_the_process_to_the_others(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    [place] = await rig.publish_keyed([(b"same", note("n-0"))])
    await deaths_without_progress(rig, place[0], 3, reach=0)
    in_hand = f"select in_hand from starts where partition = {place[0]}"
    async with rig.engine() as engine:
        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(NotesFlow, "work", _asleep)
            await rig.until(in_hand, place[1])
            await eventually(lambda: _times_worked("n-0"), 1)
            [lane] = engine.lanes
            lane.gate.shut("a server", "it is away")
            await rig.until(in_hand, None)
            await eventually(lambda: _left_by_all(engine), expected=True)
        lane.gate.open("a server")
        await rig.completions(1)
        await rig.idle()
    assert NotesFlow.worked["n-0"] == 2
    assert await rig.count("dead_letters") == 0


async def test_a_handler_that_cancels_itself_ends_the_worker_and_is_not_begun_again_and_again(rig: Rig) -> None:
    [place] = await rig.publish_keyed([(b"same", note("n-0", behave="cancelled"))])
    await deaths_without_progress(rig, place[0], 3, reach=0)
    with pytest.raises(AssertionError, match="a task of the engine has ended"):
        await _until_it_ends(rig)
    assert NotesFlow.worked["n-0"] == 1
    [row] = await rig.rows("select in_hand, deaths from starts where partition = $1", place[0])
    assert row == {"in_hand": 0, "deaths": 1}


async def _until_it_ends(rig: Rig) -> None:
    async with rig.engine() as engine, asyncio.timeout(120):
        with pytest.raises(RuntimeError, match="a task of the engine ended"):
            await engine.run()


async def _times_worked(event_id: str) -> int:
    return NotesFlow.worked[event_id]


async def _left_by_all(engine: Engine) -> bool:
    """Whether nobody is alone, and nothing is in hand."""
    return engine.room.is_open and all(lane.custody.count == 0 for lane in engine.lanes)


async def test_an_event_at_which_three_workers_died_is_failed_without_being_worked_on(rig: Rig) -> None:
    places = await rig.publish_keyed([(b"same", note(f"n-{number}")) for number in range(5)])
    partition = places[0][0]
    await deaths_without_progress(rig, partition, 5, reach=4)
    await in_hand_at_deaths(rig, partition, 2, 3, decoded=True)
    async with rig.engine():
        completions = await rig.completions(5)
        [dead] = await rig.dead(1)
        await rig.idle()
    failed = [each["causationid"] for each in completions if each["data"]["status"] == "failed"]
    assert failed == ["n-2"]
    assert dict(dead.headers)["dlq-reason"] == b"kills_worker"
    assert set(NotesFlow.worked) == {"n-0", "n-1", "n-3", "n-4"}


async def test_a_record_that_still_kills_when_it_is_failed_is_not_even_read(rig: Rig) -> None:
    places = await rig.publish_keyed([(b"same", note("n-0"))])
    await in_hand_at_deaths(rig, places[0][0], 0, 4, decoded=True)
    async with rig.engine():
        await rig.dead(1)
        await rig.idle()
    [letter] = await rig.rows("select event_id, reason from dead_letters")
    assert letter == {"event_id": None, "reason": "kills_worker"}
    assert await rig.count("inbox") == 0


async def test_retries_of_a_dead_worker_are_worked_on_alone_and_lose_no_attempt(rig: Rig) -> None:
    names = [f"n-{number}" for number in range(6)]
    async with rig.engine():
        await rig.publish([note(name, behave="waiting:999") for name in names])
        await rig.until("select count(*) from retries", 6)
    async with rig.database.connection() as connection:
        await connection.execute("update retries set waiting_since = null, next_attempt_at = now(), attempts = 1")
        await retries.lease(connection, "notes", GONE, timedelta(seconds=-1), 100)
        await connection.execute("update retries set deaths = 3 where event_id = 'n-3'")
    NotesFlow.worked.update(dict.fromkeys(names, 999))
    NotesFlow.batches.clear()
    async with rig.engine():
        completions = await rig.completions(6)
        await rig.idle()
    assert {each["causationid"] for each in completions if each["data"]["status"] == "failed"} == {"n-3"}
    assert NotesFlow.batches == [1] * 5
    assert await rig.rows("select event_id, reason, attempts from dead_letters") == [
        {"event_id": "n-3", "reason": "kills_worker", "attempts": 2}
    ]
    assert await rig.count("retries") == 0


async def test_an_outage_of_postgres_is_no_death_of_a_retry_that_is_alone_in_hand(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig.engine():
        await rig.publish([note("n-0", behave="waiting:999")])
        await rig.until("select count(*) from retries", 1)
    async with rig.database.connection() as connection:
        await connection.execute("update retries set waiting_since = null, next_attempt_at = now()")
        await retries.lease(connection, "notes", GONE, timedelta(seconds=-1), 100)
    monkeypatch.setattr(NotesFlow, "work", _asleep)
    async with rig.engine() as engine:
        [lane], [feeder] = engine.lanes, engine.feeders
        await eventually(lambda: _in_hand(lane), 1)
        there, feeder.database = feeder.database, Away()  # type: ignore[assignment]
        lane.gate.shut("a server", "it is away")
        await eventually(lambda: _in_hand(lane), 0)
        feeder.database = there
        await rig.until("select deaths from retries where leased_until <= now()", 0)


class Away:
    """A database that is not there."""

    def connection(self) -> NoReturn:
        raise ConnectionRefusedError


async def _in_hand(lane: Lane) -> int:
    return lane.custody.count


async def _asleep(_flow: NotesFlow, events: Sequence[Event], _loaded: Sequence[None]) -> list[None]:
    """Work that does not end before it is broken off."""
    NotesFlow.worked.update(event.id for event in events)
    await asyncio.sleep(600)
    return [None for _ in events]
