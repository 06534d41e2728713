"""Vectors across documents: what is paid for is not paid for again, and nobody fails for a neighbour's text."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest

from devstack.standin.faults import Fault
from events.event import Event
from events.failures import Failure, Permanent
from handlers.embed.batching import MAX_INPUTS, ChunkText
from handlers.embed.embedding import Embedder
from handlers.llm import Asker, EmbeddedBatch, Llm
from tests.support.desk import Desk
from tests.support.llm import SECONDS
from tests.support.rig import eventually

REFUSED = "=" * 30_000


def asker(client_id: str = "acme") -> Asker:
    return Asker(client_id, "documents", uuid4())


def texts(*words: str) -> list[ChunkText]:
    return [ChunkText.of(word, 1) for word in words]


@pytest.fixture
def embedder(desk: Desk) -> Embedder:
    return desk.flow.embedder


def key_of(event: Event) -> UUID:
    return UUID(bytes=event.key)


async def test_vectors_come_in_the_order_of_their_texts(embedder: Embedder) -> None:
    both = await embedder.vectors(asker(), texts("loan", "rate", "loan"))
    [rate] = (await embedder.vectors(asker(), texts("rate"))).vectors
    assert both.vectors.shape == (3, 1536)
    assert both.vectors.dtype == np.float32
    assert np.array_equal(both.vectors[0], both.vectors[2])
    assert np.array_equal(both.vectors[1], rate)
    assert (both.reused, len(both.paid)) == (1, 2)


async def test_no_texts_are_no_vectors_and_no_call(desk: Desk, embedder: Embedder) -> None:
    nothing = await embedder.vectors(asker(), [])
    assert (nothing.vectors.shape, nothing.tokens, nothing.cost_usd) == ((0, 1536), 0, Decimal(0))
    assert desk.calls() == 0


async def test_texts_of_several_documents_share_a_request_that_is_nobodys_alone(desk: Desk, embedder: Embedder) -> None:
    askers = [asker() for _ in range(4)]
    got = await asyncio.gather(*(embedder.vectors(each, texts(f"text {place}")) for place, each in enumerate(askers)))
    [call] = await desk.rows("select event_key, input_tokens, cost_usd from llm_calls")
    assert desk.calls() == 1
    assert call["event_key"] is None
    assert sum(each.tokens for each in got) == call["input_tokens"]
    assert sum(each.cost_usd for each in got) == call["cost_usd"]
    rows = await desk.rows("select event_key, tokens, cost_usd from embeddings")
    assert {row["event_key"]: (row["tokens"], row["cost_usd"]) for row in rows} == {
        each.event_key: (part.tokens, part.cost_usd) for each, part in zip(askers, got, strict=True)
    }


async def test_clients_share_no_request(desk: Desk, embedder: Embedder) -> None:
    both = await asyncio.gather(*(embedder.vectors(asker(client), texts("same")) for client in ("acme", "rival")))
    assert [each.reused for each in both] == [0, 0]
    assert desk.calls() == 2
    assert {row["client_id"] for row in await desk.rows("select client_id from llm_calls")} == {"acme", "rival"}


async def test_a_request_keeps_to_the_limits(desk: Desk, embedder: Embedder) -> None:
    many = await embedder.vectors(asker(), texts(*(f"word {number}" for number in range(MAX_INPUTS + 10))))
    assert sorted(len(call.inputs) for call in desk.openai.calls().calls) == [10, MAX_INPUTS]
    assert len(many.paid) == MAX_INPUTS + 10


async def test_a_text_that_is_being_asked_for_is_waited_for(desk: Desk, embedder: Embedder) -> None:
    desk.openai.add(Fault("slow", seconds=0.5))
    first = asyncio.create_task(embedder.vectors(asker(), texts("same", "one")))
    await eventually(partial(asyncio.to_thread, desk.calls), 1)
    second = await embedder.vectors(asker(), texts("same", "two"))
    paid = len((await first).paid) + len(second.paid)
    assert (second.reused, paid) == (1, 3)
    assert [len(call.inputs) for call in desk.openai.calls().calls] == [2, 1]


async def test_what_one_waits_for_no_longer_is_stored_for_the_next_attempt(desk: Desk, embedder: Embedder) -> None:
    desk.openai.add(Fault("slow", seconds=0.5))
    event = asker()
    waiting = asyncio.create_task(embedder.vectors(event, texts("one")))
    await eventually(partial(asyncio.to_thread, desk.calls), 1)
    waiting.cancel()
    again = await embedder.vectors(event, texts("one"))
    assert len(again.paid) == 1
    assert desk.calls() == 1
    assert again.cost_usd == await desk.value("select sum(cost_usd) from llm_calls")


async def test_after_a_death_the_vectors_that_are_paid_for_are_used_and_their_cost_told_once(make_desk: Any) -> None:
    dead, alive = make_desk(), make_desk()
    event = await dead.upload("A covenant of the loan.")
    other = await dead.upload("A covenant of the loan.")
    lost = await dead.outcome(event)
    assert not isinstance(lost, Failure)
    assert await alive.value("select count(*) from embeddings") == 1

    reused, answer = await alive.handle(other), await alive.handle(event)

    assert alive.calls() == 1
    assert (reused[0]["chunks_reused"], reused[0]["cost_usd"]) == (1, 0.0)
    assert answer[0]["cost_usd"] == float(await alive.value("select sum(cost_usd) from llm_calls"))
    assert await alive.value("select sum(cost_usd) from documents") == lost.row.cost_usd
    assert await alive.value("select count(*) from embeddings") == 0


@pytest.fixture
def both_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asks before two have found that they have to."""
    meeting, embed = asyncio.Barrier(2), Llm.embed

    async def later(llm: Llm, *asked: Any) -> EmbeddedBatch:
        async with asyncio.timeout(SECONDS):  # who asks once more is alone
            await meeting.wait()
        return await embed(llm, *asked)

    monkeypatch.setattr(Llm, "embed", later)


@pytest.mark.usefixtures("both_ask")
async def test_two_workers_that_pay_for_the_same_text_at_once_both_tell_it(make_desk: Any) -> None:
    dead, alive = make_desk(), make_desk()
    event, other = await dead.upload("A covenant of the loan."), await dead.upload("A covenant of the loan.")
    lost = await asyncio.gather(dead.outcome(event), alive.outcome(other))
    [payer] = [row["event_key"] for row in await alive.rows("select event_key from embeddings")]
    first, second = (0, 1) if payer == key_of(event) else (1, 0)
    events = [event, other]

    [told] = await alive.save([events[second]], [lost[second]])
    [late] = await alive.handle(events[first])

    assert alive.calls() == 2
    assert told["cost_usd"] > 0
    assert late["cost_usd"] == told["cost_usd"]
    assert await alive.value("select sum(cost_usd) from documents") == await alive.value("select sum(cost_usd) from llm_calls")


async def test_a_text_that_is_refused_fails_only_the_document_that_has_it(desk: Desk) -> None:
    good = [await desk.upload(f"Good text {number}.") for number in range(5)]
    bad = await desk.upload(REFUSED)
    results = await asyncio.gather(*(desk.outcome(event) for event in [*good[:3], bad, *good[3:]]))
    assert [isinstance(result, Permanent) for result in results] == [False] * 3 + [True] + [False] * 2
    assert results[3].code == "embedding_failed"
    answers = await desk.save([*good[:3], bad, *good[3:]], results)
    assert [answer["status"] for answer in answers if isinstance(answer, dict)] == ["embedded"] * 3 + ["failed"] + [
        "embedded"
    ] * 2


async def test_a_request_that_is_refused_whatever_it_holds_is_not_parted_for_ever(
    desk: Desk, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [ChunkText.of(f"{number} {REFUSED}", 1) for number in range(40)]
    monkeypatch.setattr("handlers.embed.embedding.REFUSALS_BEFORE_GIVING_UP", 5)
    with pytest.raises(Permanent, match="embedding_failed"):
        await embedder.vectors(asker(), many)
    assert desk.calls() < 20


async def test_one_waiter_that_fails_leaves_the_others_theirs(desk: Desk, embedder: Embedder) -> None:
    results = await asyncio.gather(
        embedder.vectors(asker(), texts("good", REFUSED)),
        embedder.vectors(asker(), texts("good", "better")),
        return_exceptions=True,
    )
    assert isinstance(results[0], Permanent)
    assert not isinstance(results[1], BaseException)
    again = await embedder.vectors(asker(), texts("good"))
    assert again.reused == 1
