"""Slices that arrive when their generation has been dropped: they end without work, and what was never asked for is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest

from events.event import decode
from events.failures import Permanent
from storage.database import Database
from storage.run_pruning import drop_generations
from tests.integration.handlers.price.test_reprocess import BOOK, a_read_run, book, planned_again, told
from tests.integration.handlers.price.test_slices import cancel_event
from tests.support.reprocess import again
from tests.support.rig import Rig

LEFT = """
select 1 from run_plans where generation = $1 union all select 1 from run_slices where generation = $1
union all select 1 from run_generations where generation = $1
"""


async def prune(rig: Rig, database: Database, generation: int) -> None:
    """What the pruner does once the generation has been past for long enough."""
    await rig.rows("update run_generations set retired_at = now() - interval '30 days' where generation = $1", generation)
    async with database.transaction() as connection:
        assert await drop_generations(connection, timedelta(days=7), 100_000)
    assert await rig.rows(LEFT, generation) == []


async def loaded(rig: Rig, asked: dict[str, Any], data: dict[str, Any], **attributes: Any) -> Any:
    """What the flow makes of a slice's event, changed as is said."""
    spec = rig.beside[0]
    changed = asked | attributes | {"data": asked["data"] | data}
    [found] = await spec.build(rig._resources(rig.database)).load([decode(orjson.dumps(changed), spec.name, spec.models)])
    return found.code if isinstance(found, Permanent) else found


async def last_slice(rig: Rig, count: int) -> dict[str, Any]:
    """The event of the last slice, of as many as were asked for."""
    asked = [orjson.loads(each.value or b"") for each in await rig.published(rig.beside[0].topic, count)]
    return dict(max(asked, key=lambda each: (each["data"]["generation"], each["data"]["slice_no"])))


async def cancelled(rig: Rig) -> bytes:
    """A run that is read, and a reprocess of it whose input is another: cancelled before any of its slices was looked at."""
    event, _ = await a_read_run(rig)
    await rig.objects.put(BOOK, book(1000.0, 9))
    await planned_again(rig, event)
    await told(rig, cancel_event("c-1", orjson.loads(event)["data"]), completions=3, without="slices")
    return event


async def test_slices_of_a_cancelled_reprocess_that_was_dropped_end_without_work(rig: Rig, database: Database) -> None:
    await cancelled(rig)
    await prune(rig, database, 1)
    async with rig.engine():
        await rig.until("select count(*) from inbox where flow = 'slices' and outcome = 'completed'", 6)
        await rig.idle()
    assert await rig.rows("select reason from dead_letters") == []
    assert await rig.rows("select distinct generation from run_results") == [{"generation": 0}]


@pytest.mark.parametrize(
    ("data", "attributes", "what"),
    [
        ({}, {}, None),
        ({"slice_no": 0}, {"id": "other"}, None),
        ({}, {"generation": 1, "replayid": "r"}, "slice_ended"),
        ({"run_id": str(uuid4())}, {}, "unknown_slice"),
        ({}, {"clientid": "rival"}, "unknown_slice"),
        ({"generation": 2}, {}, "unknown_slice"),
        ({}, {"causationid": "nobody-s"}, "unknown_slice"),
        ({"generation": 0, "slice_no": 7}, {}, "unknown_slice"),
    ],
)
async def test_a_slice_is_of_a_past_generation_only_where_there_was_one(
    rig: Rig, database: Database, data: dict[str, Any], attributes: dict[str, Any], what: str | None
) -> None:
    await cancelled(rig)
    await prune(rig, database, 1)
    assert await loaded(rig, await last_slice(rig, 6), data, **attributes) == what


async def test_a_slice_that_is_not_planned_is_unknown_while_its_generation_is_in_work(rig: Rig) -> None:
    event, _ = await a_read_run(rig)
    await planned_again(rig, event)
    asked = await last_slice(rig, 6)
    assert await loaded(rig, asked, {"slice_no": 7}) == "unknown_slice"
    assert (await loaded(rig, asked, {})).plan.is_due


async def test_a_generation_that_is_dropped_in_part_is_past(rig: Rig) -> None:
    await cancelled(rig)
    await rig.rows("delete from run_slices where generation = 1")
    assert await loaded(rig, await last_slice(rig, 6), {}) is None


async def test_slices_of_a_generation_before_the_one_that_is_read_are_past(rig: Rig, database: Database) -> None:
    event, _ = await a_read_run(rig)
    await told(rig, await again(rig, event), completions=2)
    await prune(rig, database, 0)
    assert await loaded(rig, await last_slice(rig, 6), {"generation": 0}) is None
