from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.audit.budget import SHORTEST_ANSWER, UNBOUNDED, Budget, payable
from handlers.llm import Price

MINI = Price(Decimal("0.75"), Decimal("0.075"), Decimal("4.50"))
LEFT = st.decimals("-1", "100", places=6)
PRICES = st.decimals("0.01", "500", places=2)
LONGEST = st.integers(500, 128_000)


def cost(budget: Budget, prompt: int, answer: int) -> Decimal:
    return (prompt * budget.price.input_usd + answer * budget.price.output_usd) / 1_000_000


@given(LEFT, PRICES, PRICES, LONGEST, st.data())
def test_a_prompt_and_its_answer_cost_no_more_than_is_left_and_the_answer_has_a_length_of_use(
    left: Decimal, input_price: Decimal, output_price: Decimal, longest: int, data: st.DataObject
) -> None:
    budget = Budget(left, Price(input_price, input_price, output_price), longest)
    if not budget.prompt_tokens:
        return
    prompt = data.draw(st.integers(1, budget.prompt_tokens))
    answer = budget.answer_tokens(prompt)
    assert cost(budget, prompt, answer) <= left
    assert min(longest, SHORTEST_ANSWER) <= answer <= longest
    assert answer == longest or cost(budget, prompt, answer + 1) > left


def test_a_large_budget_pays_for_the_longest_answer_beside_any_prompt() -> None:
    budget = Budget(Decimal(1), MINI, 16_000)
    assert budget.prompt_tokens == (1_000_000 - 72_000) / Decimal("0.75") // 1
    assert budget.answer_tokens(budget.prompt_tokens) == 16_000


def test_a_small_budget_pays_for_a_shorter_answer() -> None:
    budget = Budget(Decimal("0.03"), MINI, 16_000)
    assert budget.prompt_tokens == 20_002  # half the budget is an answer of 3,333 tokens
    assert (budget.answer_tokens(20_000), budget.answer_tokens(4_000)) == (3_333, 6_000)


def test_a_budget_below_a_short_answer_pays_for_no_prompt() -> None:
    assert Budget(Decimal("0.009"), MINI, 16_000).prompt_tokens == 0
    assert Budget(Decimal("0.009"), MINI, 500).prompt_tokens > 0
    assert Budget(Decimal("-0.5"), MINI, 16_000).prompt_tokens == 0


@pytest.mark.parametrize("usd", ["1e12", "1e25", "1.7976931348623157e308"])
def test_a_budget_beyond_all_measure_pays_for_anything(usd: str) -> None:
    budget = Budget(Decimal(usd), MINI, 16_000)
    assert (budget.prompt_tokens, budget.answer_tokens(1_000_000)) == (UNBOUNDED, 16_000)


def test_what_costs_nothing_is_not_bounded_by_any_budget() -> None:
    assert payable(Decimal("0.01"), Decimal(0)) == UNBOUNDED
    assert payable(Decimal(0), Decimal(0)) == 0
    assert payable(Decimal("0.000003"), Decimal(1)) == 3
