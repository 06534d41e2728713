"""Events that ended well are worked on again: once for each replay, in a generation above all there are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from random import Random
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from events.event import MAX_EVENT_BYTES
from ops.replay.failures import NotApplicable
from ops.replay.reprocess import Reprocessing, goes_again
from ops.replay.standing import Reading, Standing, read
from storage.audits import newest_generations
from tests.support.operators import apply, plan, planned, replay_of, unhurried
from tests.support.rig import Rig
from tests.support.runs import run_data, run_event
from tests.support.worker import flow_named

REWIND = """
with again as (update replays set status = 'planned', owner = null, claimed_until = null where id = $1)
update replay_partitions set next_offset = first_offset, published = 0, skipped = 0 where replay_id = $1
"""
ALLOTTED = "select event_id, generation from generations order by event_id, generation"
READ = "select generation, count(distinct run_id)::int as runs from run_values group by 1 order by 1"


@pytest.fixture
async def rig(kafka: str, database_url: str, redis_url: str, object_store_url: str, topic_prefix: str) -> AsyncIterator[Rig]:
    """The flow of runs."""
    rig = Rig(flow_named("runs", topic_prefix), kafka, database_url, redis_url, object_store_url)
    await unhurried(rig)
    await rig.prepare()
    yield rig
    await rig.close()


def a_run(seed: int, event_id: str = "", **changes: Any) -> bytes:
    return run_event(event_id or f"e-{seed}", run_data(Random(seed)) | changes)


async def done(rig: Rig, values: Sequence[bytes], outcomes: int) -> None:
    """A worker that comes to so many outcomes."""
    async with rig.engine():
        await rig.publish(values)
        await rig.until("select count(*) from inbox", outcomes)
        await rig.idle()


async def reprocessed(rig: Rig, outcomes: int, **chosen: Any) -> UUID:
    """The id of a reprocess that has been applied, and its events worked on, by so many outcomes in all."""
    plan_id = await planned(rig, reprocess=True, **chosen)
    await apply(rig, plan_id)
    await done(rig, [], outcomes)
    return plan_id


async def test_what_ended_well_is_worked_on_again_and_all_else_is_left_out(rig: Rig) -> None:
    failed = a_run(7, portfolio={"uri": "none.csv"})
    cancel = orjson.loads(run_event("c-1", {"run_id": run_data(Random(1))["run_id"]})) | {"type": "run.cancel.requested.v1"}
    await done(rig, [*map(a_run, range(1, 4)), a_run(1), failed, b"garbage"], 4)
    await done(rig, [orjson.dumps(cancel)], 5)
    await rig.publish([a_run(9)])

    found = await plan(rig, reprocess=True)
    told = found.prediction.as_plain()
    assert {name: told[name] for name in ("new", "done", "dead", "rejected", "reprocessed", "not_again")} == {
        "new": 1, "done": 5, "dead": 1, "rejected": 1, "reprocessed": 3, "not_again": 1,
    }  # fmt: skip
    assert found.replay_id is not None
    replay = await replay_of(rig, found.replay_id)
    assert (replay.mode, replay.selection["reprocess"]) == ("reprocess", True)

    await apply(rig, found.replay_id)
    await done(rig, [], 5 + 1 + 3)
    assert [tuple(row.values()) for row in await rig.rows(ALLOTTED)] == [(f"e-{each}", 1) for each in (1, 2, 3)]
    assert await rig.rows(READ) == [{"generation": 0, "runs": 1}, {"generation": 1, "runs": 3}]
    completions = {(each["causationid"], each["generation"]) for each in await rig.completions(9)}
    assert completions >= {(f"e-{each}", 1) for each in (1, 2, 3)}
    assert await rig.rows("select count(*) from dead_letters") == [{"count": 2}]


async def test_only_the_events_that_are_named_are_worked_on_again(rig: Rig) -> None:
    await done(rig, [*map(a_run, range(1, 4))], 3)
    plan_id = await reprocessed(rig, 4, event_ids=("e-2", "nobody"))
    assert [tuple(row.values()) for row in await rig.rows(ALLOTTED)] == [("e-2", 1)]
    assert (await replay_of(rig, plan_id)).prediction["other_clients"] == 2


async def test_a_replay_without_reprocess_takes_the_events_that_are_named_too(rig: Rig) -> None:
    await rig.publish([*map(a_run, range(1, 4))])
    await apply(rig, await planned(rig, event_ids=("e-3",)))
    records = await rig.published(rig.spec.topic, 4)
    assert sorted(orjson.loads(each.value or b"")["id"] for each in records) == ["e-1", "e-2", "e-3", "e-3"]


async def test_an_apply_whose_progress_was_lost_allots_nothing_anew(rig: Rig) -> None:
    await done(rig, [*map(a_run, range(1, 4))], 3)
    plan_id = await reprocessed(rig, 6)
    async with rig.database.connection() as connection:
        await connection.execute(REWIND, plan_id)
    await apply(rig, plan_id)
    await done(rig, [a_run(9)], 7)
    assert [tuple(row.values()) for row in await rig.rows(ALLOTTED)] == [(f"e-{each}", 1) for each in (1, 2, 3)]
    assert await rig.rows("select count(*) from inbox where generation = 1") == [{"count": 3}]
    assert await rig.rows("select count(*) from dead_letters") == [{"count": 0}]


async def test_each_reprocess_is_a_generation_of_its_own(rig: Rig) -> None:
    await done(rig, [a_run(1)], 1)
    await reprocessed(rig, 2)
    # Both records are of one event, which is worked on again once.
    await reprocessed(rig, 3)
    assert [tuple(row.values()) for row in await rig.rows(ALLOTTED)] == [("e-1", 1), ("e-1", 2)]
    assert [row["generation"] for row in await rig.rows(READ)] == [2]
    assert await rig.rows("select generation from run_generations order by 1") == [{"generation": 0}, {"generation": 1}]


async def test_of_events_that_asked_for_one_run_each_is_told_of_one_reprocess(rig: Rig) -> None:
    await done(rig, [a_run(1), a_run(1, "other")], 2)
    await reprocessed(rig, 3, event_ids=("e-1",))
    assert [row["generation"] for row in await rig.rows(READ)] == [1]
    # The other event had no generation yet, but its run had one.
    await reprocessed(rig, 5)
    assert await rig.rows(ALLOTTED + " limit 9") == [
        {"event_id": "e-1", "generation": 1},
        {"event_id": "e-1", "generation": 2},
        {"event_id": "other", "generation": 2},
    ]
    told = {(each["causationid"], each["generation"]): each["data"] for each in await rig.completions(5)}
    assert told["e-1", 2] == told["other", 2]
    assert await rig.rows("select generation from run_generations order by 1") == [{"generation": 0}, {"generation": 1}]


def a_reading(rig: Rig, record: Any) -> Reading:
    return read(record, rig.spec)


async def test_processes_that_allot_at_once_come_to_the_same(rig: Rig) -> None:
    await done(rig, [*map(a_run, range(1, 30))], 29)
    readings = [a_reading(rig, record) for record in await rig.published(rig.spec.topic, 29)]
    replay_id = uuid4()
    found = await asyncio.gather(
        *(Reprocessing(rig.database, "runs", replay_id, f"p{each}").records(readings) for each in range(4))
    )
    assert [each.value for each in found[0]] == [each.value for each in found[3]]
    assert len(found[0]) == 29
    assert await rig.rows("select count(*), max(generation) from generations") == [{"count": 29, "max": 1}]


async def test_an_event_that_would_be_too_large_stays_as_it_is(rig: Rig) -> None:
    [record] = [await _record(rig, a_run(1))]
    room = MAX_EVENT_BYTES - len(record.value or b"")
    for size, expected in ((room - 40, False), (room - 200, True)):
        value = orjson.dumps(orjson.loads(record.value or b"") | {"subject": "s", "padding": "x" * size})
        reading = a_reading(rig, replace(record, value=value))
        assert reading.failure is None
        assert goes_again(reading, Standing.DONE) is expected
    assert not goes_again(a_reading(rig, record), Standing.NEW)


async def _record(rig: Rig, value: bytes) -> Any:
    await rig.publish([value])
    [record] = await rig.published(rig.spec.topic, 1)
    return record


async def test_nothing_to_reprocess_is_no_plan(rig: Rig) -> None:
    await rig.publish([a_run(1)])
    found = await plan(rig, reprocess=True)
    assert (found.replay_id, found.prediction.reprocessed, found.prediction.records) == (None, 0, 1)


@pytest.mark.parametrize("flow", ["documents", "slices"])
async def test_a_flow_whose_results_are_not_done_again_says_why(rig: Rig, flow: str) -> None:
    rig.spec = replace(flow_named(flow, ""), topic=rig.spec.topic)
    with pytest.raises(NotApplicable, match="cannot be reprocessed: a"):
        await plan(rig, reprocess=True)


async def test_audits_that_are_not_stored_have_no_generation(rig: Rig) -> None:
    async with rig.database.connection() as connection:
        assert await newest_generations(connection, [uuid4()]) == {}
