from __future__ import annotations

import asyncio
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from re import findall
from typing import Any
from uuid import uuid4

import asyncpg
import numpy as np
import pytest

from storage.database import Connection, Database
from storage.embeddings import (
    KnownVector,
    PaidVector,
    forget_vectors,
    keep_vectors,
    known_vectors,
    numeric_octets,
    paid_by,
)
from storage.results import SIGNATURE, TRAILER

MODEL = "text-embedding-3-small"
OPERATIONS = Path(__file__).resolve().parents[3] / "docs" / "operations.md"
CHUNK = """
insert into document_chunks (document_id, version, client_id, ordinal, page, start_char, end_char, content,
    content_sha256, tokens, embedding, embedding_model)
values (uuidv7(), 1, $1, 0, 1, 0, 1, 'a', $2, 1, $3::real[]::vector, $4)
"""


def digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


def paid(text: str, **columns: Any) -> PaidVector:
    vector = np.random.default_rng(len(text)).normal(size=1536).astype(np.float32)
    return PaidVector("acme", MODEL, digest(text), vector, 7, Decimal("0.0000001400"), uuid4(), uuid4())._replace(**columns)


async def keep(database: Database, *vectors: PaidVector) -> None:
    async with database.transaction() as connection:
        await keep_vectors(connection, vectors)


async def known(database: Database, *texts: str, client: str = "acme", model: str = MODEL) -> dict[bytes, KnownVector]:
    async with database.connection() as connection:
        return await known_vectors(connection, client, model, [digest(text) for text in texts])


async def add_chunk(database: Database, vector: PaidVector) -> None:
    async with database.connection() as connection:
        values = vector.embedding.tolist()
        await connection.execute(CHUNK, vector.client_id, vector.content_sha256, values, vector.embedding_model)


async def test_a_vector_that_was_kept_is_known_bit_by_bit_with_who_paid_for_it(database: Database) -> None:
    one, other = paid("one"), paid("another", event_key=None)
    await keep(database, one, other)

    found = await known(database, "one", "another", "none")

    assert set(found) == {one.content_sha256, other.content_sha256}
    for vector in (one, other):
        told = found[vector.content_sha256]
        np.testing.assert_array_equal(told.vector, vector.embedding)
        assert told[2:] == (vector.event_key, 7, Decimal("0.0000001400"))


async def test_nobody_knows_the_vectors_of_another_client_or_model(database: Database) -> None:
    await keep(database, paid("one"))
    await add_chunk(database, paid("two"))

    assert await known(database, "one", "two", client="rival") == {}
    assert await known(database, "one", "two", model="another") == {}


async def test_a_vector_in_chunks_is_known_once_and_nobody_pays_for_it(database: Database) -> None:
    vector = paid("one")
    for _ in range(2):
        await add_chunk(database, vector)

    [told] = (await known(database, "one")).values()

    np.testing.assert_array_equal(told.vector, vector.embedding)
    assert told[2:] == (None, 0, 0)


async def test_what_is_paid_for_and_in_a_chunk_counts_as_paid_for(database: Database) -> None:
    vector = paid("one")
    await keep(database, vector)
    await add_chunk(database, vector)

    [told] = (await known(database, "one")).values()

    assert told.event_key == vector.event_key


async def test_the_first_who_pays_for_a_text_stays(database: Database) -> None:
    first, second, new = paid("one"), paid("one"), paid("another")
    await keep(database, first)
    await keep(database, second, new, new)

    found = await known(database, "one", "another")

    assert found[first.content_sha256].event_key == first.event_key
    assert found[new.content_sha256].event_key == new.event_key


async def test_two_who_keep_the_same_texts_at_once_do_not_break_each_other(database: Database) -> None:
    texts = [f"text {'x' * number}" for number in range(40)]
    await asyncio.gather(*(keep(database, *(paid(text) for text in order)) for order in (texts, texts[::-1], texts[5:])))

    assert len(await known(database, *texts)) == 40


async def test_vectors_that_are_in_chunks_now_are_forgotten_alone_and_only_those_of_the_payer(database: Database) -> None:
    one, another = paid("one"), paid("another")
    await keep(database, one, another)
    async with database.connection() as connection:
        await forget_vectors(connection, "acme", MODEL, {one.event_key: [digest("one"), digest("another"), digest("none")]})
        await forget_vectors(connection, "rival", MODEL, {another.event_key: [digest("another")]})

    assert set(await known(database, "one", "another")) == {digest("another")}


async def test_what_events_have_paid_is_told_of_each(database: Database) -> None:
    payer, other = uuid4(), uuid4()
    await keep(database, paid("one", event_key=payer), paid("another", event_key=payer), paid("third", event_key=other))
    async with database.connection() as connection:
        told = await paid_by(connection, MODEL, [payer, uuid4()])

    assert set(told) == {payer}
    assert (sorted(told[payer].hashes), told[payer].tokens) == (sorted([digest("one"), digest("another")]), 14)


async def test_housekeeping_deletes_old_vectors_alone(database: Database) -> None:
    await keep(database, paid("old"), paid("new"))
    [statement] = findall(r"delete from embeddings[^;]+;", OPERATIONS.read_text(encoding="utf-8"))
    async with database.connection() as connection:
        old = "update embeddings set created_at = now() - interval '31 days' where content_sha256 = $1"
        await connection.execute(old, digest("old"))
        await connection.execute(statement)

    assert set(await known(database, "old", "new")) == {digest("new")}


async def test_a_vector_of_another_length_is_not_kept(database: Database) -> None:
    with pytest.raises(asyncpg.DataError, match="expected 1536 dimensions, not 3"):
        await keep(database, paid("one", embedding=np.zeros(3, np.float32)))


@pytest.mark.parametrize(
    "text", ["0", "1", "12345678.0123456789", "99999999.9999999999", "0.0000000001", "10000", "0.5", "0.00002"]
)
async def test_numbers_are_encoded_as_postgres_reads_them(database: Database, text: str) -> None:
    async with database.transaction() as connection:
        await connection.execute("create temp table told (value numeric(18, 10))")
        assert await copied(connection, Decimal(text)) == Decimal(text)


async def copied(connection: Connection, value: Decimal) -> Any:
    octets = numeric_octets(value)
    stream = SIGNATURE + b"\x00\x01" + len(octets).to_bytes(4) + octets + TRAILER

    async def source() -> Any:
        yield stream

    await connection.copy_to_table("told", source=source(), format="binary")
    return await connection.fetchval("select value from told")
