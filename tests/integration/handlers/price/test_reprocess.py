"""Runs that are worked on again: what can be read is one generation, wholly, and another only once that is finished."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest

from events.envelope import Envelope
from events.run import RunCompleted
from handlers.price import slices
from handlers.price.generations import place
from storage.database import Database
from storage.runs import RunRow, read_run
from tests.integration.handlers.price.conftest import A_SLICE
from tests.integration.handlers.price.test_slices import a_run, cancel_event, runs_alone
from tests.support.reprocess import again
from tests.support.rig import Rig
from tests.support.runs import run_event
from tests.unit.handlers.price.books import FORWARD

BOOK = "books/desk.jsonl"
# Generation and value of what a reader finds.
READ = "select distinct generation, count(*) over () as rows from run_values"
SUMMED = "select generation, count(*)::int as cells, round(sum(value)::numeric, 2)::float8 as total from run_values group by 1"
KEPT = "select generation, status, retired_at is null as in_work from run_generations order by generation"


def book(notional: float, count: int = 10) -> bytes:
    return b"\n".join(orjson.dumps(FORWARD | {"position_id": f"p{number}", "notional": notional}) for number in range(count))


def asked(**changes: Any) -> dict[str, Any]:
    return a_run({"uri": BOOK}, scenarios=[{"id": "base"}], measures=["PV"], **changes)


async def told(rig: Rig, *events: bytes, completions: int, without: str = "") -> dict[tuple[str, int], dict[str, Any]]:
    """Publishes events to a worker (without one of its flows); all completions so far, by their event and generation."""
    beside = rig.beside
    rig.beside = () if without == "slices" else beside
    async with rig.engine():
        await rig.publish(events)
        found = await rig.completions(completions)
        await rig.idle()
    rig.beside = beside
    for completion in found:
        Envelope[RunCompleted].model_validate(completion)
    assert len({each["id"] for each in found}) == len(found)
    return {(each["causationid"], each["generation"]): each["data"] for each in found}


async def planned_again(rig: Rig, event: bytes, generation: int = 1) -> None:
    """A worker that plans a reprocess, and does no slice of it."""
    beside, rig.beside = rig.beside, ()
    async with rig.engine():
        await rig.publish([await again(rig, event, generation)])
        await rig.until(f"select count(*) from run_generations where generation = {generation} and status = 'planned'", 1)
        await rig.idle()
    rig.beside = beside


async def a_read_run(rig: Rig, notional: float = 1000.0, count: int = 10) -> tuple[bytes, float]:
    """A run that has been priced, as its event; and the sum of its values."""
    await rig.objects.put(BOOK, book(notional, count))
    event = run_event("e-1", asked())
    await told(rig, event, completions=1)
    [found] = await rig.rows(SUMMED)
    assert found["cells"] == count
    return event, found["total"]


@pytest.mark.parametrize("count", [3, 10])
async def test_a_reprocess_replaces_what_is_read_when_it_is_finished(rig: Rig, count: int) -> None:
    event, total = await a_read_run(rig, count=count)
    await rig.objects.put(BOOK, book(2000.0, count))

    answers = await told(rig, await again(rig, event), completions=2)

    assert [answers["e-1", generation]["status"] for generation in (0, 1)] == ["completed", "completed"]
    assert answers["e-1", 1]["totals"]["PV"]["base"] == pytest.approx(2 * answers["e-1", 0]["totals"]["PV"]["base"])
    assert answers["e-1", 1]["input_sha256"] != answers["e-1", 0]["input_sha256"]
    assert await rig.rows(SUMMED) == [{"generation": 1, "cells": count, "total": pytest.approx(2 * total, abs=0.02)}]
    assert await rig.rows(KEPT) == [{"generation": 0, "status": "completed", "in_work": False}]
    assert await rig.rows("select generation, count(*) from run_results group by 1 order by 1") == [
        {"generation": 0, "count": count},
        {"generation": 1, "count": count},
    ]


async def test_what_is_read_stays_while_slices_of_a_reprocess_come_in(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    event, total = await a_read_run(rig)
    await planned_again(rig, event)
    copied, seen = slices.copy_results, list[Any]()

    async def looking(connection: Any, rows: Any) -> None:
        await copied(connection, rows)
        seen.extend(await rig.rows(SUMMED))

    monkeypatch.setattr(slices, "copy_results", looking)
    await told(rig, completions=2)
    assert seen == [{"generation": 0, "cells": 10, "total": total}] * len(seen)
    assert seen, "nothing was looked at"
    assert await rig.rows(SUMMED) == [{"generation": 1, "cells": 10, "total": total}]


async def test_an_event_that_comes_meanwhile_is_answered_from_what_is_read(rig: Rig) -> None:
    event, _ = await a_read_run(rig)
    await planned_again(rig, event)
    answers = await told(rig, run_event("e-2", orjson.loads(event)["data"]), completions=2, without="slices")
    assert answers["e-2", 0] == answers["e-1", 0]


@pytest.mark.parametrize("count", [3, 10])
async def test_a_reprocess_that_fails_leaves_what_is_read(rig: Rig, count: int) -> None:
    event, total = await a_read_run(rig, count=count)
    await rig.objects.put(BOOK, b"no such thing")
    answers = await told(rig, await again(rig, event), completions=2)
    assert answers["e-1", 1]["failure"]["code"] == "portfolio_unreadable"
    assert await rig.rows(SUMMED) == [{"generation": 0, "cells": count, "total": total}]
    assert await rig.rows(KEPT) == [{"generation": 1, "status": "failed", "in_work": False}]
    assert await rig.rows("select event_id, generation from dead_letters") == [{"event_id": "e-1", "generation": 1}]


async def test_a_reprocess_none_of_whose_slices_is_done_has_failed(rig: Rig) -> None:
    event, total = await a_read_run(rig)
    await planned_again(rig, event)
    await rig.objects.put(BOOK, book(3000.0))
    answers = await told(rig, completions=2)
    assert (answers["e-1", 1]["status"], answers["e-1", 1]["failure"]["code"]) == ("failed", "checksum_mismatch")
    assert answers["e-1", 1]["failure"]["message"].startswith("3 of 3 slices failed; the first, slice 0: ")
    assert await rig.rows(SUMMED) == [{"generation": 0, "cells": 10, "total": total}]
    assert await rig.rows(KEPT) == [{"generation": 1, "status": "failed", "in_work": False}]


def book_with_a_new_end(count: int = 10) -> bytes:
    """The first slice's bytes are as they were, those of the others are not."""
    return b"\n".join([*book(1000.0, A_SLICE).split(b"\n"), *book(2000.0, count).split(b"\n")[A_SLICE:]])


async def test_a_reprocess_that_lost_slices_has_failed_and_leaves_a_whole_result(rig: Rig) -> None:
    event, total = await a_read_run(rig)
    await planned_again(rig, event)
    await rig.objects.put(BOOK, book_with_a_new_end())
    answers = await told(rig, completions=2)
    assert await rig.rows("select status, count(*) from run_slices where generation = 1 group by 1 order by 1") == [
        {"status": "done", "count": 1},
        {"status": "failed", "count": 2},
    ]
    assert await rig.rows(SUMMED) == [{"generation": 0, "cells": 10, "total": total}]
    assert await rig.rows(KEPT) == [{"generation": 1, "status": "failed", "in_work": False}]
    data = answers["e-1", 1]
    assert (data["status"], data["totals"], data["failure"]["code"]) == ("failed", {}, "checksum_mismatch")
    assert data["failure"]["message"].startswith("2 of 3 slices failed; the first, slice 1: ")


async def test_a_reprocess_that_lost_slices_replaces_what_lost_some_itself(rig: Rig) -> None:
    await rig.objects.put(BOOK, book(1000.0))
    event = run_event("e-1", asked())
    await runs_alone(rig, event)
    await rig.objects.put(BOOK, book_with_a_new_end())
    assert (await told(rig, completions=1))["e-1", 0]["status"] == "partial"

    await planned_again(rig, event)
    await rig.objects.put(BOOK, book_with_a_new_end().replace(b"2000.0", b"3000.0", 1))
    answers = await told(rig, completions=2)
    assert answers["e-1", 1]["status"] == "partial"
    assert await rig.rows("select generation, status from runs") == [{"generation": 1, "status": "partial"}]


async def test_of_two_in_work_the_newer_is_read_and_the_older_is_superseded_when_it_ends(rig: Rig) -> None:
    event, total = await a_read_run(rig)
    await planned_again(rig, event, 1)
    await rig.rows("update run_slices set status = 'done', finished_at = now() where generation = 1 and slice_no = 2")
    await rig.objects.put(BOOK, book(2000.0))
    await planned_again(rig, event, 2)
    answers = await told(rig, completions=2)
    assert ("e-1", 1) not in answers

    await rig.rows("update run_slices set status = 'planned', finished_at = null where generation = 1 and slice_no = 2")
    asked_again = [orjson.loads(each.value or b"") for each in await rig.published(rig.beside[0].topic, 9)]
    [late] = [each for each in asked_again if (each["data"]["generation"], each["data"]["slice_no"]) == (1, 2)]
    beside, slices_flow = rig.beside, rig.beside[0]
    spec, rig.spec, rig.beside = rig.spec, slices_flow, ()
    async with rig.engine():
        await rig.publish([orjson.dumps(late | {"id": "once more"})])
        await rig.until("select count(*) from run_generations where status = 'superseded'", 1)
        await rig.idle()
    rig.spec, rig.beside = spec, beside

    answers = await told(rig, completions=3)
    assert {key: data["status"] for key, data in answers.items()} == {
        ("e-1", 0): "completed",
        ("e-1", 1): "superseded",
        ("e-1", 2): "completed",
    }
    assert await rig.rows(SUMMED) == [{"generation": 2, "cells": 10, "total": pytest.approx(2 * total, abs=0.02)}]
    assert [row["status"] for row in await rig.rows(KEPT)] == ["completed", "superseded"]


async def test_a_generation_that_comes_after_a_newer_one_is_superseded_at_once(rig: Rig) -> None:
    event, total = await a_read_run(rig, count=3)
    await told(rig, await again(rig, event, 2), completions=2)
    answers = await told(rig, await again(rig, event, 1), completions=3)
    assert answers["e-1", 1]["status"] == "superseded"
    assert await rig.rows(SUMMED) == [{"generation": 2, "cells": 3, "total": total}]
    assert await rig.rows("select distinct generation from run_results order by 1") == [{"generation": 0}, {"generation": 2}]


async def test_a_cancel_ends_the_reprocess_and_leaves_what_is_read(rig: Rig) -> None:
    event, total = await a_read_run(rig)
    await planned_again(rig, event, 1)
    await planned_again(rig, event, 2)
    run = orjson.loads(event)["data"]
    answers = await told(rig, cancel_event("c-1", run), completions=4, without="slices")
    statuses = {key: data["status"] for key, data in answers.items()}
    assert statuses == {("e-1", 0): "completed"} | dict.fromkeys([("c-1", 0), ("e-1", 1), ("e-1", 2)], "cancelled")
    await told(rig, completions=4)
    assert await rig.rows(SUMMED) == [{"generation": 0, "cells": 10, "total": total}]
    assert await rig.rows(KEPT) == [{"generation": each, "status": "cancelled", "in_work": False} for each in (1, 2)]
    assert await rig.rows("select distinct generation from run_results") == [{"generation": 0}]


async def test_a_cancelled_run_can_be_done_again(rig: Rig) -> None:
    await rig.objects.put(BOOK, book(1000.0))
    event = run_event("e-1", asked())
    await told(rig, event, cancel_event("c-1", orjson.loads(event)["data"]), completions=2, without="slices")
    assert await rig.rows("select status from runs") == [{"status": "cancelled"}]
    answers = await told(rig, await again(rig, event), completions=3)
    assert answers["e-1", 1]["status"] == "completed"
    assert [row["generation"] for row in await rig.rows(SUMMED)] == [1]


async def test_a_failed_run_that_is_large_the_next_time_can_be_followed_from_its_row(rig: Rig) -> None:
    event = run_event("e-1", asked())
    await told(rig, event, completions=1)
    await rig.objects.put(BOOK, book(1000.0))
    beside, rig.beside = rig.beside, ()
    async with rig.engine():
        await rig.publish([await again(rig, event)])
        await rig.until("select count(*) from runs where status = 'planned' and generation = 1 and slices = 3", 1)
        await rig.idle()
    rig.beside = beside
    await told(rig, completions=2)
    assert await rig.rows("select status, generation from runs") == [{"status": "completed", "generation": 1}]


async def test_another_event_for_the_generation_in_work_waits_for_its_end(rig: Rig) -> None:
    event, _ = await a_read_run(rig)
    other = run_event("e-2", orjson.loads(event)["data"])
    await planned_again(rig, event)
    beside, rig.beside = rig.beside, ()
    async with rig.engine():
        await rig.publish([await again(rig, other)])
        await rig.until("select count(*) from retries where waiting_since is not null", 1)
    rig.beside = beside
    answers = await told(rig, completions=3)
    assert answers["e-2", 1] == answers["e-1", 1]
    assert await rig.rows("select count(*) from dead_letters") == [{"count": 0}]


async def test_a_reprocess_of_a_run_in_work_waits_for_its_end(rig: Rig) -> None:
    await rig.objects.put(BOOK, book(1000.0))
    event = run_event("e-1", asked())
    beside, rig.beside = rig.beside, ()
    async with rig.engine():
        await rig.publish([event])
        await rig.until("select count(*) from runs", 1)
        await rig.publish([await again(rig, event)])
        await rig.until("select count(*) from retries where waiting_since is not null", 1)
    rig.beside = beside
    answers = await told(rig, completions=2)
    assert {key: data["status"] for key, data in answers.items()} == {("e-1", 0): "completed", ("e-1", 1): "completed"}
    assert [row["generation"] for row in await rig.rows(SUMMED)] == [1]


async def test_another_request_under_a_generation_is_a_conflict(rig: Rig) -> None:
    event, _ = await a_read_run(rig, count=3)
    other = orjson.loads(event)["data"] | {"measures": ["DV01"]}
    async with rig.engine():
        await rig.publish([await again(rig, run_event("e-2", other))])
        [letter] = await rig.dead(1)
    assert dict(letter.headers)["dlq-reason"] == b"input_conflict"
    assert [row["generation"] for row in await rig.rows(READ)] == [0]


async def test_of_generations_that_are_stored_at_once_the_newest_is_read(rig: Rig, database: Database) -> None:
    await a_read_run(rig, count=3)
    [stored] = await rig.rows("select run_id from runs")
    run_id: UUID = stored["run_id"]
    async with database.connection() as connection:
        run = await read_run(connection, run_id)
    assert run is not None

    async def put(row: RunRow) -> str:
        async with database.transaction() as connection:
            [found] = await place(connection, [row], datetime.now(UTC))
            await asyncio.sleep(0.05)
            return found.status

    rows = [run._replace(generation=generation) for generation in (3, 1, 2, 4)]
    outcomes = await asyncio.gather(*map(put, rows))
    assert await rig.rows("select generation from runs") == [{"generation": 4}]
    kept = await rig.rows("select generation, status from run_generations order by 1")
    assert [row["generation"] for row in kept] == [0, 1, 2, 3]
    assert sorted(outcomes).count("superseded") == [row["status"] for row in kept].count("superseded")
