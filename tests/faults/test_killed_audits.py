"""Audits while their worker is killed: each once in effect, and no answer paid for twice."""

from __future__ import annotations

from collections import defaultdict

import orjson

from devstack.standin.control import Control
from devstack.standin.faults import Fault
from streams.publish import Outgoing, publish
from tests.support.accounts import all_is_finished
from tests.support.audits import audit_data, audit_event, put_embedded
from tests.support.deaths import killed_amid
from tests.support.rig import Rig
from tests.support.worker_process import Workers

AUDITS = 80
KILLS = (8, 20, 35)
DAM = 55
HANDS = 8
ASKED = "Find what is overdue or unsigned."
TEXTS = (
    "Invoice INV-17 of 14 March over EUR 12,400 is overdue since 13 April; no payment was received.",
    "The loan agreement was left unsigned by the second director.",
    "The board approved the purchase of two milling machines.",
)
FINDINGS = """
select audit_id::text, count(*), bool_and(jsonb_array_length(citations) > 0) as cited from audit_findings group by audit_id
"""


async def test_eighty_audits_are_answered_once_although_the_worker_is_killed_three_times(
    audits_rig: Rig, audit_workers: Workers, openai: Control
) -> None:
    openai.add(Fault("slow", endpoint="responses", seconds=0.5, times=None))
    for number in range(5):
        await put_embedded(audits_rig.database, [f"{text} ({number})" for text in TEXTS], filename=f"{number}.txt")
    asked = [audit_data(title=f"Audit {number}", instructions=ASKED) for number in range(AUDITS)]
    events = [audit_event(f"a-{number}", data) for number, data in enumerate(asked)]
    records = [Outgoing(audits_rig.spec.topic, orjson.loads(value)["data"]["audit_id"].encode(), value) for value in events]
    await publish(audits_rig.kafka, [*records, *records[::7]])

    await killed_amid(audits_rig, audit_workers, "audits", KILLS, DAM, AUDITS)
    await audit_workers.start()
    await all_is_finished(audits_rig)

    await each_audit_stands_once(audits_rig)
    await each_answer_is_paid_for_once(audits_rig, openai)


async def each_audit_stands_once(rig: Rig) -> None:
    rows = await rig.rows("select event_id, status, model from audits")
    assert sorted(row["event_id"] for row in rows) == sorted(f"a-{number}" for number in range(AUDITS))
    assert {(row["status"], row["model"].endswith("-stand-in")) for row in rows} == {("completed", True)}
    findings = await rig.rows(FINDINGS)
    assert len(findings) == AUDITS
    assert all(row["cited"] for row in findings)
    ids = defaultdict(set)
    for record in await rig.published(rig.spec.completed_topic, AUDITS):
        completion = orjson.loads(record.value or b"")
        ids[completion["causationid"]].add(completion["id"])
    assert {len(each) for each in ids.values()} == {1}
    assert len(ids) == AUDITS
    assert await rig.rows("select count(*) from dead_letters") == [{"count": 0}]


async def each_answer_is_paid_for_once(rig: Rig, openai: Control) -> None:
    """The ledger holds one answer an audit; what was asked more often was never stored, because the worker was killed."""
    rows = await rig.rows("select event_key, count(*) from llm_calls where endpoint = 'responses' group by event_key")
    assert [row["count"] for row in rows] == [1] * AUDITS
    assert openai.calls().received["responses"] <= AUDITS + len(KILLS) * HANDS
