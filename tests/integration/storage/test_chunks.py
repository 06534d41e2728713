from __future__ import annotations

from uuid import uuid4

import numpy as np
import pytest

from storage.chunks import PIECE_ROWS, ChunkRows, copy_chunks, repeat_chunks
from storage.database import Connection, Database
from tests.support.documents import chunk_rows, document_row, random_vectors

STORED = """
select document_id, version, client_id, ordinal, page, start_char, end_char, content, content_sha256, tokens,
    embedding::real[] as embedding, embedding_model
from document_chunks where document_id = $1 and version = $2 order by ordinal
"""


async def stored(connection: Connection, rows: ChunkRows, version: int | None = None) -> ChunkRows:
    """What is stored of a version, in the form in which it is written."""
    found = await connection.fetch(STORED, rows.document_id, version or rows.version)
    assert [row["ordinal"] for row in found] == list(range(len(found)))
    assert {(row["client_id"], row["embedding_model"]) for row in found} <= {(rows.client_id, rows.embedding_model)}
    columns = ("page", "start_char", "end_char", "content", "content_sha256", "tokens")
    return ChunkRows(
        rows.document_id,
        rows.version,
        rows.client_id,
        rows.embedding_model,
        *([row[column] for row in found] for column in columns),  # type: ignore[arg-type]
        np.array([row["embedding"] for row in found], np.float32).reshape(len(found), -1),
    )


def is_same(one: ChunkRows, other: ChunkRows) -> bool:
    columns = ("page", "start_char", "end_char", "content", "content_sha256", "tokens")
    return all(getattr(one, column) == getattr(other, column) for column in columns) and bool(
        np.array_equal(one.embeddings, other.embeddings)
    )


@pytest.mark.parametrize("count", [1, PIECE_ROWS, PIECE_ROWS + 1])
async def test_chunks_are_stored_as_they_were_given(database: Database, count: int) -> None:
    rows = chunk_rows(document_row(), [f"Zinssätze Nr. {number} — 利率 😀" for number in range(count)])
    other = chunk_rows(document_row(client_id="rival", embedding_model="another"), ["x"])
    async with database.transaction() as connection:
        await copy_chunks(connection, [rows, other])
        assert is_same(await stored(connection, rows), rows)
        assert is_same(await stored(connection, other), other)
        assert await connection.fetchval("select count(distinct chunk_id) from document_chunks") == count + 1


async def test_no_chunks_at_all_are_stored_without_complaint(database: Database) -> None:
    async with database.transaction() as connection:
        await copy_chunks(connection, [])
        await copy_chunks(connection, [chunk_rows(document_row(), [])])


async def test_another_document_is_given_the_same_chunks_under_ids_of_their_own(database: Database) -> None:
    rows, other = chunk_rows(document_row(), ["one", "two"]), (uuid4(), 7)
    async with database.transaction() as connection:
        await copy_chunks(connection, [rows])
        await repeat_chunks(connection, (rows.document_id, rows.version), other, 2)
        ids = await connection.fetchval("select count(distinct chunk_id) from document_chunks")
        copied = await connection.fetch(STORED, *other)
    assert ids == 4
    assert [row["content"] for row in copied] == ["one", "two"]
    assert np.array_equal(np.array([row["embedding"] for row in copied], np.float32), rows.embeddings)


async def test_a_version_that_has_not_so_many_chunks_cannot_give_them(database: Database) -> None:
    async with database.transaction() as connection:
        await repeat_chunks(connection, (uuid4(), 1), (uuid4(), 1), 0)
        with pytest.raises(LookupError, match="has not 1 chunks"):
            await repeat_chunks(connection, (uuid4(), 1), (uuid4(), 1), 1)


def test_columns_of_different_lengths_are_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match="equally long"):
        chunk_rows(document_row(), ["one", "two"], random_vectors(3))


def test_chunks_weigh_at_least_what_their_vectors_do() -> None:
    rows = chunk_rows(document_row(), ["one", "two"])
    assert rows.nbytes > rows.embeddings.nbytes + len("onetwo")
