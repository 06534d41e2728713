"""Workers that are killed amid the slices of large runs: each run is completed once, with each row once, and read whole."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from random import Random
from typing import Any
from uuid import UUID

import orjson
import pytest

from storage.result_views import read_results
from storage.runs import read_run
from streams.publish import Outgoing, publish
from tests.faults.conftest import mortal, prepared
from tests.support.accounts import all_is_finished
from tests.support.deaths import dammed, killed_amid
from tests.support.offsets import remaining
from tests.support.reprocess import again
from tests.support.rig import Rig, eventually
from tests.support.runs import expected_rows, position, run_data, run_event
from tests.support.worker import flow_named

RUNS, POSITIONS, A_SLICE = 4, 800, 4
KILLS = (30, 200, 420)
DAM = 500
ENDED = "status <> 'planned'"


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

    async with mortal(rig, "runs", topic_prefix, tmp_path) as crew:
        await killed_amid(rig, crew, "run_slices", KILLS, DAM, RUNS * POSITIONS / A_SLICE, ENDED)
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


BOOKS, BOOK, PAGE = 2, 400, 130
# What a reader of SQL finds in one statement, of all runs.
VIEW = """
select run_id, generation, count(*)::int as cells, round(sum(value)::numeric, 2)::float8 as total
from run_values group by run_id, generation
"""


class Reader:
    """Reads all runs again and again: by the view, and in pages, each of which is a statement of its own."""

    def __init__(self, rig: Rig, runs: list[UUID]) -> None:
        self.rig, self.runs = rig, runs
        self.seen = defaultdict[UUID, list[tuple[int, int, float]]](list)

    async def read(self) -> None:
        while True:
            for run in self.runs:
                self.seen[run].append(await self._pages(run))
            found = {run: [row for row in await self.rig.rows(VIEW) if row["run_id"] == run] for run in self.runs}
            await asyncio.sleep(0.02)  # the workers need the machine too
            for run, rows in found.items():
                assert len(rows) == 1, "a reader saw rows of two generations, or of none"
                self.seen[run] += [(row["generation"], row["cells"], row["total"]) for row in rows]

    async def has_seen(self, generation: int, reading: asyncio.Task[None]) -> bool:
        """Whether it has, or has ended, which tells what is wrong."""
        return reading.done() or all(any(seen[0] == generation for seen in self.seen[run]) for run in self.runs)

    async def _pages(self, run_id: UUID) -> tuple[int, int, float]:
        async with self.rig.database.connection() as connection:
            run = await read_run(connection, run_id)
            assert run is not None
            rows: list[dict[str, Any]] = []
            while page := await read_results(connection, run_id, run.generation, limit=PAGE, offset=len(rows)):
                rows += page
                await asyncio.sleep(0)
        values = [value for row in rows for value in row["values"]]
        assert run.positions == len(rows)
        return run.generation, len(values), round(sum(value for value in values if value is not None), 2)


def book(seed: int, factor: int) -> list[dict[str, Any]]:
    draw = Random(seed)
    positions = [position(draw, f"p{number}") for number in range(BOOK)]
    return [each | {"notional": each["notional"] * factor} for each in positions]


async def put_books(rig: Rig, runs: list[dict[str, Any]], factor: int) -> dict[UUID, float]:
    """Changes what the runs are of; what their values sum up to then."""
    for seed, run in enumerate(runs):
        content = b"\n".join(orjson.dumps(each) for each in book(seed, factor))
        await rig.objects.put(run["portfolio"]["uri"], content)
    priced = [run | {"portfolio": {"positions": book(seed, factor)}} for seed, run in enumerate(runs)]
    return {UUID(run["run_id"]): round(sum(value or 0.0 for _, _, value in expected_rows(run)), 2) for run in priced}


async def test_nobody_sees_two_generations_or_half_of_one_while_runs_are_reprocessed_and_workers_are_killed(
    sliced_rig: Rig, topic_prefix: str, tmp_path: Any
) -> None:
    rig, slices = sliced_rig, BOOKS * BOOK // A_SLICE
    runs = [run_data(Random(seed)) | {"portfolio": {"uri": f"books/{seed}.jsonl"}} for seed in range(BOOKS)]
    events = {f"e-{seed}": run_event(f"e-{seed}", run) for seed, run in enumerate(runs)}
    before = await put_books(rig, runs, 1)

    async with mortal(rig, "runs", topic_prefix, tmp_path) as crew:
        worker = await crew.start()
        await publish(rig.kafka, [Outgoing(rig.spec.topic, key.encode(), value) for key, value in events.items()])
        await rig.until("select count(*) from runs where status in ('completed', 'partial')", BOOKS)
        after = await put_books(rig, runs, 2)
        reader = Reader(rig, list(before))
        reading = asyncio.create_task(reader.read())
        await eventually(lambda: reader.has_seen(0, reading), expected=True)
        values = [await again(rig, value) for value in events.values()]
        await publish(rig.kafka, [Outgoing(rig.spec.topic, b"k", value) for value in values])
        again_done = f"generation = 1 and {ENDED}"
        async with dammed(rig, "run_slices", slices * 3 // 4, again_done):
            for kill_at in (slices // 8, slices // 3, slices // 2):
                done = f"from run_slices where {again_done}"
                await rig.until(f"select count(*) >= {kill_at} {done}", expected=True)
                await worker.kill()
                assert (await rig.rows(f"select count(*) {done}"))[0]["count"] < slices, "the kill did not land in the middle"
                worker = await crew.start()
        await rig.until("select count(*) from runs where generation = 1", BOOKS)
        await all_is_finished(rig)
        await eventually(lambda: reader.has_seen(1, reading), expected=True)
        reading.cancel()
        await asyncio.wait([reading])
        assert reading.cancelled(), reading.exception()

    for run in before:
        seen = [tuple(each) for each in reader.seen[run]]
        generations = [generation for generation, _, _ in seen]
        assert generations == sorted(generations)
        assert set(generations) == {0, 1}, "the reader did not see both"
        assert {cells for _, cells, _ in seen} == {BOOK}
        expected = {0: before[run], 1: after[run]}
        assert all(abs(total - expected[generation]) < 0.05 for generation, _, total in seen)
    said = {orjson.loads(each.value or b"")["id"] for each in await rig.published(rig.spec.completed_topic, 2 * BOOKS)}
    assert len(said) == 2 * BOOKS
