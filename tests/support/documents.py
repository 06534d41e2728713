"""Documents as tests make them: rows, chunks, vectors that are near each other, events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from storage.chunks import ChunkRows
from storage.documents import DocumentRow

MODEL = "text-embedding-3-small"
DIMENSIONS = 1536


def document_row(**columns: Any) -> DocumentRow:
    """An embedded version 1 of client acme, current, a fresh id each time; any column can be given."""
    row = DocumentRow(
        document_id=uuid4(),
        version=1,
        client_id="acme",
        generation=0,
        status="embedded",
        is_current=True,
        chunks_version=1,
        uri="contracts/loan.pdf",
        filename="loan.pdf",
        media_type="application/pdf",
        metadata='{"desk": "credit"}',
        sha256=b"f" * 32,
        size=1234,
        pages=2,
        page_labels=["i", "Sheet 'a', {b}"],
        chunks=3,
        chunks_reused=1,
        tokens=99,
        embedding_model=MODEL,
        dimensions=DIMENSIONS,
        chunker="1",
        cost_usd=Decimal("0.0000019800"),
        failure_code=None,
        failure_message=None,
        input_sha256=b"i" * 32,
        request_sha256=b"r" * 32,
        source="/portal",
        event_id="e1",
        correlation_id="c1",
        started_at=datetime(2026, 11, 20, 10, tzinfo=UTC),
        completed_at=datetime(2026, 11, 20, 10, 0, 1, tzinfo=UTC),
    )
    return row._replace(**columns)


def failed_row(**columns: Any) -> DocumentRow:
    """A version that failed."""
    nothing: dict[str, Any] = {"pages": 0, "page_labels": [], "chunks": 0, "chunks_reused": 0, "sha256": None, "size": None}
    failed = {
        "status": "failed",
        "is_current": False,
        "chunks_version": None,
        "failure_code": "corrupt",
        "failure_message": "m",
    }
    return document_row(**nothing | failed | columns)


def chunk_rows(row: DocumentRow, texts: Sequence[str], vectors: NDArray[np.float32] | None = None) -> ChunkRows:
    """A chunk a text, all on page 1, in the model of the document."""
    return ChunkRows(
        document_id=row.document_id,
        version=row.version,
        client_id=row.client_id,
        embedding_model=row.embedding_model,
        page=[1] * len(texts),
        start_char=[10 * place for place in range(len(texts))],
        end_char=[10 * place + len(text) for place, text in enumerate(texts)],
        content=texts,
        content_sha256=[sha256(text.encode()).digest() for text in texts],
        tokens=[len(text.split()) for text in texts],
        embeddings=random_vectors(len(texts)) if vectors is None else vectors,
    )


def random_vectors(count: int, seed: int = 1) -> NDArray[np.float32]:
    """Unit vectors in any direction."""
    vectors = np.random.default_rng(seed).normal(size=(count, DIMENSIONS))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
