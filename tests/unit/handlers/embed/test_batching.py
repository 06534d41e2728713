from __future__ import annotations

from decimal import Decimal
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.embed.batching import COST_STEP, ChunkText, cost_shares_of, requests_of, shares_of, total_cost

weights = st.lists(st.integers(0, 1000), min_size=1, max_size=60)


@given(st.lists(st.integers(0, 50), max_size=80), st.integers(1, 20), st.integers(1, 120))
def test_requests_hold_every_text_once_in_order_and_keep_the_limits(texts: list[int], max_inputs: int, max_weight: int) -> None:
    requests = list(requests_of(texts, max_inputs, max_weight))
    assert [place for request in requests for place in request] == list(range(len(texts)))
    for request in requests:
        assert 1 <= len(request) <= max_inputs
        assert sum(texts[place] for place in request) <= max_weight or len(request) == 1


@given(st.lists(st.integers(1, 50), min_size=2, max_size=80), st.integers(1, 20), st.integers(50, 120))
def test_a_request_ends_only_where_the_next_text_would_be_too_much(texts: list[int], max_inputs: int, max_weight: int) -> None:
    for request in list(requests_of(texts, max_inputs, max_weight))[:-1]:
        with_next = sum(texts[place] for place in request) + texts[request.stop]
        assert len(request) == max_inputs or with_next > max_weight


def test_a_text_that_is_over_the_limit_goes_alone() -> None:
    assert list(requests_of([1, 500, 1], 10, 100)) == [range(1), range(1, 2), range(2, 3)]


def test_no_texts_are_no_request() -> None:
    assert list(requests_of([])) == []


@given(st.integers(0, 10**9), weights)
def test_shares_add_up_and_each_is_its_part_rounded(total: int, given_weights: list[int]) -> None:
    shares = shares_of(total, given_weights)
    assert sum(shares) == total
    whole = sum(given_weights)
    for share, weight in zip(shares, given_weights, strict=True):
        assert share >= 0
        if whole:
            assert total * weight // whole <= share <= -(-total * weight // whole)


def test_where_nothing_has_weight_all_count_alike() -> None:
    assert shares_of(7, [0, 0, 0]) == [2, 2, 3]


def test_something_cannot_be_shared_among_nobody() -> None:
    assert shares_of(0, []) == []
    with pytest.raises(ValueError, match="nobody"):
        shares_of(1, [])


@given(st.integers(0, 10**12), weights)
def test_shares_of_a_cost_add_up_to_it(steps: int, given_weights: list[int]) -> None:
    cost = steps * COST_STEP
    shares = cost_shares_of(cost, given_weights)
    assert total_cost(shares) == cost
    assert all(share == share.quantize(COST_STEP) for share in shares)


def test_a_cost_with_more_digits_than_the_tables_keep_is_rounded_once() -> None:
    assert sum(cost_shares_of(Decimal("0.00000000019"), [1, 1])) == Decimal("0.0000000002")


def test_no_costs_are_nothing() -> None:
    assert total_cost([]) == 0


@pytest.mark.parametrize(
    ("text", "tokens", "weight"),
    [("word", 1, 2), ("1 2 3 4 5 6", 11, 11), ("文" * 10, 5, 10), ("word" * 30, 1, 40)],
)
def test_a_text_weighs_its_tokens_or_a_third_of_its_bytes(text: str, tokens: int, weight: int) -> None:
    assert ChunkText.of(text, tokens).weight == weight


def test_a_text_is_known_by_the_hash_of_its_utf_8() -> None:
    assert ChunkText.of("Zinssätze", 4).content_sha256 == sha256("Zinssätze".encode()).digest()
