"""Texts to vectors, across documents: what is known is not asked again, what is asked shares requests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from events.failures import Outage, Permanent, Transient
from handlers.embed.batching import ChunkText, cost_shares_of, requests_of, shares_of, total_cost
from handlers.llm import Asker, EmbeddedBatch, Llm
from storage.database import Database
from storage.embeddings import PaidVector, known_vectors

# Hashes in one look-up: about 6 MB of vectors.
LOOKUP_TEXTS: Final = 512

# A request that is refused more often than its bad texts explain is not refused for its texts.
REFUSALS_BEFORE_GIVING_UP: Final = 64


@dataclass(frozen=True, slots=True)
class Embedded:
    """The vectors of texts, (texts × dimensions), in their order.

    `paid` are the hashes of those texts that were asked for on behalf of this event, at this attempt or an earlier one;
    `tokens` and `cost_usd` are theirs. The other vectors, `reused` in number, had been paid for, or are those of a text
    that comes again.
    """

    vectors: NDArray[np.float32]
    paid: list[bytes]
    reused: int
    tokens: int
    cost_usd: Decimal


@dataclass(frozen=True, slots=True)
class Payment:
    """Tokens and cost of one text's vector, and the event that paid for it, as long as that is known."""

    payer: UUID | None
    tokens: int
    cost_usd: Decimal


@dataclass(slots=True)
class Wanted:
    """A text that somebody waits for; the event that wanted it first pays.

    `rows` are the rows of matrices that its vector is written into as soon as it comes: nobody else keeps it.
    """

    asker: Asker
    text: ChunkText
    payment: asyncio.Future[Payment]
    rows: list[NDArray[np.float32]] = field(default_factory=list)

    def give(self, vector: NDArray[np.float32], payer: UUID | None, tokens: int, cost_usd: Decimal) -> None:
        """All who wait have the vector now."""
        for row in self.rows:
            row[:] = vector
        self.rows.clear()
        self.payment.set_result(Payment(payer, tokens, cost_usd))

    def fail(self, error: BaseException) -> None:
        """Tells all who wait, unless they have the vector."""
        self.rows.clear()
        if not self.payment.done():
            self.payment.set_exception(error)

    def forget(self, matrix: NDArray[np.float32]) -> None:
        """Whose matrix this is waits no longer."""
        self.rows = [row for row in self.rows if row.base is not matrix]


class Embedder:
    """Vectors by one model for any number of callers at a time.

    Texts of one client that are wanted within `linger` seconds share requests; one that is asked for already is waited
    for. An answer is stored, with its vectors, before anyone gets it. A caller that waits no longer loses nothing: the
    request goes on, and another attempt finds what it brought.
    """

    def __init__(self, llm: Llm, database: Database, model: str, dimensions: int, linger: float = 0.005) -> None:
        self.llm, self.database, self.dimensions, self.linger = llm, database, dimensions, linger
        self.model, self.kept_as = model, llm.name_of(model)
        self._in_flight: dict[tuple[str, bytes], Wanted] = {}
        self._lines: dict[str, list[Wanted]] = {}
        self._rounds: set[asyncio.Task[None]] = set()
        # An answer takes memory from when it comes until it is stored, so these are not asked for faster than that.
        self._answers = asyncio.Semaphore(llm.config.concurrency)

    async def vectors(self, asker: Asker, texts: Sequence[ChunkText]) -> Embedded:
        """The texts' vectors; `asker` names the event that they are for.

        Raises Permanent, code embedding_failed, when OpenAI refuses a text, Transient with that code when it gives no answer
        that can be used, Outage while it is away, and what the database raises. A text that fails does so for those alone
        who wanted it.
        """
        matrix = np.empty((len(texts), self.dimensions), np.float32)
        wanted = {text.content_sha256: self._want(asker, text) for text in texts}
        for text, row in zip(texts, matrix, strict=True):
            wanted[text.content_sha256].rows.append(row)
        try:
            if wanted:
                await asyncio.wait([each.payment for each in wanted.values()])
        finally:
            for each in wanted.values():
                each.forget(matrix)
        errors = [error for each in wanted.values() if (error := each.payment.exception()) is not None]
        if errors:
            raise min(errors, key=_severity)
        return _embedded(asker, matrix, {digest: each.payment.result() for digest, each in wanted.items()})

    def _want(self, asker: Asker, text: ChunkText) -> Wanted:
        key = asker.client_id, text.content_sha256
        known = self._in_flight.get(key)
        if known is not None and not known.payment.done():
            return known
        wanted = self._in_flight[key] = Wanted(asker, text, asyncio.get_running_loop().create_future())
        wanted.payment.add_done_callback(lambda _: self._arrived(key, wanted))
        self._line_up(asker.client_id, wanted)
        return wanted

    def _arrived(self, key: tuple[str, bytes], wanted: Wanted) -> None:
        if self._in_flight.get(key) is wanted:
            del self._in_flight[key]
        wanted.payment.exception()  # perhaps nobody waits for it any more

    def _line_up(self, client_id: str, wanted: Wanted) -> None:
        if client_id not in self._lines:
            self._lines[client_id] = []
            task = asyncio.create_task(self._round(client_id))
            self._rounds.add(task)
            task.add_done_callback(self._rounds.discard)
        self._lines[client_id].append(wanted)

    async def _round(self, client_id: str) -> None:
        """Takes what is in line for a client, once more had time to join it."""
        await asyncio.sleep(self.linger)
        line = self._lines.pop(client_id)
        try:
            unknown = await self._look_up(client_id, line)
            parts = requests_of([each.text.weight for each in unknown])
            await asyncio.gather(*(self._ask([unknown[place] for place in part], _Patience()) for part in parts))
        except Exception as error:  # noqa: BLE001 - those who wait are told
            for each in line:
                each.fail(error)

    async def _look_up(self, client_id: str, line: Sequence[Wanted]) -> list[Wanted]:
        """Gives those who wait what is stored; returns the others."""
        await self.llm.settled()
        unknown = []
        for first in range(0, len(line), LOOKUP_TEXTS):
            part = line[first : first + LOOKUP_TEXTS]
            async with self.database.connection() as connection:
                found = await known_vectors(connection, client_id, self.kept_as, [each.text.content_sha256 for each in part])
            for each in part:
                if (known := found.get(each.text.content_sha256)) is None:
                    unknown.append(each)
                else:
                    each.give(known.vector, known.event_key, known.tokens, known.cost_usd)
        return unknown

    async def _ask(self, wanted: Sequence[Wanted], patience: _Patience) -> None:
        """One request. One that is refused is parted in two, so that a text which OpenAI refuses is refused alone."""
        try:
            async with self._answers:
                await self._answer(wanted)
        except Permanent as refusal:
            if len(wanted) > 1 and patience.has_left():
                for half in (wanted[: len(wanted) // 2], wanted[len(wanted) // 2 :]):
                    await self._ask(half, patience)
            else:
                _fail(wanted, Permanent("embedding_failed", refusal.message))
        except Transient as passing:
            _fail(wanted, Transient("embedding_failed", str(passing), passing.after))
        except Exception as error:  # noqa: BLE001 - those who wait are told
            _fail(wanted, error)

    async def _answer(self, wanted: Sequence[Wanted]) -> None:
        """Asks, stores the answer, and gives it to those who wait."""
        batch = await self.llm.embed(_asker_of(wanted), self.model, [each.text.text for each in wanted])
        paid = self._paid(wanted, batch)
        await self.llm.record(batch.call, paid)
        for each, vector in zip(wanted, paid, strict=True):
            each.give(vector.embedding, vector.event_key, vector.tokens, vector.cost_usd)

    def _paid(self, wanted: Sequence[Wanted], batch: EmbeddedBatch) -> list[PaidVector]:
        """Each text's vector, with its share of what the request cost, for the event that wanted it first."""
        weights = [each.text.tokens for each in wanted]
        shares = zip(shares_of(batch.prompt_tokens, weights), cost_shares_of(batch.cost_usd, weights), strict=True)
        return [
            PaidVector(
                client_id=each.asker.client_id,
                embedding_model=self.kept_as,
                content_sha256=each.text.content_sha256,
                embedding=vector,
                tokens=tokens,
                cost_usd=cost,
                event_key=each.asker.event_key,
                call_id=batch.call.call_id,
            )
            for each, vector, (tokens, cost) in zip(wanted, batch.vectors, shares, strict=True)
        ]


class _Patience:
    """How many refusals are left while one request is parted."""

    def __init__(self) -> None:
        self.refusals = 0

    def has_left(self) -> bool:
        """Counts a refusal; whether it is worth asking on."""
        self.refusals += 1
        return self.refusals < REFUSALS_BEFORE_GIVING_UP


def _embedded(asker: Asker, matrix: NDArray[np.float32], found: dict[bytes, Payment]) -> Embedded:
    paid = {digest: each for digest, each in found.items() if each.payer is not None and each.payer == asker.event_key}
    return Embedded(
        vectors=matrix,
        paid=list(paid),
        reused=len(matrix) - len(paid),
        tokens=sum(each.tokens for each in paid.values()),
        cost_usd=total_cost(each.cost_usd for each in paid.values()),
    )


def _asker_of(wanted: Sequence[Wanted]) -> Asker:
    """On whose behalf a request is made: of an event, unless it serves several."""
    askers = {each.asker for each in wanted}
    first = wanted[0].asker
    return first if len(askers) == 1 else Asker(first.client_id, first.flow, None)


def _fail(wanted: Iterable[Wanted], error: BaseException) -> None:
    for each in wanted:
        each.fail(error)


def _severity(error: BaseException) -> int:
    """What cannot pass is told before what may."""
    order: tuple[type[BaseException], ...] = (Permanent, Outage, Transient)
    return next((place for place, kind in enumerate(order) if isinstance(error, kind)), len(order))
