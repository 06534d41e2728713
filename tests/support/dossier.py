"""Documents of one client as they stand after embedding, written straight into the tables, and audits over them."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import orjson

from storage.database import Database

AUDIT = "audit.created.v1"
MODEL = "text-embedding-3-small-stand-in"
VECTOR = "[" + ",".join(["1"] + ["0"] * 1535) + "]"
INSERT_DOCUMENT = """
insert into documents (document_id, version, client_id, status, is_current, chunks_version, uri, filename, sha256, bytes, pages,
    page_labels, chunks, embedding_model, dimensions, chunker, input_sha256, request_sha256, source, event_id, correlation_id,
    started_at, completed_at)
values ($1, 1, $2, 'embedded', true, 1, $3, $3, $4, 1, 1, '{""}', $5, $6, 1536, '1', $4, $4, '/tests', $3, $3, $7, $7)
"""
INSERT_CHUNK = """
insert into document_chunks (document_id, version, client_id, ordinal, page, start_char, end_char, content, content_sha256,
    tokens, embedding, embedding_model)
values ($1, 1, $2, $3, 1, 0, $4, $5, $6, 10, $7::text::vector, $8)
"""


async def file_document(database: Database, client_id: str, filename: str, *texts: str) -> UUID:
    """A document whose chunks are `texts`; returns its id."""
    document_id, now = uuid4(), datetime.now(UTC)
    digest = sha256("".join(texts).encode()).digest()
    async with database.transaction() as connection:
        await connection.execute(INSERT_DOCUMENT, document_id, client_id, filename, digest, len(texts), MODEL, now)
        for ordinal, text in enumerate(texts):
            place = (document_id, client_id, ordinal, len(text), text, sha256(text.encode()).digest(), VECTOR, MODEL)
            await connection.execute(INSERT_CHUNK, *place)
    return document_id


def audit_event(event_id: str, client_id: str, **data: Any) -> bytes:
    """An event that asks for an audit."""
    asked = {"audit_id": str(uuid4()), "title": "Receivables", "instructions": "Find what is overdue or unsigned."}
    envelope = {"specversion": "1.0", "id": event_id, "source": "/tests", "type": AUDIT, "clientid": client_id}
    return orjson.dumps(envelope | {"data": asked | data})
