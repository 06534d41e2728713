"""Audits as tests make them: events, and the evidence that is stored before them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import numpy as np
import orjson
from numpy.typing import NDArray

from devstack.standin.vectors import embed
from events.event import Event, decode
from events.failures import Conflict, Failure
from events.topics import models_of
from handlers.answer import Answer
from handlers.embed.chunking import tokens_of
from handlers.flow import Flow
from storage.chunks import copy_chunks
from storage.database import Database
from storage.documents import DocumentRow, put_documents
from storage.results import ResultRows, copy_results
from storage.runs import RunRow, insert_runs
from tests.support.documents import DIMENSIONS, MODEL, chunk_rows, document_row

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


def decoded(record: bytes) -> Event:
    """The event that a record holds."""
    return decode(record, "audits", models_of("audits"))


async def through(flow: Flow, database: Database, event: Event) -> Answer | Conflict | Failure:
    """One event all the way through a flow, as a lane takes it; a failure that is not for good is returned, not saved."""
    [result] = await flow.load([event])
    if not isinstance(result, Failure):
        [result] = await flow.work([event], [result])
    if isinstance(result, Failure) and result.kind != "permanent":
        return result
    async with database.transaction() as connection:
        [answer] = await flow.save(connection, [event], [result])
    return answer


def vectors_of(texts: Sequence[str]) -> NDArray[np.float32]:
    """The vectors that the stand-in gives these texts."""
    return np.array([embed(text, DIMENSIONS) for text in texts], np.float32)


async def put_embedded(database: Database, texts: Sequence[str], **columns: Any) -> DocumentRow:
    """Stores a document with a chunk for each text, embedded by the stand-in."""
    return await put_document(database, texts, vectors_of(texts), **{"embedding_model": f"{MODEL}-stand-in"} | columns)


async def put_run(database: Database, row: RunRow, *errors: str | None) -> RunRow:
    """Stores a run with a row for each error, or for a position that has none."""
    count = len(errors)
    rows = ResultRows(
        run_id=row.run_id,
        client_id=row.client_id,
        generation=row.generation,
        row_no=range(count),
        position_id=[f"p{number}" for number in range(count)],
        measure=["PV"] * count,
        bucket=[""] * count,
        values=np.ones((count, len(row.scenario_ids))),
        error=errors,
        error_detail=[None] * count,
    )
    async with database.transaction() as connection:
        await insert_runs(connection, [row])
        await copy_results(connection, [rows])
    return row


async def put_document(
    database: Database, texts: Sequence[str], vectors: NDArray[np.float32] | None = None, **columns: Any
) -> DocumentRow:
    """Stores a document with a chunk for each text; as any column can be given, so can another client or model."""
    row = document_row(**{"chunks": len(texts), "chunks_reused": 0} | columns)
    async with database.transaction() as connection:
        await put_documents(connection, [row], {})
        if texts:
            await copy_chunks(connection, [replace(chunk_rows(row, texts, vectors), tokens=[*map(tokens_of, texts)])])
    return row
