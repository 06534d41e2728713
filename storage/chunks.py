"""Chunks of documents with their vectors: wide rows, written as one binary COPY.

The stream's format is told in the PostgreSQL manual under COPY, "Binary Format"; that of a vector in pgvector's source,
vector_recv in src/vector.c.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from storage.database import Connection
from storage.results import SIGNATURE, TRAILER

COLUMNS: Final = (
    "document_id",
    "version",
    "ordinal",
    "page",
    "start_char",
    "end_char",
    "tokens",
    "content_sha256",
    "embedding",
    "client_id",
    "embedding_model",
    "content",
)

# Each field with its length before it, as far as the vector's own head: its dimensions and two octets that are not used.
HEAD: Final = struct.Struct(">h i16s ii ii ii ii ii ii i32s ihh")
LENGTH: Final = struct.Struct(">i")

# Rows encoded at a time, about 2 MB, so that neither memory nor the event loop is held for a whole document.
PIECE_ROWS: Final = 256

# Uses uq_document_chunks_document_id_version_ordinal.
REPEAT = """
insert into document_chunks (document_id, version, client_id, ordinal, page, start_char, end_char, content,
    content_sha256, tokens, embedding, embedding_model)
select $3, $4, client_id, ordinal, page, start_char, end_char, content, content_sha256, tokens, embedding, embedding_model
from document_chunks where document_id = $1 and version = $2
"""


@dataclass(frozen=True, slots=True)
class ChunkRows:
    """The chunks of one version of a document, in order, by column; all columns are equally long.

    `embeddings` is (chunks × dimensions), each row the vector of the `content` in the same place. Raises ValueError when
    the lengths differ.
    """

    document_id: UUID
    version: int
    client_id: str
    embedding_model: str
    page: Sequence[int]
    start_char: Sequence[int]
    end_char: Sequence[int]
    content: Sequence[str]
    content_sha256: Sequence[bytes]
    tokens: Sequence[int]
    embeddings: NDArray[np.float32]

    def __post_init__(self) -> None:
        columns: tuple[Sequence[Any] | NDArray[np.float32], ...] = (
            self.page,
            self.start_char,
            self.end_char,
            self.content,
            self.content_sha256,
            self.tokens,
            self.embeddings,
        )
        if len({len(column) for column in columns}) > 1:
            raise ValueError("the columns of a document's chunks are not equally long")

    @property
    def nbytes(self) -> int:
        """About how much memory they take."""
        return self.embeddings.nbytes + sum(map(len, self.content)) + 256 * len(self.content)


async def copy_chunks(connection: Connection, documents: Iterable[ChunkRows]) -> None:
    """Writes the chunks of all these documents in one COPY; the database gives them their ids."""
    await connection.copy_to_table("document_chunks", source=_stream(documents), columns=COLUMNS, format="binary")


async def repeat_chunks(connection: Connection, source: tuple[UUID, int], target: tuple[UUID, int], count: int) -> None:
    """Gives the version `target` the chunks, `count` in number, of the version `source`, of the same client.

    The vectors do not leave the database. Raises LookupError when there are not so many.
    """
    status: str = await connection.execute(REPEAT, *source, *target)
    if status != f"INSERT 0 {count}":
        raise LookupError(f"version {source[1]} of {source[0]} has not {count} chunks: {status}")


async def _stream(documents: Iterable[ChunkRows]) -> AsyncIterator[bytes]:
    yield SIGNATURE
    for rows in documents:
        for first in range(0, len(rows.content), PIECE_ROWS):
            yield b"".join(_encoded(rows, range(first, min(first + PIECE_ROWS, len(rows.content)))))
    yield TRAILER


def _encoded(rows: ChunkRows, places: range) -> Iterator[bytes]:
    """The rows at these places as COPY wants them."""
    vectors = rows.embeddings[places.start : places.stop].astype(">f4")
    dimensions = vectors.shape[1]
    owner = _text(rows.client_id) + _text(rows.embedding_model)
    for place, vector in zip(places, vectors, strict=True):
        yield HEAD.pack(
            len(COLUMNS),
            *(16, rows.document_id.bytes),
            *(4, rows.version),
            *(4, place),
            *(4, rows.page[place]),
            *(4, rows.start_char[place]),
            *(4, rows.end_char[place]),
            *(4, rows.tokens[place]),
            *(32, rows.content_sha256[place]),
            *(4 + vector.nbytes, dimensions, 0),
        )
        yield vector.tobytes()
        yield owner
        yield _text(rows.content[place])


def _text(text: str) -> bytes:
    octets = text.encode()
    return LENGTH.pack(len(octets)) + octets
