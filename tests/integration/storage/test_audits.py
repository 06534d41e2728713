"""Audits under their natural key: inserted once, replaced only where they failed, read with their findings."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from storage.audits import AuditRow, FindingRow, insert_audits, is_settled, read_audit, replace_findings, stored_audits
from storage.database import Database
from storage.tenant import tenant_session

AWKWARD = 'a "b" \\ {c}, \u2028 é 💶\n\ttab'

GENERATIONS, ENOUGH = 200, 20


def audit(**columns: Any) -> AuditRow:
    row = AuditRow(
        audit_id=uuid4(),
        client_id="acme",
        generation=0,
        status="needs_review",
        title=AWKWARD,
        summary=AWKWARD,
        document_ids=[UUID(int=1), UUID(int=2)],
        run_ids=[],
        evidence_chunks=3,
        evidence_left_out=4,
        model="gpt-5.4-mini-stand-in",
        prompt_version="1",
        input_tokens=1234,
        output_tokens=56,
        cost_usd=Decimal("0.0000012345"),
        review=[{"finding": 0, "reason": "quote_not_found", "chunk_id": "c", "quote": AWKWARD}],
        failure_code=None,
        failure_message=None,
        input_sha256=b"\x00\\i" + b"i" * 29,
        request_sha256=b"r" * 32,
        source="/tests",
        event_id="e1",
        correlation_id="c1",
        started_at=datetime(2026, 11, 20, 10, 0, 0, 123456, tzinfo=UTC),
        completed_at=datetime(2026, 11, 20, 10, 0, 1, tzinfo=UTC),
    )
    return row._replace(**columns)


def failed(**columns: Any) -> AuditRow:
    return audit(**{"status": "failed", "failure_code": "truncated", "failure_message": "m"} | columns)


def finding(row: AuditRow, ordinal: int = 0) -> FindingRow:
    citation = {"document_id": str(UUID(int=1)), "chunk_id": str(UUID(int=9)), "page": None, "quote": AWKWARD}
    return FindingRow(row.audit_id, row.client_id, row.generation, ordinal, "high", AWKWARD, "d", "r", [citation])


async def put(database: Database, *rows: AuditRow) -> set[UUID]:
    async with database.transaction() as connection:
        return await insert_audits(connection, rows)


async def stored(database: Database, audit_id: UUID) -> AuditRow:
    async with database.connection() as connection:
        return (await stored_audits(connection, [audit_id]))[audit_id].row


async def test_an_audit_and_its_findings_are_read_as_they_were_written(database: Database) -> None:
    row, other = audit(), audit()
    findings = [finding(row, 0), finding(row, 1), finding(other)]
    async with database.transaction() as connection:
        assert await insert_audits(connection, [row, other]) == {row.audit_id, other.audit_id}
        await replace_findings(connection, [row.audit_id, other.audit_id], findings[::-1])
        found = (await stored_audits(connection, [row.audit_id, other.audit_id, uuid4()]))[row.audit_id]
    assert found.row == row
    assert [each.pop("finding_id").version for each in found.findings] == [7, 7]
    names = ("severity", "title", "description", "recommendation", "citations")
    assert found.findings == [{name: getattr(each, name) for name in names} for each in findings[:2]]


async def test_nothing_is_written_where_there_is_nothing(database: Database) -> None:
    async with database.transaction() as connection:
        assert await insert_audits(connection, []) == set()
        await replace_findings(connection, [], [])
        assert await stored_audits(connection, []) == {}


async def test_an_id_that_is_taken_stays_with_the_first(database: Database) -> None:
    first, neighbour = audit(), audit()
    await put(database, first)
    taken = first._replace(title="another", generation=5, request_sha256=b"x" * 32)
    assert await put(database, taken, neighbour) == {neighbour.audit_id}
    assert await stored(database, first.audit_id) == first


async def test_a_failure_is_replaced_by_the_same_request_in_a_higher_generation(database: Database) -> None:
    first = failed()
    await put(database, first)
    again = audit(audit_id=first.audit_id, generation=1, event_id="e2")
    assert await put(database, again) == {first.audit_id}
    assert await stored(database, first.audit_id) == again


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (failed(), {"generation": 0}),
        (failed(generation=2), {"generation": 1}),
        (failed(), {"generation": 1, "request_sha256": b"x" * 32}),
        (audit(generation=2), {"generation": 1}),
    ],
)
async def test_anything_else_is_not_replaced_and_needs_no_work(
    database: Database, first: AuditRow, then: dict[str, Any]
) -> None:
    await put(database, first)
    again = audit(audit_id=first.audit_id, **then)
    async with database.connection() as connection:
        assert await is_settled(connection, again.audit_id, again.generation, again.request_sha256)
    assert await put(database, again) == set()
    assert await stored(database, first.audit_id) == first


async def test_what_ended_well_is_replaced_by_what_ended_well_in_a_higher_generation(database: Database) -> None:
    first = audit()
    await put(database, first)
    lost = failed(audit_id=first.audit_id, generation=1, event_id="e2")
    again = audit(audit_id=first.audit_id, generation=2, event_id="e3")
    assert await put(database, lost) == set()
    assert await stored(database, first.audit_id) == first
    assert await put(database, again) == {first.audit_id}
    assert await stored(database, first.audit_id) == again


async def test_what_is_new_or_may_be_replaced_needs_work(database: Database) -> None:
    first = failed()
    await put(database, first)
    async with database.connection() as connection:
        assert not await is_settled(connection, uuid4(), 0, first.request_sha256)
        assert not await is_settled(connection, first.audit_id, 1, first.request_sha256)


async def test_findings_of_another_generation_are_not_told(database: Database) -> None:
    row = audit(generation=1)
    async with database.transaction() as connection:
        await insert_audits(connection, [row])
        await replace_findings(connection, [row.audit_id], [finding(row._replace(generation=0)), finding(row)])
        found = await read_audit(connection, row.audit_id)
    assert found is not None
    assert len(found.findings) == 1


FOUND = "select audit_id, generation, ordinal from audit_findings order by audit_id, generation, ordinal"


async def put_with_findings(database: Database, row: AuditRow, count: int) -> None:
    async with database.transaction() as connection:
        new = await insert_audits(connection, [row])
        await replace_findings(connection, new, [finding(row, ordinal) for ordinal in range(count)])


@pytest.mark.parametrize("count", [0, 1])
async def test_a_client_finds_the_findings_of_the_audit_that_is_read_alone(database: Database, count: int) -> None:
    first, neighbour = audit(audit_id=UUID(int=1)), audit(audit_id=UUID(int=2))
    await put_with_findings(database, first, 2)
    await put_with_findings(database, neighbour, 1)
    await put_with_findings(database, first._replace(generation=2), count)
    async with tenant_session(database, "acme") as connection:
        found = await connection.fetch(FOUND)
    assert found == [(first.audit_id, 2, 0)] * count + [(neighbour.audit_id, 0, 0)]


async def test_who_reads_while_an_audit_is_replaced_finds_it_with_its_findings(database: Database) -> None:
    row = audit()
    await put_with_findings(database, row, 1)
    seen = set[tuple[int, int]]()

    def enough() -> bool:
        return row.generation >= GENERATIONS and len(seen) > ENOUGH

    async def read() -> None:
        async with database.connection() as connection:
            while not enough():
                found = await read_audit(connection, row.audit_id)
                assert found is not None
                seen.add((found.row.generation, len(found.findings)))

    reading = asyncio.create_task(read())
    # Who reads may be held up for longer than all of these take: then there are more.
    while not enough() and not reading.done():
        row = row._replace(generation=row.generation + 1)
        await put_with_findings(database, row, 1)
    await reading
    assert {findings for _, findings in seen} == {1}


async def test_a_client_reads_its_own_audits_alone(database: Database) -> None:
    row = audit()
    async with database.transaction() as connection:
        await insert_audits(connection, [row])
        await replace_findings(connection, [row.audit_id], [finding(row)])
    async with tenant_session(database, "acme") as connection:
        mine = await read_audit(connection, row.audit_id)
    async with tenant_session(database, "rival") as connection:
        assert await read_audit(connection, row.audit_id) is None
        assert await connection.fetchval("select count(*) from audit_findings") == 0
    assert mine is not None
    assert (mine.row, len(mine.findings)) == (row, 1)
