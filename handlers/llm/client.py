"""What flows ask OpenAI for: vectors of texts, an answer of a schema."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict
from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast

import structlog

from events.ids import uuid7
from handlers.llm import metrics
from handlers.llm.budget import Budget
from handlers.llm.calling import Caller
from handlers.llm.config import STAND_IN, LlmConfig
from handlers.llm.errors import CallError, NotAskedError, Trouble, failure_of, wait_before_next
from handlers.llm.ledger import Ledger
from handlers.llm.model import Asker, EmbeddedBatch, Endpoint, LlmAnswer, Outcome, Target, Usage
from handlers.llm.prices import Prices
from handlers.llm.reading import Check, Reading, checked, parsed_object, passes, read_embeddings, read_response
from handlers.llm.request import embeddings_body, longest_usage, request_sha256, responses_body
from storage.database import Database
from storage.embeddings import PaidVector
from storage.llm_calls import LlmCall

if TYPE_CHECKING:
    from handlers.llm.sdk import Raw

log = structlog.get_logger(__name__)


class Llm:
    """The client of OpenAI, of one worker.

    Calls raise Outage while OpenAI is away, has no quota or refuses the key, as NotAsked where others have just heard so;
    Transient, rate_limited or malformed_answer; Permanent, model_refused, for a request that OpenAI does not take;
    ValueError for a model without a price; and what storage raises, TimeoutError above all, while an answer that was paid
    for cannot be stored: until then nobody asks on.
    """

    def __init__(self, config: LlmConfig, database: Database, prices: Prices) -> None:
        self.config, self.prices = config, prices
        self._ledger = Ledger(database, config.ledger_seconds)
        self._caller = Caller(config)

    def name_of(self, model: str) -> str:
        """The name that the answers of `model` go by: what the stand-in says for it is not to be taken for its own."""
        return f"{model}-{STAND_IN}" if self.config.is_stand_in else model

    async def embed(self, asker: Asker, model: str, texts: Sequence[str]) -> EmbeddedBatch:
        """The vectors of texts, in one request whose size is the caller's business; the caller records its `call`."""
        body = embeddings_body(model, texts, self.config.dimensions)
        await self._ledger.settled()

        def read(answer: bytes) -> Reading:
            return read_embeddings(answer, len(texts), self.config.dimensions)

        reading, call = await self._ask("embeddings", asker, body, read)
        if reading.vectors is None:
            raise failure_of(CallError(Trouble.MALFORMED, reading.problem))
        return EmbeddedBatch(reading.vectors, call.input_tokens, call.cost_usd, call)

    async def respond(
        self,
        asker: Asker,
        model: str,
        *,
        instructions: str,
        prompt: str,
        schema: dict[str, Any],
        schema_name: str,
        max_output_tokens: int,
        check: Check | None = None,
        budget_usd: Decimal | None = None,
    ) -> LlmAnswer:
        """The answer to a prompt, a JSON object of the (strict) schema, recorded.

        Asks nobody when this event has had an answer to the same request before. An object for which `check` raises
        ValueError is malformed: recorded, and asked for again. No try follows another if, with an answer as long as it may
        be, all of them could cost more than `budget_usd`; the first one is the caller's decision.
        """
        body = responses_body(model, instructions, prompt, schema, schema_name, max_output_tokens)
        known = await self._known(asker, request_sha256("responses", body))
        if known is not None and passes((answer := _answer_of(known, reused=True)).parsed, check):
            metrics.CALLS.labels("responses", model, "reused").inc()
            return answer

        def read(answer: bytes) -> Reading:
            return checked(read_response(answer), check)

        reading, call = await self._ask("responses", asker, body, read, budget_usd)
        if reading.outcome == "malformed" and reading.text is None:
            raise failure_of(CallError(Trouble.MALFORMED, reading.problem))
        if reading.outcome != "malformed":
            await self._ledger.record(call)
        return _answer_of(call, reused=False)

    async def record(self, call: LlmCall, vectors: Sequence[PaidVector] = ()) -> None:
        """Stores an answer with its vectors in one transaction; if Postgres is away, as soon as it is back.

        Raises TimeoutError when that takes too long; the answer is not lost.
        """
        await self._ledger.record(call, vectors)

    async def settled(self) -> None:
        """Waits until no answer is held up on its way to Postgres: what is looked up before that may be missed and paid twice.

        Raises TimeoutError when that takes too long.
        """
        await self._ledger.settled()

    async def probe(self, targets: Sequence[Target] = ()) -> None:
        """Raises Outage while one of the targets is away, or Transient when OpenAI does not want to be asked now.

        Without targets it looks for all that were asked so far.
        """
        try:
            await self._caller.probe(targets)
        except CallError as error:
            raise failure_of(error) from error

    async def close(self) -> None:
        """Stores what is left, and ends the connections."""
        await self._ledger.close()
        await self._caller.close()

    async def _known(self, asker: Asker, digest: bytes) -> LlmCall | None:
        if asker.event_key is None:
            await self._ledger.settled()
            return None
        return await self._ledger.answered(asker.event_key, digest)

    async def _ask(
        self,
        endpoint: Endpoint,
        asker: Asker,
        body: dict[str, Any],
        read: Callable[[bytes], Reading],
        budget_usd: Decimal | None = None,
    ) -> tuple[Reading, LlmCall]:
        """What comes back, not yet recorded; or the last of the malformed answers, which are."""
        self.prices.of(body["model"])
        budget = Budget(budget_usd, self.prices, body["model"], longest_usage(body))
        attempt, heard = 0, None
        while True:
            attempt += 1
            try:
                raw = await self._caller.call(endpoint, body)
            except CallError as caught:
                error, malformed = caught, None
                heard = heard if isinstance(error, NotAskedError) else error
            else:
                reading = read(raw.body)
                call = self._entry(endpoint, asker, body, raw, reading)
                if reading.outcome != "malformed":
                    return reading, call
                await self._ledger.record(call)
                budget.spend(reading.usage)
                error, malformed = CallError(Trouble.MALFORMED, reading.problem), (reading, call)
            wait = wait_before_next(error, attempt, self.config, random.random) if budget.has_room() else None
            if wait is None and malformed is not None:
                return malformed
            known_by = {"agent": asker.flow, "endpoint": endpoint, "attempt": attempt, "error": str(error), "told": error.told}
            if wait is None:
                if not isinstance(error, NotAskedError):
                    log.warning("llm_call_failed", **known_by)
                # Who was asked and has failed is not excused by what that did to the breaker.
                raise failure_of(heard or error) from error
            log.info("llm_call_repeated", **known_by, wait=wait)
            await asyncio.sleep(wait)

    def _entry(self, endpoint: Endpoint, asker: Asker, body: dict[str, Any], raw: Raw, reading: Reading) -> LlmCall:
        """The row of an answer, which is counted with it."""
        model, usage = body["model"], reading.usage
        if not reading.is_usage_told:
            log.warning("llm_usage_not_told", agent=asker.flow, endpoint=endpoint, model=model, counted=asdict(usage))
        cost = self.prices.cost(model, usage)
        metrics.CALLS.labels(endpoint, model, reading.outcome).inc()
        metrics.TOKENS.labels(endpoint, model, "input").inc(usage.input_tokens)
        metrics.TOKENS.labels(endpoint, model, "cached").inc(usage.cached_tokens)
        metrics.TOKENS.labels(endpoint, model, "output").inc(usage.output_tokens)
        metrics.COST.labels(endpoint, model).inc(float(cost))
        return LlmCall(
            call_id=uuid7(),
            client_id=asker.client_id,
            flow=asker.flow,
            event_key=asker.event_key,
            endpoint=endpoint,
            provider=self.config.provider,
            model=model,
            answered_model=_storable(reading.model),
            request_sha256=request_sha256(endpoint, body),
            outcome=reading.outcome,
            answer=_storable(reading.text),
            answer_sha256=sha256(raw.body if reading.text is None else reading.text.encode()).digest(),
            input_tokens=usage.input_tokens,
            cached_tokens=usage.cached_tokens,
            output_tokens=usage.output_tokens,
            cost_usd=cost,
            latency_ms=round(raw.seconds * 1000),
            provider_request_id=_storable(raw.request_id),
        )


def _answer_of(call: LlmCall, *, reused: bool) -> LlmAnswer:
    text = call.answer or ""
    return LlmAnswer(
        outcome=cast("Outcome", call.outcome),
        text=text,
        parsed=parsed_object(text) if call.outcome == "answered" else None,
        answered_model=call.answered_model,
        usage=Usage(call.input_tokens, call.cached_tokens, call.output_tokens),
        cost_usd=call.cost_usd,
        reused=reused,
    )


def _storable(text: str | None) -> str | None:
    """Postgres keeps no NUL in text."""
    return None if text is None else text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
