from __future__ import annotations

from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import numpy as np
import pytest

from events.ids import uuid7
from storage.database import Database
from storage.embeddings import PaidVector
from storage.llm_calls import LlmCall, Spent, SpentAsking, answered, record, spent, spent_asking

EVENT = uuid4()
REQUEST = sha256(b"request").digest()


def call(**columns: Any) -> LlmCall:
    made = LlmCall(
        call_id=uuid7(),
        client_id="acme",
        flow="audits",
        event_key=EVENT,
        endpoint="responses",
        provider="stand-in",
        model="gpt-5.4-mini",
        answered_model="gpt-5.4-mini-stand-in",
        request_sha256=REQUEST,
        outcome="answered",
        answer='{"findings": []}',
        answer_sha256=sha256(b"answer").digest(),
        input_tokens=1000,
        cached_tokens=200,
        output_tokens=50,
        cost_usd=Decimal("0.0008400000"),
        latency_ms=1234,
        provider_request_id="req_1",
    )
    return made._replace(**columns)


def vector(made: LlmCall, **columns: Any) -> PaidVector:
    octets = np.zeros(1536, np.float32)
    return PaidVector("acme", "m", b"c" * 32, octets, 3, Decimal("0.1"), made.event_key, made.call_id)._replace(**columns)


async def store(database: Database, *calls: LlmCall, vectors: tuple[PaidVector, ...] = ()) -> None:
    async with database.connection() as connection:
        for made in calls:
            await record(connection, made, vectors)


async def found(database: Database, event_key: UUID = EVENT, request: bytes = REQUEST) -> LlmCall | None:
    async with database.connection() as connection:
        return await answered(connection, event_key, request)


async def vectors_kept(database: Database) -> Any:
    async with database.connection() as connection:
        return await connection.fetchval("select count(*) from embeddings")


@pytest.mark.parametrize("outcome", ["answered", "refused", "truncated"])
async def test_an_answer_is_found_by_its_event_and_request(database: Database, outcome: str) -> None:
    made = call(outcome=outcome)
    await store(database, made)

    assert await found(database) == made
    assert await found(database, event_key=uuid4()) is None
    assert await found(database, request=b"r" * 32) is None


async def test_the_newest_answer_is_used_and_a_malformed_one_never(database: Database) -> None:
    older, newer = call(), call()
    await store(database, older, newer, call(outcome="malformed"))

    assert await found(database) == newer


async def test_a_call_and_its_vectors_are_stored_together_and_once(database: Database) -> None:
    made = call(endpoint="embeddings", answer=None)
    for _ in range(2):
        await store(database, made, vectors=(vector(made),))
    async with database.connection() as connection:
        await connection.execute("delete from embeddings")
    await store(database, made, vectors=(vector(made),))

    assert await found(database) == made
    assert await vectors_kept(database) == 0


async def test_a_call_whose_vectors_cannot_be_stored_is_not_there_either(database: Database) -> None:
    made = call()
    with pytest.raises(asyncpg.CheckViolationError):
        await store(database, made, vectors=(vector(made, tokens=-1),))

    assert await found(database) is None


async def test_what_an_event_spent_is_the_sum_of_its_calls(database: Database) -> None:
    other, silent = uuid4(), uuid4()
    await store(database, call(), call(outcome="malformed"), call(event_key=other), call(event_key=None))
    async with database.connection() as connection:
        sums = await spent(connection, [EVENT, other, silent])

    assert sums == {
        EVENT: Spent(2, 2000, 100, Decimal("0.00168")),
        other: Spent(1, 1000, 50, Decimal("0.00084")),
    }


async def test_what_was_spent_before_a_question_had_its_answer_is_told_apart(database: Database) -> None:
    usd = Decimal("0.1")
    first, second = call(request_sha256=b"1" * 32, outcome="malformed"), call(request_sha256=b"2" * 32, outcome="malformed")
    last = call(request_sha256=b"2" * 32)
    apart = call(endpoint="embeddings"), call(event_key=uuid4())
    told = []
    for made in (first, second, last):
        await store(database, *(each._replace(call_id=uuid7(), cost_usd=usd) for each in (made, *apart)))
        async with database.connection() as connection:
            told.append(await spent_asking(connection, EVENT))
    assert told == [
        SpentAsking(usd, None, Decimal(0)),
        SpentAsking(2 * usd, None, Decimal(0)),
        SpentAsking(3 * usd, b"2" * 32, usd),
    ]
