"""Generations of one audit that are saved together: the newest that has not failed is stored, and told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from events.event import Event
from events.failures import Conflict, Permanent
from handlers.answer import Answer
from handlers.audit.flow import AuditsFlow
from handlers.audit.stored import Audited
from storage.database import Database
from tests.support.audits import COVENANT, LITIGATION, PLAIN, audit_data, audit_event, decoded, put_document

MakeFlow = Callable[..., AuditsFlow]
FOUND = "select distinct generation from audits join audit_findings using (audit_id, generation)"


def of_generation(data: dict[str, Any], generation: int, event_id: str = "e-1") -> Event:
    return decoded(audit_event(event_id, data, generation=generation, **({"replayid": "r"} if generation else {})))


async def worked(flow: AuditsFlow, event: Event) -> Audited:
    [loaded] = await flow.load([event])
    assert not isinstance(loaded, Permanent)
    [result] = await flow.work([event], [loaded])
    assert isinstance(result, Audited)
    return result


async def saved(flow: AuditsFlow, database: Database, *each: tuple[Event, Audited | Permanent]) -> list[Answer | Conflict]:
    """The answers of one group."""
    events, results = zip(*each, strict=True)
    async with database.transaction() as connection:
        return await flow.save(connection, events, results)


def told(answer: Answer | Conflict) -> tuple[str, int, bool]:
    """Status, passages and whether there are findings, of an answer."""
    assert isinstance(answer, Answer)
    return answer.data["status"], answer.data["evidence_chunks"], bool(answer.data["findings"])


@pytest.mark.parametrize("newest_first", [False, True])
async def test_of_two_in_one_group_the_newer_is_stored_and_told(
    make_flow: MakeFlow, database: Database, newest_first: bool
) -> None:
    flow, data = make_flow(), audit_data()
    await put_document(database, [COVENANT])
    first = of_generation(data, 0), await worked(flow, of_generation(data, 0))
    await put_document(database, [LITIGATION, PLAIN])
    again = of_generation(data, 1), await worked(flow, of_generation(data, 1))

    answers = await saved(flow, database, *([again, first] if newest_first else [first, again]))

    assert list(map(told, answers)) == [("completed", 3, True)] * 2
    async with database.connection() as connection:
        assert await connection.fetch("select generation, status, evidence_chunks from audits") == [(1, "completed", 3)]
        assert await connection.fetch(FOUND) == [(1,)]
        assert await connection.fetch("select distinct generation from audit_findings") == [(1,)]


@pytest.mark.parametrize("failing", [0, 1])
async def test_of_two_in_one_group_the_one_that_did_not_fail_is_stored(
    make_flow: MakeFlow, database: Database, failing: int
) -> None:
    flow, data = make_flow(), audit_data()
    await put_document(database, [COVENANT])
    result = await worked(flow, of_generation(data, 1 - failing))
    each: list[Audited | Permanent] = [result, result]
    each[failing] = Permanent("truncated", "too long")

    answers = await saved(flow, database, *zip([of_generation(data, 0), of_generation(data, 1)], each, strict=True))

    well, failed = ("completed", 1, True), ("failed", 0, False)
    assert list(map(told, answers)) == [[well, well], [well, failed]][failing]
    async with database.connection() as connection:
        assert await connection.fetch(FOUND) == [(1 - failing,)]


async def test_of_two_that_failed_the_newer_is_stored(make_flow: MakeFlow, database: Database) -> None:
    flow, data = make_flow(), audit_data()
    failures = [Permanent("truncated", "too long"), Permanent("malformed_answer", "no JSON")]
    answers = await saved(flow, database, *zip([of_generation(data, 0), of_generation(data, 1)], failures, strict=True))
    failed = [answer.failure for answer in answers if isinstance(answer, Answer) and answer.failure is not None]
    assert [(failure.code, failure.message) for failure in failed] == [("malformed_answer", "no JSON")] * 2
    async with database.connection() as connection:
        assert await connection.fetch("select generation, failure_code from audits") == [(1, "malformed_answer")]


async def test_another_request_in_the_group_does_not_take_the_place_of_the_first(
    make_flow: MakeFlow, database: Database
) -> None:
    flow, data = make_flow(), audit_data()
    await put_document(database, [COVENANT])
    first = of_generation(data, 0)
    other = of_generation(data | {"title": "Another"}, 1, "e-2")
    results = [await worked(flow, each) for each in (first, other)]
    mine, theirs = await saved(flow, database, *zip([first, other], results, strict=True))
    assert told(mine) == ("completed", 1, True)
    assert isinstance(theirs, Conflict)
