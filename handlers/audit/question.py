"""What an audit asks for, as a vector, to find the passages nearest to it."""

from __future__ import annotations

from decimal import Decimal
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from handlers.audit.evidence import estimated_tokens
from handlers.llm import Asker, Llm, Usage
from storage.database import Database
from storage.embeddings import PaidVector, known_vectors

# Below what an embedding model takes (8,192 tokens), in any script.
QUESTION_CHARACTERS = 3_000


class Questions:
    """Vectors of questions by one model, each paid for once for a client."""

    def __init__(self, llm: Llm, database: Database, model: str) -> None:
        self.llm, self.database, self.model = llm, database, model
        self.embedding_model = llm.name_of(model)

    def most_usd(self, text: str) -> Decimal:
        """The most that the vector of `text` costs, however often it has to be asked for at once."""
        tokens = estimated_tokens(text[:QUESTION_CHARACTERS])
        return self.llm.config.tries * self.llm.prices.cost(self.model, Usage(tokens))

    async def vector(self, asker: Asker, text: str) -> NDArray[np.float32]:
        """The vector of the beginning of `text`. Raises what `Llm.embed` does."""
        said = text[:QUESTION_CHARACTERS]
        digest = sha256(said.encode()).digest()
        await self.llm.settled()
        async with self.database.connection() as connection:
            known = await known_vectors(connection, asker.client_id, self.embedding_model, [digest])
        if digest in known:
            return known[digest].vector
        batch = await self.llm.embed(asker, self.model, [said])
        paid = PaidVector(
            client_id=asker.client_id,
            embedding_model=self.embedding_model,
            content_sha256=digest,
            embedding=batch.vectors[0],
            tokens=batch.prompt_tokens,
            cost_usd=batch.cost_usd,
            event_key=asker.event_key,
            call_id=batch.call.call_id,
        )
        await self.llm.record(batch.call, [paid])
        return paid.embedding
