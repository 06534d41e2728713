"""Answers that are looked at by whoever asked, and what asking again may cost."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from devstack.standin.control import Control
from devstack.standin.faults import Fault
from events.failures import Transient
from handlers.llm import Llm
from tests.support.llm import Ledger, MakeLlm, Respond


class Checks:
    """Refuses so many objects."""

    def __init__(self, refusals: int) -> None:
        self.refusals, self.seen = refusals, 0

    def __call__(self, parsed: dict[str, Any]) -> None:
        self.seen += 1
        if self.seen <= self.refusals:
            raise ValueError("the quotes are none")


async def outcomes(ledger: Ledger) -> list[str]:
    return [row["outcome"] for row in await ledger()]


async def test_an_answer_that_does_not_pass_is_recorded_as_malformed_and_asked_for_again(
    respond: Respond, ledger: Ledger
) -> None:
    answer = await respond(check=Checks(1))

    assert answer.outcome == "answered"
    assert await outcomes(ledger) == ["malformed", "answered"]
    assert all(row["cost_usd"] > 0 and row["answer"] == answer.text for row in await ledger())


async def test_an_answer_that_never_passes_is_malformed(respond: Respond, ledger: Ledger) -> None:
    answer = await respond(check=Checks(3))

    assert (answer.outcome, answer.parsed, bool(answer.text)) == ("malformed", None, True)
    assert await outcomes(ledger) == ["malformed"] * 3


async def test_what_a_model_of_pydantic_does_not_take_does_not_pass(respond: Respond, ledger: Ledger) -> None:
    class Other(BaseModel):
        verdict: str

    answer = await respond(check=Other.model_validate)

    assert (answer.outcome, await outcomes(ledger)) == ("malformed", ["malformed"] * 3)


async def test_an_answer_of_earlier_that_passes_is_reused_and_another_is_not(
    respond: Respond, make_llm: MakeLlm, openai: Control
) -> None:
    await respond()
    assert (await respond(make_llm(), check=Checks(0))).reused
    assert not (await respond(make_llm(), check=Checks(1))).reused
    assert openai.calls().received == {"responses": 2}


@pytest.mark.parametrize("kind", ["refusal", "truncated_json"])
async def test_what_is_no_object_is_not_checked(respond: Respond, openai: Control, kind: str) -> None:
    openai.add(Fault(kind))
    checks = Checks(9)
    first = await respond(check=checks)

    assert (await respond(check=checks)).outcome == first.outcome
    assert checks.seen == 0


@pytest.mark.parametrize("tries", [1, 2])
async def test_no_try_follows_that_could_cost_more_than_is_allowed(respond: Respond, openai: Control, tries: int) -> None:
    cost = (await respond()).cost_usd
    longest = Decimal("4.5") * 2000 / 1_000_000
    openai.reset()

    answer = await respond(check=Checks(9), budget_usd=(tries + 1) * cost + longest)

    assert answer.outcome == "malformed"
    assert openai.calls().received == {"responses": tries + 1}


async def test_what_nobody_told_the_tokens_of_counts_as_long_as_it_may_be(respond: Respond, openai: Control) -> None:
    openai.add(Fault("malformed_body", times=3))
    with pytest.raises(Transient):
        await respond(budget_usd=Decimal("0.012"))
    assert openai.calls().received == {"responses": 1}


async def test_what_brought_no_answer_is_tried_again_whatever_it_may_cost(llm: Llm, respond: Respond, openai: Control) -> None:
    openai.add(Fault("server_error", times=2))
    assert (await respond(budget_usd=Decimal(0))).outcome == "answered"
