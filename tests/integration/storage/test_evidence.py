"""Evidence: what one client's session can read of documents and runs, and which chunks are nearest."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import numpy as np
import pytest

from storage.database import Database
from storage.documents import DocumentRow, put_documents
from storage.evidence import (
    EvidenceDocument,
    RunErrors,
    chunks_in_order,
    current_documents,
    named_documents,
    nearest_chunks,
    run_errors,
)
from storage.results import ResultRows, copy_results
from storage.runs import RunRow, insert_runs
from storage.tenant import tenant_session
from tests.support.audits import put_document
from tests.support.documents import MODEL, document_row, failed_row, random_vectors

VECTORS = random_vectors(8)


def seen(row: DocumentRow) -> EvidenceDocument:
    return EvidenceDocument(row.document_id, row.filename, row.chunks_version, row.chunks, row.failure_code)


async def put_row(database: Database, row: DocumentRow) -> DocumentRow:
    async with database.transaction() as connection:
        await put_documents(connection, [row], {})
    return row


async def test_current_documents_are_told_by_filename(database: Database) -> None:
    second = await put_document(database, ["b"], filename="b.pdf")
    first = await put_document(database, ["a1", "a2"], filename="a.pdf")
    await put_row(database, failed_row())
    async with tenant_session(database, "acme") as connection:
        assert await current_documents(connection) == [seen(first), seen(second)]


async def test_a_named_document_is_told_by_its_current_version_or_else_its_failure(database: Database) -> None:
    current = await put_document(database, ["a"])
    await put_row(database, failed_row(document_id=current.document_id, version=2))
    failed = await put_row(database, failed_row(failure_code="encrypted"))
    pending = uuid4()
    async with tenant_session(database, "acme") as connection:
        known = await named_documents(connection, [current.document_id, failed.document_id, pending])
    assert known == {current.document_id: seen(current), failed.document_id: seen(failed)}


async def test_a_superseded_version_alone_tells_nothing(database: Database) -> None:
    row = await put_row(
        database, document_row(status="superseded", is_current=False, chunks_version=None, chunks=0, chunks_reused=0)
    )
    async with tenant_session(database, "acme") as connection:
        assert await named_documents(connection, [row.document_id]) == {}


async def test_another_clients_document_is_not_there(database: Database) -> None:
    theirs = await put_document(database, ["secret"], VECTORS[:1], client_id="rival")
    async with tenant_session(database, "acme") as connection:
        assert await current_documents(connection) == []
        assert await named_documents(connection, [theirs.document_id]) == {}
        assert await chunks_in_order(connection, [seen(theirs)]) == []
        assert await nearest_chunks(connection, [seen(theirs)], VECTORS[0], MODEL, 9) == []


async def test_chunks_come_in_the_order_of_the_documents_that_are_given(database: Database) -> None:
    one, other = [await put_document(database, texts) for texts in (["a", "b"], ["c", "d"])]
    async with tenant_session(database, "acme") as connection:
        chunks = await chunks_in_order(connection, [seen(other), seen(one)])
    assert [(each.content, each.ordinal) for each in chunks] == [("c", 0), ("d", 1), ("a", 0), ("b", 1)]
    assert {each.page for each in chunks} == {1}


async def test_an_unchanged_version_has_the_chunks_of_the_one_before(database: Database) -> None:
    first = await put_document(database, ["text"])
    await put_document(database, [], document_id=first.document_id, version=2, status="unchanged", chunks=1)
    async with tenant_session(database, "acme") as connection:
        assert [each.content for each in await chunks_in_order(connection, await current_documents(connection))] == ["text"]


async def test_the_nearest_chunk_of_each_document_comes_before_all_others(database: Database) -> None:
    def near(cosine: float) -> np.ndarray:
        return cosine * VECTORS[0] + np.sqrt(1 - cosine**2) * VECTORS[1]

    one = await put_document(
        database, ["one 0.9", "one 0.8", "one 0.1"], np.array([near(c) for c in (0.9, 0.8, 0.1)], np.float32)
    )
    other = await put_document(database, ["other 0.3", "other 0.5"], np.array([near(c) for c in (0.3, 0.5)], np.float32))
    async with tenant_session(database, "acme") as connection:
        chunks = await nearest_chunks(connection, [seen(one), seen(other)], VECTORS[0], MODEL, 4)
        two = await nearest_chunks(connection, [seen(one), seen(other)], VECTORS[0], MODEL, 2)
    assert [each.content for each in chunks] == ["one 0.9", "other 0.5", "one 0.8", "other 0.3"]
    assert two == chunks[:2]


async def test_chunks_of_another_model_come_last(database: Database) -> None:
    old = await put_document(database, ["old"], VECTORS[:1], embedding_model="another")
    far = await put_document(database, ["far", "further"], -VECTORS[:2])
    async with tenant_session(database, "acme") as connection:
        chunks = await nearest_chunks(connection, [seen(old), seen(far)], VECTORS[0], MODEL, 9)
    assert [each.content for each in chunks] == ["further", "old", "far"]


@pytest.mark.parametrize("client", ["acme", "rival"])
async def test_errors_of_a_run_are_counted_by_code(
    database: Database, make_run: Callable[..., RunRow], make_results: Callable[..., ResultRows], client: str
) -> None:
    run = make_run(status="partial", errors=8, generation=1)
    codes = [None, *["MISSING_MARKET_DATA"] * 7, "UNKNOWN_PRODUCT"]
    rows = make_results(run.run_id, [[1.0, 2.0]] * len(codes), error=codes, generation=1)
    older = make_results(run.run_id, [[1.0, 2.0]], error=["OLD"], generation=0)
    async with database.transaction() as connection:
        await insert_runs(connection, [run])
        await copy_results(connection, [rows, older])
    async with tenant_session(database, client) as connection:
        errors = await run_errors(connection, [run, make_run()])
    expected = [
        RunErrors(run.run_id, "MISSING_MARKET_DATA", 7, ["p1", "p2", "p3", "p4", "p5"]),
        RunErrors(run.run_id, "UNKNOWN_PRODUCT", 1, ["p8"]),
    ]
    assert errors == (expected if client == "acme" else [])


async def test_a_position_that_fails_under_several_measures_is_named_once(
    database: Database, make_run: Callable[..., RunRow], make_results: Callable[..., ResultRows]
) -> None:
    run = make_run(status="partial", errors=3)
    same = {"row_no": [4, 4, 2], "position_id": ["late", "late", "early"], "measure": ["PV", "DV01", "PV"]}
    rows = make_results(run.run_id, [[1.0, 2.0]] * 3, error=["MISSING_MARKET_DATA"] * 3, **same)
    async with database.transaction() as connection:
        await insert_runs(connection, [run])
        await copy_results(connection, [rows])
    async with tenant_session(database, "acme") as connection:
        errors = await run_errors(connection, [run])
    assert errors == [RunErrors(run.run_id, "MISSING_MARKET_DATA", 3, ["early", "late"])]
