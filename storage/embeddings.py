"""Vectors that are paid for: those that wait to become chunks, and those that chunks have.

Written by binary COPY; its format is told in the PostgreSQL manual under COPY, "Binary Format", that of a number in its
source, numeric_recv in src/backend/utils/adt/numeric.c.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg
import numpy as np
from numpy.typing import NDArray

from storage.database import Connection
from storage.results import SIGNATURE, TRAILER
from storage.vectors import vector_octets, vector_of

PRIMARY_KEY: Final = "pk_embeddings"

# Rows encoded at a time, about 2 MB, so that neither memory nor the event loop is held for a whole request.
PIECE_ROWS: Final = 256

# Each time, another transaction has stored one of the texts in between.
COPY_TRIES: Final = 10

# A number's digits are stored in groups of four; three of them hold the ten decimals of a cost.
GROUP: Final = 10_000
DECIMALS, DECIMAL_GROUPS = 10, 3


class PaidVector(NamedTuple):
    """One text's vector, and its share of what the call cost, on behalf of the event that paid (None: several did)."""

    client_id: str
    embedding_model: str
    content_sha256: bytes
    embedding: NDArray[np.float32]
    tokens: int
    cost_usd: Decimal
    event_key: UUID | None
    call_id: UUID


class KnownVector(NamedTuple):
    """A vector that is there. One that is in a chunk is settled: nobody paid, no tokens, no cost."""

    content_sha256: bytes
    vector: NDArray[np.float32]
    event_key: UUID | None
    tokens: int
    cost_usd: Decimal


class Paid(NamedTuple):
    """The texts whose vectors wait on behalf of one event, and what these have cost."""

    hashes: list[bytes]
    tokens: int
    cost_usd: Decimal


# Uses pk_embeddings and ix_document_chunks_client_id_embedding_model_content_sha256.
KNOWN = """
select content_sha256, vector_send(embedding) as octets, event_key, tokens, cost_usd, false as settled
from embeddings where client_id = $1 and embedding_model = $2 and content_sha256 = any($3::bytea[])
union all
select wanted.content_sha256, vector_send(chunk.embedding), null, 0, 0, true
from unnest($3::bytea[]) as wanted (content_sha256)
cross join lateral (
    select embedding from document_chunks as chunk
    where chunk.client_id = $1 and chunk.embedding_model = $2 and chunk.content_sha256 = wanted.content_sha256
    limit 1
) as chunk
"""

# Uses pk_embeddings.
STORED = """
select content_sha256 from embeddings where client_id = $1 and embedding_model = $2 and content_sha256 = any($3::bytea[])
"""

# Uses pk_embeddings. A row of another event tells what that one has paid, until it has told it itself.
FORGET = """
delete from embeddings using unnest($3::bytea[], $4::uuid[]) as told (content_sha256, event_key)
where client_id = $1 and embedding_model = $2
    and embeddings.content_sha256 = told.content_sha256 and embeddings.event_key = told.event_key
"""

# Uses ix_embeddings_event_key.
PAID_BY = """
select event_key, array_agg(content_sha256), sum(tokens), sum(cost_usd) from embeddings
where event_key = any($1::uuid[]) and embedding_model = $2
group by event_key
"""


async def known_vectors(
    connection: Connection, client_id: str, embedding_model: str, hashes: Collection[bytes]
) -> dict[bytes, KnownVector]:
    """The vectors of those texts that this client ever had embedded by this model, by the sha256 of the text.

    A text that is both paid for and in a chunk is told as paid for.
    """
    rows = await connection.fetch(KNOWN, client_id, embedding_model, list(set(hashes)))
    found: dict[bytes, KnownVector] = {}
    for digest, octets, *payment, settled in rows:
        if not settled or digest not in found:
            found[digest] = KnownVector(digest, vector_of(octets), *payment)
    return found


async def keep_vectors(connection: Connection, vectors: Sequence[PaidVector]) -> None:
    """Stores the vectors of texts that have none waiting yet; waits for other transactions that store one of them.

    All are of one client and model. In a transaction of the caller's.
    """
    # Sorted, so that two transactions never wait for each other.
    rows = sorted({each.content_sha256: each for each in vectors}.values(), key=lambda each: each.content_sha256)
    for left in reversed(range(COPY_TRIES)):
        if not rows:
            return
        try:
            async with connection.transaction():
                await connection.copy_to_table("embeddings", source=_stream(rows), columns=PaidVector._fields, format="binary")
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name != PRIMARY_KEY or not left:
                raise
            stored = await _stored(connection, rows)
            rows = [each for each in rows if each.content_sha256 not in stored]
        else:
            return


async def forget_vectors(
    connection: Connection, client_id: str, embedding_model: str, paid: Mapping[UUID, Collection[bytes]]
) -> None:
    """Deletes vectors that are in chunks now, by the event that has paid for them, in the transaction that stores those."""
    told = [(digest, event_key) for event_key, hashes in paid.items() for digest in hashes]
    await connection.execute(FORGET, client_id, embedding_model, [each for each, _ in told], [each for _, each in told])


async def paid_by(connection: Connection, embedding_model: str, events: Collection[UUID]) -> dict[UUID, Paid]:
    """What was paid for on behalf of the events, given by their keys, and is in no chunk of theirs."""
    if not events:
        return {}
    rows = await connection.fetch(PAID_BY, list(events), embedding_model)
    return {event_key: Paid(*payment) for event_key, *payment in rows}


async def _stored(connection: Connection, rows: Sequence[PaidVector]) -> set[bytes]:
    first, hashes = rows[0], [each.content_sha256 for each in rows]
    return {row[0] for row in await connection.fetch(STORED, first.client_id, first.embedding_model, hashes)}


async def _stream(rows: Sequence[PaidVector]) -> AsyncIterator[bytes]:
    yield SIGNATURE
    for first in range(0, len(rows), PIECE_ROWS):
        yield b"".join(map(_encoded, rows[first : first + PIECE_ROWS]))
    yield TRAILER


def _encoded(row: PaidVector) -> bytes:
    fields = (
        row.client_id.encode(),
        row.embedding_model.encode(),
        row.content_sha256,
        vector_octets(row.embedding),
        struct.pack(">i", row.tokens),
        numeric_octets(row.cost_usd),
        None if row.event_key is None else row.event_key.bytes,
        row.call_id.bytes,
    )
    return struct.pack(">h", len(fields)) + b"".join(map(_field, fields))


def _field(octets: bytes | None) -> bytes:
    return struct.pack(">i", -1) if octets is None else struct.pack(">i", len(octets)) + octets


def numeric_octets(value: Decimal) -> bytes:
    """A number of 0 or more, to ten decimals, as Postgres receives it."""
    units = int(value.scaleb(4 * DECIMAL_GROUPS))
    groups: list[int] = []
    while units:
        units, group = divmod(units, GROUP)
        groups.append(group)
    weight = len(groups) - DECIMAL_GROUPS - 1 if groups else 0
    return struct.pack(f">hhhh{len(groups)}h", len(groups), weight, 0, DECIMALS, *reversed(groups))
