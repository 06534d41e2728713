"""Workers that are killed amid the slices of large runs: each run is completed once, with each row once."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from random import Random
from typing import Any
from uuid import UUID

import orjson
import pytest

from streams.publish import Outgoing, publish
from tests.faults.conftest import prepared
from tests.support.accounts import all_is_finished
from tests.support.offsets import remaining
from tests.support.rig import Rig, eventually
from tests.support.runs import expected_rows, position, run_data, run_event
from tests.support.worker import flow_named
from tests.support.worker_process import workers

RUNS, POSITIONS, A_SLICE = 4, 800, 4
KILLS = (30, 200, 420)
DONE = "select count(*) from run_slices where status <> 'planned'"


@pytest.fixture
async def sliced_rig(kafka: str, database_url: str, redis_url: str, object_store_url: str, topic_prefix: str) -> Any:
    beside = [flow_named("slices", topic_prefix)]
    servers = (kafka, database_url, redis_url, object_store_url)
    async with prepared(Rig(flow_named("runs", topic_prefix), *servers, beside=beside, slice_cells=A_SLICE)) as rig:
        yield rig


def large_run(seed: int) -> dict[str, Any]:
    draw = Random(seed)
    positions = [position(draw, f"p{number}") for number in range(POSITIONS)]
    return run_data(draw) | {"portfolio": {"positions": positions}}


async def test_each_large_run_is_completed_once_although_workers_are_killed_three_times(
    sliced_rig: Rig, topic_prefix: str, tmp_path: Any
) -> None:
    rig, runs = sliced_rig, {f"e-{number}": large_run(number) for number in range(RUNS)}
    asked = [(f"e-{number}", run) for number, run in enumerate(runs.values())] + [("e-again", runs["e-0"])]
    events = [Outgoing(rig.spec.topic, data["run_id"].encode(), run_event(event_id, data)) for event_id, data in asked]
    await publish(rig.kafka, events)

    async with workers(rig, "runs", topic_prefix, tmp_path) as crew:
        for kill_at in KILLS:
            worker = await crew.start()
            await rig.until(f"select count(*) >= {kill_at} from run_slices where status <> 'planned'", expected=True)
            await worker.kill()
            [stored] = await rig.rows(DONE)
            assert kill_at <= stored["count"] < RUNS * POSITIONS / A_SLICE, "the kill did not land in the middle"
        await asyncio.gather(crew.start(), crew.start())
        await all_is_finished(rig)
        group = f"{rig.config.group_prefix}.slices"
        await eventually(lambda: remaining(rig.kafka, group, rig.beside[0].topic), 0)
        await rig.until("select count(*) from runs where status = 'planned'", 0)
        await rig.idle()
        await rig.until("select count(*) from retries", 0)

    await each_is_completed_once(rig, runs)


async def each_is_completed_once(rig: Rig, runs: dict[str, dict[str, Any]]) -> None:
    said = defaultdict(set)
    for record in await rig.published(rig.spec.completed_topic, RUNS + 1):
        completion = orjson.loads(record.value or b"")
        said[completion["causationid"]].add((completion["id"], orjson.dumps(completion["data"])))
    assert said.keys() == {*runs, "e-again"}
    assert {len(each) for each in said.values()} == {1}
    for run in runs.values():
        rows = await rig.rows(
            "select row_no, position_id, values[1] as value from run_results where run_id = $1 order by 1", UUID(run["run_id"])
        )
        stored = [(row["row_no"], row["position_id"], None if row["value"] is None else round(row["value"], 4)) for row in rows]
        assert stored == expected_rows(run)
    assert await rig.rows("select distinct slices_done, positions from runs") == [
        {"slices_done": POSITIONS // A_SLICE, "positions": POSITIONS}
    ]
    assert await rig.rows("select count(*) from dead_letters") == [{"count": 0}]
    assert await rig.rows("select count(*) from inbox where flow = 'slices'") == [{"count": RUNS * POSITIONS // A_SLICE}]
