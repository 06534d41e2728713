"""The flow `documents` without Kafka: uploads go through load, work and save as a lane takes them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import orjson

from devstack.standin.api import KEY
from devstack.standin.control import Control
from events.document import DocumentCompleted
from events.event import Event, decode
from events.failures import Conflict, Failure
from events.topics import models_of
from handlers.answer import Answer
from handlers.embed.flow import DocumentsFlow
from handlers.embed.parsing import ParserPool
from handlers.embed.settings import DocumentSettings
from handlers.llm import Llm, LlmConfig, Prices
from handlers.resources import Resources
from storage.database import Database
from storage.objects import ObjectStore

REPLAY = "replay-1"
MODEL = "text-embedding-3-small-stand-in"


class Desk:
    """One worker's flow on a test's own database and object store, and the stand-in that it asks."""

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        parsers: ParserPool,
        openai: Control,
        settings: DocumentSettings | None = None,
        **llm: Any,
    ) -> None:
        self.database, self.objects, self.parsers, self.openai = database, objects, parsers, openai
        self.llm = Llm(LlmConfig(api_key=KEY, base_url=openai.base_url, provider="stand-in", **llm), database, Prices())
        resources = Resources(database, objects, llm=self.llm, parsers=parsers, documents=settings or DocumentSettings())
        self.flow = DocumentsFlow(resources)

    async def close(self) -> None:
        await self.llm.close()

    async def upload(self, content: bytes | str, filename: str = "a.txt", **fields: Any) -> Event:
        """Stores a file under a place of its own and returns the event that tells of it."""
        uri = f"{uuid4()}/{filename}"
        await self.objects.put(uri, content.encode() if isinstance(content, str) else content)
        return uploaded(uri=uri, filename=filename, **fields)

    async def handle(self, *events: Event) -> list[dict[str, Any] | Failure]:
        """What the events are answered, all of one group; a failure that ends in no answer is told itself."""
        return await self.save(events, await asyncio.gather(*(self.outcome(event) for event in events)))

    async def outcome(self, event: Event) -> Any:
        """The result of load and work, or the failure."""
        try:
            [loaded] = await self.flow.load([event])
            if isinstance(loaded, Failure):
                return loaded
            [worked] = await self.flow.work([event], [loaded])
        except Failure as failure:
            return failure
        return worked

    async def save(self, events: Sequence[Event], results: Sequence[Any]) -> list[dict[str, Any] | Failure]:
        """Saves as a group does: what turns out to be a conflict undoes the transaction, and the others are saved again."""
        told: dict[int, dict[str, Any] | Failure] = {
            place: result for place, result in enumerate(results) if isinstance(result, Conflict)
        }
        while left := [place for place in range(len(events)) if place not in told]:
            try:
                async with self.database.transaction() as connection:
                    answers = await self.flow.save(connection, [events[p] for p in left], [results[p] for p in left])
                    undo_for_conflicts(answers)
            except Undone:
                told |= {p: answer for p, answer in zip(left, answers, strict=True) if isinstance(answer, Conflict)}
            else:
                told |= {p: data_of(answer) for p, answer in zip(left, answers, strict=True)}
        return [told[place] for place in range(len(events))]

    def calls(self) -> int:
        """How many requests for vectors the stand-in has had."""
        return self.openai.calls().received.get("embeddings", 0)

    async def rows(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        async with self.database.connection() as connection:
            return [dict(row) for row in await connection.fetch(query, *arguments)]

    async def value(self, query: str, *arguments: Any) -> Any:
        async with self.database.connection() as connection:
            return await connection.fetchval(query, *arguments)


class Undone(Exception):  # noqa: N818 - a signal, not an error
    """The transaction is to be undone."""


def undo_for_conflicts(answers: Sequence[Answer | Conflict]) -> None:
    if any(isinstance(answer, Conflict) for answer in answers):
        raise Undone


def data_of(answer: Answer | Conflict) -> dict[str, Any]:
    """The data of a completion, as its schema says."""
    assert isinstance(answer, Answer)
    data: dict[str, Any] = orjson.loads(orjson.dumps(answer.data))
    DocumentCompleted.model_validate(data)
    assert (answer.failure is not None) == (data["status"] == "failed")
    return data


def uploaded(client_id: str = "acme", generation: int = 0, event_id: str | None = None, **fields: Any) -> Event:
    """The event document.uploaded.v1, accepted; a fresh document of version 1 unless the fields say otherwise."""
    data = {"document_id": str(uuid4()), "version": 1, "uri": "none.txt", "filename": "none.txt"} | fields
    envelope = {
        "specversion": "1.0",
        "id": event_id or str(uuid4()),
        "source": "/tests",
        "type": "document.uploaded.v1",
        "clientid": client_id,
        "generation": generation,
        "replayid": REPLAY,
        "data": data,
    }
    return decode(orjson.dumps(envelope), "documents", models_of("documents"))


def again(event: Event, generation: int = 0, event_id: str | None = None, client_id: str | None = None, **fields: Any) -> Event:
    """The same upload once more: by another event, in a higher generation, or with other fields."""
    data = event.data.model_dump(exclude_none=True) | fields
    return uploaded(client_id or event.client_id, generation, event_id or (event.id if generation else None), **data)
