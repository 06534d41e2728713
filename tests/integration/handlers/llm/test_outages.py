"""OpenAI away: calls that are not made, looks that are, and what opens the way again."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from devstack.standin.control import Control
from devstack.standin.faults import Fault
from events.failures import NotAsked, Outage, Transient
from handlers.llm import Asker, EmbeddedBatch, Llm, calling
from handlers.llm.model import Target
from tests.support.llm import AUDITOR, EMBEDDER, MakeLlm, Respond, until

# What a probe asks for, and the tests do not.
LOOK = "a"
HOUR = 3600.0
PRICED_AND_UNKNOWN = "text-embedding-3-small-2020-01-01"
EMBEDDINGS: Target = ("embeddings", EMBEDDER)
ANSWERS: Target = ("responses", AUDITOR)


async def embed(llm: Llm, asker: Asker, text: str = "one") -> EmbeddedBatch:
    return await llm.embed(asker, EMBEDDER, [text])


async def codes(*calls: Any) -> Counter[str]:
    results = await asyncio.gather(*calls, return_exceptions=True)
    return Counter(each.code if isinstance(each, Outage) else type(each).__name__ for each in results)


class Clock:
    """The breakers' clock, by which hours pass at will, and none because the machine is busy."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(calling, "time", clock)
    return clock


@pytest.fixture
async def broken(make_llm: MakeLlm, asker: Asker, openai: Control, clock: Clock) -> Llm:
    """A client whose breaker has just opened for an hour, because OpenAI fails until the stand-in is reset."""
    llm = make_llm(tries=1, breaker_failures=2, breaker_seconds=HOUR)
    openai.add(Fault("server_error", times=None))
    assert await codes(embed(llm, asker), embed(llm, asker)) == {"openai_away": 2}
    assert openai.calls().received == {"embeddings": 2}
    return llm


async def test_while_the_breaker_is_open_nobody_asks(broken: Llm, asker: Asker, openai: Control) -> None:
    assert await codes(*(embed(broken, asker) for _ in range(20))) == {"openai_away": 20}
    assert openai.calls().received == {"embeddings": 2}


async def test_who_is_not_asked_hears_so(broken: Llm, asker: Asker) -> None:
    with pytest.raises(NotAsked):
        await embed(broken, asker)


async def test_a_model_that_is_not_there_stops_nobody_who_asks_another(
    llm: Llm, asker: Asker, respond: Respond, openai: Control
) -> None:
    assert await codes(llm.embed(asker, PRICED_AND_UNKNOWN, ["one"])) == {"openai_lacks_model": 1}
    assert await codes(embed(llm, asker), respond()) == {"EmbeddedBatch": 1, "LlmAnswer": 1}
    assert await codes(llm.embed(asker, PRICED_AND_UNKNOWN, ["one"])) == {"openai_lacks_model": 1}
    assert openai.calls().received == {"embeddings": 2, "responses": 1}


async def test_an_endpoint_that_is_away_stops_nobody_who_asks_another(
    make_llm: MakeLlm, asker: Asker, respond: Respond, openai: Control
) -> None:
    llm = make_llm(tries=1, breaker_failures=1)
    openai.add(Fault("server_error", endpoint="responses", times=None))
    assert await codes(respond(llm)) == {"openai_away": 1}
    assert await codes(*(embed(llm, asker) for _ in range(5))) == {"EmbeddedBatch": 5}
    await llm.probe([EMBEDDINGS])
    with pytest.raises(Outage):
        await llm.probe([ANSWERS])
    with pytest.raises(Outage):
        await llm.probe([ANSWERS, EMBEDDINGS])
    assert openai.calls().received == {"responses": 3, "embeddings": 5, "models": 1}


@pytest.mark.parametrize("trouble", ["quota", "key"])
async def test_what_is_wrong_with_the_account_stops_all(
    make_llm: MakeLlm, asker: Asker, respond: Respond, openai: Control, trouble: str
) -> None:
    llm = make_llm(**{"api_key": "sk-other"} if trouble == "key" else {})
    if trouble == "quota":
        openai.add(Fault("insufficient_quota", times=None))
    first = await codes(embed(llm, asker))
    assert await codes(respond(llm)) == first
    assert openai.calls().received == {"embeddings": 1}
    for target in (EMBEDDINGS, ANSWERS):
        with pytest.raises(Outage):
            await llm.probe([target])


async def test_whoever_finds_the_account_in_order_opens_the_way_for_all(
    llm: Llm, asker: Asker, respond: Respond, openai: Control
) -> None:
    openai.add(Fault("insufficient_quota"))
    assert await codes(embed(llm, asker)) == {"openai_quota": 1}
    await llm.probe([ANSWERS])
    assert await codes(embed(llm, asker), respond()) == {"EmbeddedBatch": 1, "LlmAnswer": 1}


async def test_then_one_looks_while_the_others_still_fail(broken: Llm, asker: Asker, openai: Control, clock: Clock) -> None:
    clock.now += HOUR
    assert await codes(*(embed(broken, asker) for _ in range(20))) == {"openai_away": 20}
    assert openai.calls().received == {"embeddings": 3}


async def test_the_one_who_looks_and_finds_openai_goes_on_and_the_others_after_it(
    broken: Llm, asker: Asker, openai: Control, clock: Clock
) -> None:
    openai.reset()
    openai.add(Fault("slow", contains=LOOK, seconds=0.1))
    clock.now += HOUR
    assert await codes(*(embed(broken, asker) for _ in range(10))) == {"EmbeddedBatch": 1, "openai_away": 9}
    assert await codes(*(embed(broken, asker) for _ in range(10))) == {"EmbeddedBatch": 10}
    assert openai.calls().received == {"embeddings": 12}


async def test_a_look_that_is_broken_off_leaves_the_next_one_to_another(
    broken: Llm, asker: Asker, openai: Control, clock: Clock
) -> None:
    openai.reset()
    openai.add(Fault("slow", contains=LOOK, seconds=600))
    clock.now += HOUR
    first = asyncio.create_task(embed(broken, asker))
    await until(lambda: openai.calls().calls)
    first.cancel()
    assert await codes(first) == {"CancelledError": 1}
    assert await codes(embed(broken, asker)) == {"EmbeddedBatch": 1}


async def test_a_probe_that_finds_openai_opens_the_way_at_once(broken: Llm, asker: Asker, openai: Control) -> None:
    with pytest.raises(Outage) as caught:
        await broken.probe()
    assert caught.value.code == "openai_away"
    openai.reset()
    await broken.probe()
    await embed(broken, asker)
    assert openai.calls().answered == {"embeddings": 2}


async def test_probes_are_made_one_at_a_time(llm: Llm, openai: Control) -> None:
    openai.add(Fault("slow", endpoint="models", seconds=600))
    first, *others = [asyncio.create_task(llm.probe()) for _ in range(3)]
    await until(lambda: openai.calls().calls)
    await asyncio.sleep(0.1)
    assert openai.calls().received == {"models": 1}
    first.cancel()
    await asyncio.gather(*others)
    assert openai.calls().answered == {"models": 2}


async def test_a_probe_costs_nothing_while_nothing_has_failed(llm: Llm, openai: Control) -> None:
    await llm.probe()
    assert openai.calls().received == {"models": 1}


async def test_an_endpoint_that_only_fails_is_away_although_models_are_listed(
    make_llm: MakeLlm, respond: Respond, openai: Control
) -> None:
    llm = make_llm(tries=1)
    openai.add(Fault("server_error", endpoint="responses", times=None))
    assert await codes(respond(llm)) == {"openai_away": 1}
    with pytest.raises(Outage):
        await llm.probe()
    openai.reset()
    await llm.probe()
    await llm.probe()
    assert openai.calls().received == {"responses": 1, "models": 1}


async def test_a_model_that_is_not_there_is_an_outage_that_the_probe_sees(llm: Llm, asker: Asker) -> None:
    assert await codes(llm.embed(asker, "text-embedding-3-large", ["one"])) == {"EmbeddedBatch": 1}
    failures = await codes(llm.embed(asker, PRICED_AND_UNKNOWN, ["one"]))
    assert failures == {"openai_lacks_model": 1}
    with pytest.raises(Outage) as caught:
        await llm.probe()
    assert caught.value.code == "openai_lacks_model"


async def test_without_quota_a_probe_pays_a_token_because_models_are_listed_anyway(
    llm: Llm, asker: Asker, openai: Control
) -> None:
    openai.add(Fault("insufficient_quota", endpoint="embeddings", times=2))
    assert await codes(embed(llm, asker)) == {"openai_quota": 1}

    with pytest.raises(Outage) as caught:
        await llm.probe()
    assert caught.value.code == "openai_quota"
    await llm.probe()
    await llm.probe()

    assert openai.calls().received == {"embeddings": 3, "models": 1}
    assert await codes(embed(llm, asker)) == {"EmbeddedBatch": 1}


async def test_a_refused_key_is_seen_by_the_probe_too(make_llm: MakeLlm) -> None:
    with pytest.raises(Outage) as caught:
        await make_llm(api_key="sk-other").probe()
    assert caught.value.code == "openai_refuses_key"


async def test_a_probe_that_takes_too_long_has_not_found_openai(make_llm: MakeLlm, openai: Control) -> None:
    openai.add(Fault("slow", seconds=600))
    with pytest.raises(Outage, match="no answer within"):
        await make_llm(probe_seconds=0.2).probe()


async def test_a_probe_that_is_limited_has_not_either(llm: Llm, openai: Control) -> None:
    openai.add(Fault("rate_limit", retry_after=1))
    with pytest.raises(Transient):
        await llm.probe()
