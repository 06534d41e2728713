"""Search by meaning: the chunks of one client's current documents that are nearest to a vector."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from storage.database import Connection


class Hit(NamedTuple):
    """A chunk that was found, where it stands, and how near it is: the cosine of the angle between the vectors, 1 at most.

    `label` is what the document calls the page, or empty.
    """

    chunk_id: UUID
    document_id: UUID
    filename: str
    page: int
    label: str
    content: str
    similarity: float


# The session shows one client's rows; uses uq_documents_current and uq_document_chunks_document_id_version_ordinal.
# Every vector is measured: an index of neighbours would be asked before row-level security, and could find too few.
NEAREST = """
with measured as materialized (
    select chunk.chunk_id, chunk.content_sha256, chunk.embedding <=> $1::real[]::vector as distance
    from documents as document
    join document_chunks as chunk on chunk.document_id = document.document_id and chunk.version = document.chunks_version
    where document.is_current and chunk.embedding_model = $2
), texts as (
    select distinct on (content_sha256) chunk_id, distance from measured
    order by content_sha256, distance, chunk_id
), best as (
    select chunk_id, distance from texts where distance <> 'NaN' order by distance, chunk_id limit $3
)
select chunk.chunk_id, chunk.document_id, document.filename, chunk.page,
    coalesce(document.page_labels[chunk.page], '') as label, chunk.content, 1 - best.distance as similarity
from best
join document_chunks as chunk using (chunk_id)
join documents as document on document.document_id = chunk.document_id and document.is_current
order by best.distance, chunk_id
"""

OF_OTHER_MODELS = """
select count(*) from documents as document
join document_chunks as chunk on chunk.document_id = document.document_id and chunk.version = document.chunks_version
where document.is_current and chunk.embedding_model <> $1
"""


async def search(connection: Connection, embedding: NDArray[np.float32], embedding_model: str, limit: int) -> list[Hit]:
    """The `limit` chunks nearest to `embedding`, nearest first, in a tenant_session; chunks of other models are passed over.

    A text that several documents have, or one has several times, is found once.
    """
    return [Hit(*row) for row in await connection.fetch(NEAREST, embedding.tolist(), embedding_model, limit)]


async def count_of_other_models(connection: Connection, embedding_model: str) -> int:
    """How many chunks of current documents, in a tenant_session, cannot be found because another model embedded them."""
    count: int = await connection.fetchval(OF_OTHER_MODELS, embedding_model)
    return count
