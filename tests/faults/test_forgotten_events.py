"""An event that comes again after the inbox has forgotten it is told by what it is about."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any
from uuid import uuid4

import orjson
from prometheus_client import REGISTRY

from devstack.standin.control import Control
from streams.pruning import Pruner, Retention
from tests.support.accounts import all_is_finished
from tests.support.audits import audit_data, audit_event, put_embedded
from tests.support.notes import note
from tests.support.rig import Rig
from tests.support.runs import run_data, run_event

AGED = "update inbox set processed_at = now() - interval '31 days'"
MISSING = {"portfolio": {"uri": "nowhere.parquet"}}


async def forget(rig: Rig) -> int:
    """Lets a month pass for the inbox."""
    await rig.rows(AGED)
    return await Pruner(rig.database, Retention(days=30, rows=2)).round()


async def once_and_again(rig: Rig, values: Sequence[bytes]) -> list[dict[str, Any]]:
    """Completions of events that come, are forgotten, and come again."""
    async with rig.engine():
        await rig.publish(values)
        await rig.completions(len(values))
        await all_is_finished(rig)
        assert await forget(rig) == len(values)
        assert await rig.count("inbox") == 0
        await rig.publish(values)
        completions = await rig.completions(2 * len(values))
        await all_is_finished(rig)
    assert await rig.count("inbox") == len(values)
    return completions


def answered_twice_alike(completions: Sequence[dict[str, Any]]) -> None:
    """Each event has one completion, said twice under its own id."""
    by_id: dict[str, list[Any]] = {}
    for each in completions:
        by_id.setdefault(each["id"], []).append((each["causationid"], each["data"]))
    assert len(by_id) * 2 == len(completions)
    assert all(first == second for first, second in by_id.values())


async def test_runs_have_no_second_effect_completed_or_failed(runs_rig: Rig) -> None:
    draw = Random(5)
    values = [run_event(f"r-{each}", run_data(draw)) for each in range(4)]
    values += [run_event("r-failed", run_data(draw) | MISSING)]
    before = REGISTRY.get_sample_value("millrace_inbox_dropped_total") or 0
    completions = await once_and_again(runs_rig, values)
    answered_twice_alike(completions)
    assert sum(each["data"]["status"] == "failed" for each in completions) == 2
    assert await runs_rig.count("runs") == 5
    assert await runs_rig.rows("select count(*) from run_results group by run_id, row_no having count(*) > 1") == []
    assert await runs_rig.rows("select event_id, count(*) from dead_letters group by 1") == [
        {"event_id": "r-failed", "count": 2}
    ], "one for each place that the record came from"
    assert (REGISTRY.get_sample_value("millrace_inbox_dropped_total") or 0) - before == 5


def uploaded(event_id: str, uri: str) -> bytes:
    """A document.uploaded event as JSON."""
    envelope = {"specversion": "1.0", "id": event_id, "source": "/tests", "type": "document.uploaded.v1", "clientid": "acme"}
    data = {"document_id": str(uuid4()), "version": 1, "uri": uri, "filename": uri}
    return orjson.dumps(envelope | {"data": data})


async def test_documents_have_no_second_effect_and_are_not_paid_for_again(documents_rig: Rig, openai: Control) -> None:
    await documents_rig.objects.put("a.txt", b"The borrower is in breach of the leverage covenant.")
    completions = await once_and_again(documents_rig, [uploaded("d-1", "a.txt")])
    answered_twice_alike(completions)
    assert completions[0]["data"]["status"] == "embedded"
    assert await documents_rig.count("documents") == await documents_rig.count("document_chunks") == 1
    assert openai.calls().answered["embeddings"] == 1


async def test_audits_have_no_second_effect_and_are_not_paid_for_again(audits_rig: Rig, openai: Control) -> None:
    await put_embedded(audits_rig.database, ["Invoice INV-17 over EUR 12,400 is overdue since 13 April."])
    completions = await once_and_again(audits_rig, [audit_event("a-1", audit_data())])
    answered_twice_alike(completions)
    assert await audits_rig.count("audits") == 1
    assert openai.calls().answered["responses"] == 1


async def test_another_input_under_a_forgotten_event_is_still_a_conflict(runs_rig: Rig) -> None:
    data = run_data(Random(5))
    async with runs_rig.engine():
        await runs_rig.publish([run_event("r-1", data)])
        await runs_rig.completions(1)
        await all_is_finished(runs_rig)
        assert await forget(runs_rig) == 1
        await runs_rig.publish([run_event("r-1", data | {"valuation_date": "2026-01-14"})])
        await runs_rig.dead(1)
        await all_is_finished(runs_rig)
    assert await runs_rig.rows("select reason from dead_letters") == [{"reason": "input_conflict"}]
    assert len(await runs_rig.completions(1)) == 1


async def test_rejected_records_are_not_in_the_inbox_and_have_one_letter_for_each_place(rig: Rig) -> None:
    async with rig.engine():
        await rig.publish([b"garbage", note("n-1")])
        await rig.dead(1)
        await rig.completions(1)
        await all_is_finished(rig)
        assert await forget(rig) == 1
        await rig.publish([b"garbage"])
        await rig.dead(2)
    assert await rig.count("dead_letters") == 2
