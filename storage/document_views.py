"""Documents as people look at them: their versions, the text of their chunks, their names."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from storage.database import Connection
from storage.documents import FIELDS, DocumentRow


class Newest(NamedTuple):
    """Whose document it is, and the highest version that has been worked on."""

    client_id: str
    version: int


class ChunkText(NamedTuple):
    """One chunk of a document; `label` is what the document calls the page, or empty."""

    chunk_id: UUID
    ordinal: int
    page: int
    label: str
    tokens: int
    content: str


# Uses pk_documents.
NEWEST = """
select distinct on (document_id) document_id, client_id, version from documents
where document_id = any($1::uuid[]) order by document_id, version desc
"""
VERSIONS = f"select {FIELDS} from documents where document_id = $1 order by version desc limit $2"  # noqa: S608 - a constant

# Uses uq_documents_current and uq_document_chunks_document_id_version_ordinal.
CHUNKS = """
select chunk_id, ordinal, page, coalesce(page_labels[page], '') as label, chunk.tokens, content
from documents as document
join document_chunks as chunk on chunk.document_id = document.document_id and chunk.version = document.chunks_version
where document.document_id = $1 and is_current order by ordinal limit $2
"""

# Uses pk_documents.
FILENAMES = """
select distinct on (document_id) document_id, filename from documents
where document_id = any($1::uuid[]) order by document_id, is_current desc, version desc
"""


async def newest_versions(connection: Connection, document_ids: Collection[UUID]) -> dict[UUID, Newest]:
    """The newest version of each of the documents that is stored; one that still waits to be worked on is not."""
    rows = await connection.fetch(NEWEST, list(document_ids))
    return {row["document_id"]: Newest(row["client_id"], row["version"]) for row in rows}


async def versions_of(connection: Connection, document_id: UUID, limit: int) -> list[DocumentRow]:
    """The versions of a document that are stored and visible in this session, newest first."""
    return [DocumentRow(*row) for row in await connection.fetch(VERSIONS, document_id, limit)]


async def first_chunks(connection: Connection, document_id: UUID, limit: int) -> list[ChunkText]:
    """The first chunks of the version that readers see."""
    return [ChunkText(*row) for row in await connection.fetch(CHUNKS, document_id, limit)]


async def filenames(connection: Connection, document_ids: Collection[UUID]) -> dict[UUID, str]:
    """What each of the documents is called now, of those visible in this session."""
    return {row["document_id"]: row["filename"] for row in await connection.fetch(FILENAMES, list(document_ids))}
