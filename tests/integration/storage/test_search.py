from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from storage.chunks import copy_chunks
from storage.database import Database
from storage.documents import DocumentRow, put_documents
from storage.search import count_of_other_models, search
from storage.tenant import tenant_session
from tests.support.documents import DIMENSIONS, MODEL, chunk_rows, document_row, random_vectors

VECTORS = random_vectors(8)


async def put(database: Database, texts: list[str], vectors: Any = None, **columns: Any) -> DocumentRow:
    row = document_row(**columns)
    async with database.transaction() as connection:
        await put_documents(connection, [row], {})
        await copy_chunks(connection, [chunk_rows(row, texts, None if vectors is None else np.array(vectors, np.float32))])
    return row


async def found(database: Database, client_id: str = "acme", limit: int = 10, vector: Any = VECTORS[0]) -> list[str]:
    async with tenant_session(database, client_id) as connection:
        return [hit.content for hit in await search(connection, vector, MODEL, limit)]


async def test_the_nearest_come_first_with_how_near_they_are(database: Database) -> None:
    texts = [f"text {number}" for number in range(8)]
    row = await put(database, texts, VECTORS)
    near = (VECTORS[3] * 0.8 + VECTORS[5] * 0.6).astype(np.float32)
    async with tenant_session(database, "acme") as connection:
        hits = await search(connection, near, MODEL, 3)
    cosines = VECTORS @ near / np.linalg.norm(near)
    assert [hit.content for hit in hits] == [texts[place] for place in np.argsort(-cosines)[:3]]
    assert [hit.similarity for hit in hits] == pytest.approx(sorted(cosines, reverse=True)[:3], abs=1e-6)
    assert {(hit.document_id, hit.filename, hit.page, hit.label) for hit in hits} == {(row.document_id, "loan.pdf", 1, "i")}
    assert len({hit.chunk_id for hit in hits}) == 3


async def test_a_page_without_a_label_has_an_empty_one(database: Database) -> None:
    await put(database, ["text"], page_labels=[])
    async with tenant_session(database, "acme") as connection:
        [hit] = await search(connection, VECTORS[0], MODEL, 1)
    assert hit.label == ""


async def test_a_text_that_two_documents_have_is_found_once(database: Database) -> None:
    await put(database, ["same", "other", "same"], VECTORS[[1, 2, 1]])
    await put(database, ["same"], VECTORS[[1]])
    assert sorted(await found(database)) == ["other", "same"]
    assert await found(database, limit=1, vector=VECTORS[1]) == ["same"]


async def test_only_the_chunks_of_the_current_version_are_found(database: Database) -> None:
    first = await put(database, ["old"])
    await put(database, ["new"], document_id=first.document_id, version=2, chunks_version=2)
    assert await found(database) == ["new"]


async def test_an_unchanged_version_shows_the_chunks_of_the_one_before(database: Database) -> None:
    first = await put(database, ["text"])
    await put(database, [], document_id=first.document_id, version=2, status="unchanged", filename="renamed.pdf")
    async with tenant_session(database, "acme") as connection:
        hits = await search(connection, VECTORS[0], MODEL, 9)
    assert [(hit.content, hit.filename) for hit in hits] == [("text", "renamed.pdf")]


async def test_chunks_of_other_models_are_not_found_but_counted(database: Database) -> None:
    await put(database, ["mine"])
    await put(database, ["theirs", "too"], embedding_model=f"{MODEL}-stand-in")
    old = await put(database, ["gone"], embedding_model="another")
    await put(database, ["now mine"], document_id=old.document_id, version=2, chunks_version=2)
    await put(database, ["hidden"], client_id="rival", embedding_model="another")
    assert sorted(await found(database)) == ["mine", "now mine"]
    async with tenant_session(database, "acme") as connection:
        assert await count_of_other_models(connection, MODEL) == 2


async def test_a_client_finds_nothing_of_another(database: Database) -> None:
    await put(database, ["secret of rival"], VECTORS[[0]], client_id="rival")
    await put(database, ["ours"], VECTORS[[1]])
    assert await found(database, "acme") == ["ours"]
    assert await found(database, "rival") == ["secret of rival"]
    assert await found(database, "nobody") == []
    async with database.connection() as connection:
        assert len(await search(connection, VECTORS[0], MODEL, 9)) == 2, "it is the session that keeps them apart"


async def test_a_vector_that_points_nowhere_is_near_to_nothing(database: Database) -> None:
    await put(database, ["nowhere", "somewhere"], [np.zeros(DIMENSIONS), VECTORS[1]])
    assert await found(database) == ["somewhere"]


async def test_nothing_is_found_where_nothing_is(database: Database) -> None:
    assert await found(database) == []
