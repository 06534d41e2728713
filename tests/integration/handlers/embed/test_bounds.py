"""The largest document that is taken: its chunks go in within the limits of a session, and come out of a search."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from handlers.embed.batching import ChunkText
from handlers.embed.embedding import Embedded
from handlers.embed.model import Chunk, Limits, Parsed
from handlers.embed.stored import Content, Outcome, chunk_rows
from storage.search import search
from storage.tenant import tenant_session
from tests.support.desk import MODEL, Desk, again

CHUNKS = Limits().chunks
TEXT = "The borrower shall pay interest on each payment date. " * 40


async def test_the_largest_document_is_stored_repeated_and_searched(desk: Desk) -> None:
    event, other = await desk.upload("many"), await desk.upload("many")
    texts = [ChunkText.of(f"{number}. {TEXT}", 480) for number in range(CHUNKS)]
    parsed = Parsed(1, [""], [Chunk(place, 1, place, place + 1, text.text, 480) for place, text in enumerate(texts)], CHUNKS)
    vectors = np.random.default_rng(1).random((CHUNKS, 1536), np.float32)
    embedded = Embedded(vectors, [text.content_sha256 for text in texts], 0, 480 * CHUNKS, Decimal("0.192"))
    [loaded] = await desk.flow.load([event])
    content: Content = loaded.content  # type: ignore[union-attr]
    row = desk.flow.rows.embedded(event, content, parsed, embedded)

    [answer] = await desk.save([event], [Outcome(row, chunk_rows(row, parsed, texts, embedded), embedded.paid)])
    unchanged, same = await desk.handle(other, again(event, version=2))

    assert isinstance(answer, dict)
    assert isinstance(unchanged, dict)
    assert isinstance(same, dict)
    assert (answer["status"], unchanged["status"], same["status"]) == ("embedded", "unchanged", "unchanged")
    assert [each["chunks_reused"] for each in (answer, unchanged, same)] == [0, CHUNKS, CHUNKS]
    assert await desk.value("select count(*) from document_chunks") == 2 * CHUNKS
    async with tenant_session(desk.database, "acme") as connection:
        [hit] = await search(connection, vectors[777], MODEL, 1)
    assert hit.content == texts[777].text
