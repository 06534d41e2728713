"""What audits read as evidence. Every query is made for a tenant session: it sees what is the client's own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from storage.database import Connection
from storage.runs import RunRow


class EvidenceDocument(NamedTuple):
    """A document whose outcome is known: its current version, or else the failure of its newest one.

    `chunks_version` is the version under which its chunks are stored; None unless it is current.
    """

    document_id: UUID
    filename: str
    chunks_version: int | None
    chunks: int
    failure_code: str | None


class EvidenceChunk(NamedTuple):
    """A chunk of a document: its place there from 0, its page from 1."""

    chunk_id: UUID
    document_id: UUID
    ordinal: int
    page: int
    content: str
    content_sha256: bytes
    tokens: int


class RunErrors(NamedTuple):
    """How many rows of a run have one error, and the first few of the positions."""

    run_id: UUID
    error: str
    rows: int
    positions: Sequence[str]


# Uses uq_documents_current, or ix_documents_client_id_completed_at.
CURRENT = """
select document_id, filename, chunks_version, chunks, failure_code
from documents
where is_current
order by filename, document_id
"""

# Uses pk_documents. A version that was superseded has no outcome of its own.
NAMED = """
select distinct on (document_id) document_id, filename, chunks_version, chunks, failure_code
from documents
where document_id = any($1::uuid[]) and (is_current or status = 'failed')
order by document_id, is_current desc, version desc
"""

# Uses uq_document_chunks_document_id_version_ordinal.
IN_ORDER = """
select chunk_id, document_id, ordinal, page, content, content_sha256, tokens
from unnest($1::uuid[], $2::int[]) with ordinality as given (document_id, version, place)
join document_chunks using (document_id, version)
order by place, ordinal
"""

# Uses uq_document_chunks_document_id_version_ordinal, and measures every chunk: within one client that is exact and quick
# enough. Chunks of another model cannot be compared, and come last.
NEAREST = """
with measured as (
    select chunk_id, document_id, ordinal,
        case when embedding_model = $4 then embedding <=> $3::real[]::vector end as distance
    from unnest($1::uuid[], $2::int[]) as given (document_id, version)
    join document_chunks using (document_id, version)
), ranked as (
    select chunk_id, distance, row_number() over (partition by document_id order by distance, ordinal) as place_in_document
    from measured
), nearest as (
    select chunk_id, distance, place_in_document > 1 as has_better
    from ranked
    order by has_better, distance, chunk_id
    limit $5
)
select chunk_id, document_id, ordinal, page, content, content_sha256, tokens
from nearest join document_chunks using (chunk_id)
order by has_better, distance, chunk_id
"""

# Uses pk_run_results.
RUN_ERRORS = """
select run_id, error, sum(rows)::bigint as rows, (array_agg(position_id order by place))[1:5] as positions
from (
    select run_id, error, position_id, min(row_no) as place, count(*) as rows
    from run_results join unnest($1::uuid[], $2::int[]) as asked (run_id, generation) using (run_id, generation)
    where error is not null
    group by run_id, error, position_id
) as affected
group by run_id, error
order by run_id, error
"""


async def current_documents(connection: Connection) -> list[EvidenceDocument]:
    """All of the client's documents that have a current version, by filename."""
    return [EvidenceDocument(*row) for row in await connection.fetch(CURRENT)]


async def named_documents(connection: Connection, document_ids: Sequence[UUID]) -> dict[UUID, EvidenceDocument]:
    """Those of the documents whose outcome is known; the others are not finished, or not this client's."""
    return {row["document_id"]: EvidenceDocument(*row) for row in await connection.fetch(NAMED, document_ids)}


async def chunks_in_order(connection: Connection, documents: Sequence[EvidenceDocument]) -> list[EvidenceChunk]:
    """All chunks of the documents, in their order."""
    return [EvidenceChunk(*row) for row in await connection.fetch(IN_ORDER, *_versions(documents))]


async def nearest_chunks(
    connection: Connection,
    documents: Sequence[EvidenceDocument],
    vector: NDArray[np.float32],
    embedding_model: str,
    most: int,
) -> list[EvidenceChunk]:
    """At most `most` chunks: first the nearest one of each document, then the others, each by its cosine distance.

    `vector` is the query's, made by `embedding_model`.
    """
    rows = await connection.fetch(NEAREST, *_versions(documents), vector.tolist(), embedding_model, most)
    return [EvidenceChunk(*row) for row in rows]


async def run_errors(connection: Connection, runs: Collection[RunRow]) -> list[RunErrors]:
    """The errors of runs in the generations that these rows are of, by run and code."""
    asked = [run.run_id for run in runs], [run.generation for run in runs]
    return [RunErrors(*row) for row in await connection.fetch(RUN_ERRORS, *asked)]


def _versions(documents: Sequence[EvidenceDocument]) -> tuple[list[UUID], list[int | None]]:
    return [each.document_id for each in documents], [each.chunks_version for each in documents]
