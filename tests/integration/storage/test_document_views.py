"""What people see of documents: versions newest first, chunks of the current one, names; a client its own alone."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import numpy as np

from storage.chunks import ChunkRows, copy_chunks
from storage.database import Connection, Database
from storage.document_views import Newest, filenames, first_chunks, newest_versions, versions_of
from storage.documents import DocumentRow, put_documents
from storage.tenant import tenant_session

MODEL = "text-embedding-3-small"


def version(document_id: UUID, number: int, **columns: Any) -> DocumentRow:
    """A current version with two pages, of which the second is called ii; any column can be given."""
    row = DocumentRow(
        document_id=document_id,
        version=number,
        client_id="acme",
        generation=0,
        status="embedded",
        is_current=True,
        chunks_version=number,
        uri="a",
        filename=f"name-{number}.pdf",
        media_type=None,
        metadata="{}",
        sha256=b"s" * 32,
        size=10,
        pages=2,
        page_labels=["i", "ii"],
        chunks=2,
        chunks_reused=0,
        tokens=4,
        embedding_model=MODEL,
        dimensions=1536,
        chunker="c1",
        cost_usd=Decimal("0.00000008"),
        failure_code=None,
        failure_message=None,
        input_sha256=b"i" * 32,
        request_sha256=b"r" * 32,
        source="/tests",
        event_id=str(uuid4()),
        correlation_id="c",
        started_at=datetime(2026, 11, 20, 10, tzinfo=UTC),
        completed_at=datetime(2026, 11, 20, 10, 0, 1, tzinfo=UTC),
    )
    return row._replace(**columns)


async def store(connection: Connection, row: DocumentRow, *texts: str) -> None:
    await put_documents(connection, [row], {})
    chunks = ChunkRows(
        document_id=row.document_id,
        version=row.version,
        client_id=row.client_id,
        embedding_model=MODEL,
        page=range(1, len(texts) + 1),
        start_char=[0] * len(texts),
        end_char=[len(text) for text in texts],
        content=texts,
        content_sha256=[sha256(text.encode()).digest() for text in texts],
        tokens=[2] * len(texts),
        embeddings=np.ones((len(texts), 1536), np.float32),
    )
    await copy_chunks(connection, [chunks])


async def three_versions(database: Database, document_id: UUID) -> None:
    """Embedded, unchanged with the chunks of the first, failed: the second is current."""
    async with database.transaction() as connection:
        await store(connection, version(document_id, 1), "first", "second")
        unchanged = version(document_id, 2, status="unchanged", chunks_version=1, chunks_reused=2)
        failed = version(
            document_id,
            3,
            status="failed",
            is_current=False,
            chunks_version=None,
            failure_code="corrupt",
            failure_message="bad",
        )
        await put_documents(connection, [unchanged], {})
        await put_documents(connection, [failed], {})


async def test_the_newest_version_counts_whatever_became_of_it(database: Database) -> None:
    document_id = uuid4()
    async with database.connection() as connection:
        assert await newest_versions(connection, [document_id]) == {}
    await three_versions(database, document_id)
    async with database.connection() as connection:
        assert await newest_versions(connection, [document_id, uuid4()]) == {document_id: Newest("acme", 3)}


async def test_versions_are_told_newest_first_and_chunks_are_those_of_the_current_one(database: Database) -> None:
    document_id = uuid4()
    await three_versions(database, document_id)
    async with database.connection() as connection:
        versions = await versions_of(connection, document_id, 10)
        chunks = await first_chunks(connection, document_id, 10)
        assert [row.version for row in await versions_of(connection, document_id, 2)] == [3, 2]
        assert len(await first_chunks(connection, document_id, 1)) == 1
        assert await filenames(connection, [document_id]) == {document_id: "name-2.pdf"}
    assert [(row.version, row.status, row.is_current) for row in versions] == [
        (3, "failed", False),
        (2, "unchanged", True),
        (1, "embedded", False),
    ]
    assert [(chunk.ordinal, chunk.page, chunk.label, chunk.content) for chunk in chunks] == [
        (0, 1, "i", "first"),
        (1, 2, "ii", "second"),
    ]


async def test_a_client_sees_nothing_of_anothers_document(database: Database) -> None:
    document_id = uuid4()
    await three_versions(database, document_id)
    async with tenant_session(database, "globex") as connection:
        assert await versions_of(connection, document_id, 10) == []
        assert await first_chunks(connection, document_id, 10) == []
        assert await filenames(connection, [document_id]) == {}
    async with tenant_session(database, "acme") as connection:
        assert len(await first_chunks(connection, document_id, 10)) == 2
