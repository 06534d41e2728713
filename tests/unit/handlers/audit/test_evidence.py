from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.audit.evidence import Passage, choose, estimated_tokens, fit, most_passages
from handlers.audit.prompt import prompt
from handlers.embed.chunking import tokens_of
from tests.unit.handlers.audit.assignments import assignment, evidence
from tests.unit.handlers.audit.passages import passage

TOKENS = st.lists(st.integers(0, 600), max_size=30)
ROOM = st.integers(0, 10_000)


def passages(tokens: list[int]) -> list[Passage]:
    return [passage(number, tokens=each) for number, each in enumerate(tokens)]


@given(TOKENS, ROOM)
def test_what_is_chosen_fits_and_nothing_more_would(tokens: list[int], room: int) -> None:
    preferred = passages(tokens)
    chosen = choose(preferred, room)
    assert fit(chosen, room)
    assert not [each for each in preferred if each not in chosen and fit([*chosen, each], room)]
    assert len(chosen) <= most_passages(room)
    assert chosen == [each for each in preferred if each in chosen]


@given(TOKENS, ROOM)
def test_the_first_that_fits_alone_is_always_chosen(tokens: list[int], room: int) -> None:
    preferred = passages(tokens)
    fits = [each for each in preferred if each.cost <= room]
    assert choose(preferred, room)[:1] == fits[:1]


@given(TOKENS)
def test_all_are_chosen_where_all_fit(tokens: list[int]) -> None:
    preferred = passages(tokens)
    assert choose(preferred, sum(each.cost for each in preferred)) == preferred


@pytest.mark.parametrize(
    "text",
    [
        "The borrower shall repay the facility in twelve equal instalments, the first on 31 March 2026.",
        "Der Darlehensnehmer zahlt die Fazilität in zwölf gleichen Raten zurück, die erste am 31. März 2026.",
        "借款人应分十二期等额偿还贷款。首期于二〇二六年三月三十一日支付。",
    ],
)
def test_the_estimate_of_a_texts_tokens_is_rather_too_high(text: str) -> None:
    assert tokens_of(text) <= estimated_tokens(text) <= 3 * tokens_of(text)


def test_the_cost_of_a_passage_covers_what_encloses_it() -> None:
    given_ones = [passage(number, "word " * number, tokens=number) for number in range(1, 30)]
    fences = tokens_of(prompt(assignment(), evidence(*given_ones)).text) - tokens_of(prompt(assignment(), evidence()).text)
    assert fences <= sum(each.cost for each in given_ones) + 30
