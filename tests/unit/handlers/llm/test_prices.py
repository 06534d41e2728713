from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.llm import Price, Prices, Usage, priced

counts = st.integers(0, 2_000_000)


@pytest.mark.parametrize(
    ("model", "usage", "cost"),
    [
        ("text-embedding-3-small", Usage(1), "0.00000002"),
        ("text-embedding-3-large", Usage(1_000_000), "0.13"),
        ("gpt-5.4-mini", Usage(1_000_000, 0, 1_000_000), "5.25"),
        ("gpt-5.4-mini", Usage(1000, 400, 100), "0.00093"),
        ("gpt-5.4", Usage(1000, 1000, 0), "0.00025"),
    ],
)
def test_known_models_cost_what_the_price_page_says(model: str, usage: Usage, cost: str) -> None:
    assert Prices().cost(model, usage) == Decimal(cost)


@given(read=counts, written=counts, cached=st.floats(0, 1))
def test_costs_are_exact_and_fit_the_ledger(read: int, written: int, cached: float) -> None:
    usage = Usage(read, int(read * cached), written)
    prices = Prices()
    cost = prices.cost("gpt-5.4-mini", usage)

    fresh = Usage(usage.input_tokens - usage.cached_tokens)
    parts = fresh, Usage(usage.cached_tokens, usage.cached_tokens), Usage(0, 0, written)
    assert cost == sum(prices.cost("gpt-5.4-mini", each) for each in parts)
    assert cost.as_tuple().exponent == -10


def test_a_snapshot_of_a_model_costs_what_the_model_does() -> None:
    assert Prices().of("gpt-5.4-mini-2026-03-05") == Prices().of("gpt-5.4-mini")


@pytest.mark.parametrize("model", ["gpt-5.4-nano", "gpt-5.4-mini-2026", "mine"])
def test_a_model_without_a_price_is_named(model: str) -> None:
    with pytest.raises(ValueError, match=f"no price is known for the input of the model '{model}'"):
        Prices().of(model)


def test_a_price_that_is_given_replaces_the_known_one() -> None:
    given = Prices({"gpt-5.4": Price(Decimal(1), Decimal(0), Decimal(2)), "mine": priced("mine", input_usd=0.1, output_usd=0)})

    assert given.cost("gpt-5.4", Usage(10, 5, 1)) == Decimal("0.000007")
    assert given.cost("mine", Usage(3)) == Decimal("0.0000003")
    assert given.of("gpt-5.4-mini") == Prices().of("gpt-5.4-mini")


def test_what_is_not_given_is_as_known_but_cached_tokens_follow_a_given_input() -> None:
    assert priced("gpt-5.4", output_usd=20) == Price(Decimal("2.50"), Decimal("0.25"), Decimal(20))
    assert priced("gpt-5.4", input_usd=4) == Price(Decimal(4), Decimal(4), Decimal("15.00"))
    assert priced("gpt-5.4", input_usd=4, cached_usd=0.4) == Price(Decimal(4), Decimal("0.4"), Decimal("15.00"))


def test_an_unknown_model_that_writes_needs_a_price_for_that() -> None:
    with pytest.raises(ValueError, match="the output of the model 'mine'"):
        priced("mine", input_usd=1)
