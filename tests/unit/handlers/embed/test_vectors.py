"""Vectors are written into the matrix of the document that waits for them, and kept nowhere else."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import numpy as np

from handlers.embed.batching import MAX_INPUTS, ChunkText
from handlers.embed.embedding import Embedder
from handlers.llm import Asker

DIMENSIONS = 1536
REQUESTS = 12


class Answering:
    """In the place of OpenAI: each text is its number as a vector."""

    config = SimpleNamespace(concurrency=1)

    def name_of(self, model: str) -> str:
        return model

    async def settled(self) -> None:
        """Nothing is on its way."""

    async def record(self, _call: Any, _vectors: Any) -> None:
        """Kept nowhere."""

    async def embed(self, _asker: Asker, _model: str, texts: Sequence[str]) -> Any:
        vectors = np.repeat(np.array([int(text) for text in texts], np.float32)[:, None], DIMENSIONS, axis=1)
        return SimpleNamespace(vectors=vectors, prompt_tokens=1, cost_usd=Decimal("0.1"), call=SimpleNamespace(call_id=uuid4()))


class Empty:
    """In the place of the database: nothing is known."""

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Empty]:
        yield self

    async def fetch(self, *_: Any) -> list[Any]:
        return []


async def test_a_document_takes_no_more_than_its_matrix_and_what_is_under_way() -> None:
    llm: Any = Answering()
    database: Any = Empty()
    embedder = Embedder(llm, database, "model", DIMENSIONS)
    texts = [ChunkText.of(str(number), 1) for number in range(REQUESTS * MAX_INPUTS)]
    tracemalloc.start()
    try:
        embedded = await embedder.vectors(Asker("acme", "documents", uuid4()), texts)
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert np.array_equal(embedded.vectors[:, 0], np.arange(len(texts)))
    notes = 1536 * len(texts)
    assert peak < embedded.vectors.nbytes + notes + 3 * embedded.vectors.nbytes / REQUESTS
    assert held < embedded.vectors.nbytes + notes
