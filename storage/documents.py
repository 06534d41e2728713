"""Documents: one row for each version, of which readers see the one that is current."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import orjson

from storage.database import Connection

# A version of a document: its natural key.
Key: TypeAlias = tuple[UUID, int]


class DocumentRow(NamedTuple):
    """One version of a document, in the order of the columns that COPY writes.

    `chunks_version` names the version whose chunks these are; None unless `status` is `embedded` or `unchanged`. `sha256`
    and `size`, in bytes, are None where the file was not read. `metadata` is an object as JSON text.
    """

    document_id: UUID
    version: int
    client_id: str
    generation: int
    status: str
    is_current: bool
    chunks_version: int | None
    uri: str
    filename: str
    media_type: str | None
    metadata: str
    sha256: bytes | None
    size: int | None
    pages: int
    page_labels: Sequence[str]
    chunks: int
    chunks_reused: int
    tokens: int
    embedding_model: str
    dimensions: int
    chunker: str
    cost_usd: Decimal
    failure_code: str | None
    failure_message: str | None
    input_sha256: bytes
    request_sha256: bytes
    source: str
    event_id: str
    correlation_id: str
    started_at: datetime
    completed_at: datetime

    @property
    def key(self) -> Key:
        """The natural key."""
        return self.document_id, self.version

    @property
    def chunks_key(self) -> Key:
        """The version whose chunks these are. Raises ValueError where there is none."""
        if self.chunks_version is None:
            raise ValueError(f"version {self.version} of {self.document_id} has no chunks")
        return self.document_id, self.chunks_version


class Standing(NamedTuple):
    """Whose a document is, and which of its versions readers see, if any."""

    client_id: str
    current_version: int | None


COLUMNS = tuple("bytes" if name == "size" else name for name in DocumentRow._fields)
FIELDS = ", ".join(COLUMNS).replace("metadata", "metadata::text")

# The two-key space of advisory locks is the documents' own.
LOCK_SPACE = 0x444F4353

# Sorted, so that two groups never wait for each other.
LOCK = f"""
select pg_advisory_xact_lock({LOCK_SPACE}, hashtext(document_id::text))
from (select document_id from unnest($1::uuid[]) as wanted (document_id) order by hashtext(document_id::text)) as sorted
"""  # noqa: S608 - LOCK_SPACE is a constant

# Uses pk_documents.
STORED = f"""
select {FIELDS} from documents
where (document_id, version) in (select * from unnest($1::uuid[], $2::int[]))
"""  # noqa: S608 - FIELDS is a constant

# Uses pk_documents.
STANDING = """
select distinct on (document_id) document_id, client_id, case when is_current then version end as current_version
from documents where document_id = any($1::uuid[])
order by document_id, is_current desc
"""

# Uses ix_documents_client_id_sha256. The document's own version first: its chunks need no copy.
SAME_BYTES = f"""
select {FIELDS} from documents
where client_id = $1 and sha256 = $2 and embedding_model = $3 and chunker = $4 and chunks_version is not null
order by document_id <> $5, completed_at
limit 20
"""  # noqa: S608 - FIELDS is a constant

# Uses uq_documents_current.
RETIRE = "update documents set is_current = false where document_id = any($1::uuid[]) and is_current"

# Uses pk_documents.
DELETE_FAILED = """
delete from documents
where (document_id, version) in (select * from unnest($1::uuid[], $2::int[])) and status = 'failed'
"""


async def lock_documents(connection: Connection, document_ids: Collection[UUID]) -> None:
    """Holds these documents until the transaction ends, waiting for others that do: what it reads of them then stands."""
    await connection.execute(LOCK, list(set(document_ids)))


async def stored_documents(connection: Connection, keys: Collection[Key]) -> dict[Key, DocumentRow]:
    """Those of the versions that are stored."""
    rows = await connection.fetch(STORED, [document_id for document_id, _ in keys], [version for _, version in keys])
    return {row.key: row for row in (DocumentRow(*row) for row in rows)}


async def standing_of(connection: Connection, document_ids: Collection[UUID]) -> dict[UUID, Standing]:
    """Whose each document is, and its current version; of those that have any version."""
    rows = await connection.fetch(STANDING, list(set(document_ids)))
    return {row["document_id"]: Standing(row["client_id"], row["current_version"]) for row in rows}


async def same_bytes(connection: Connection, row: DocumentRow) -> list[DocumentRow]:
    """Versions of the client's documents that have chunks made of the same bytes in the same way, the document's own first."""
    made = row.client_id, row.sha256, row.embedding_model, row.chunker
    return [DocumentRow(*each) for each in await connection.fetch(SAME_BYTES, *made, row.document_id)]


async def put_documents(connection: Connection, rows: Sequence[DocumentRow], stored: Mapping[Key, DocumentRow]) -> None:
    """Writes rows whose documents are locked. Current ones take that place; `stored` ones, which must have failed, go.

    Raises asyncpg.UniqueViolationError for a key that is stored and has not failed.
    """
    taken = [row.key for row in rows if row.key in stored]
    if taken:
        await connection.execute(DELETE_FAILED, [document_id for document_id, _ in taken], [version for _, version in taken])
    current = [row.document_id for row in rows if row.is_current]
    if current:
        await connection.execute(RETIRE, current)
    if rows:
        await connection.copy_records_to_table("documents", records=rows, columns=COLUMNS)


def json_text(metadata: Mapping[str, Any] | None) -> str:
    """Metadata as the column keeps it."""
    return orjson.dumps(metadata or {}).decode()
