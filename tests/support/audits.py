"""Audits as tests make them: events, and the evidence that is stored before them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import numpy as np
import orjson
from numpy.typing import NDArray

from storage.chunks import copy_chunks
from storage.database import Database
from storage.documents import DocumentRow, put_documents
from tests.support.documents import chunk_rows, document_row

SOURCE = "/tests"
COVENANT = "The borrower is in breach of the leverage covenant since March."
LITIGATION = "A lawsuit over EUR 1,250,000 was filed against the company."
PLAIN = "The offices are on the second floor."


def audit_data(**changes: Any) -> dict[str, Any]:
    """The data of an audit.created event about all documents of the client."""
    return {"audit_id": str(uuid4()), "title": "Year end", "instructions": "Look for risks in the loans."} | changes


def audit_event(event_id: str, data: dict[str, Any], client_id: str = "acme", **attributes: Any) -> bytes:
    """An audit.created event as JSON."""
    envelope = {"id": event_id, "source": SOURCE, "type": "audit.created.v1", "clientid": client_id, "data": data}
    return orjson.dumps(envelope | attributes)


async def put_document(
    database: Database, texts: Sequence[str], vectors: NDArray[np.float32] | None = None, **columns: Any
) -> DocumentRow:
    """Stores a document with a chunk for each text; as any column can be given, so can another client or model."""
    row = document_row(**{"chunks": len(texts), "chunks_reused": 0} | columns)
    async with database.transaction() as connection:
        await put_documents(connection, [row], {})
        if texts:
            await copy_chunks(connection, [chunk_rows(row, texts, vectors)])
    return row
