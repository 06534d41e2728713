"""CASHFLOWS of every product: they discount to its value, or are what the contract says, or there are none to tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.price.sheet import PricedRun
from tests.unit.handlers.price import books, cds_books, fx_books
from tests.unit.handlers.price.books import FORWARD, SPOTS, VALUATION
from tests.unit.handlers.price.whole_book import OVER, market, priced

SETS: list[list[dict[str, Any]]] = [
    [],
    [{"kind": "rate_parallel", "bp": 75.0, "currency": "USD"}],
    [{"kind": "rate_node", "currency": "EUR", "pillar": "2028-01-15", "bp": -40.0}],
]
INVERSE = {pair[3:] + pair[:3]: 1.0 / spot for pair, spot in SPOTS.items()}


def zero_bond(currency: str, day: str) -> dict[str, Any]:
    return books.ZERO_BOND | {"currency": currency, "notional": 1.0, "maturity_date": day}


def discounted(run: PricedRun, own: str) -> np.ndarray[Any, Any]:
    """The sum of a run's cash flows, each times a zero bond of its currency and, if that is another, the spot to `own`."""
    flows = [(*split(bucket, own), values) for bucket, values in zip(run.bucket, run.values, strict=True) if bucket]
    zeros = priced([zero_bond(currency, day) for currency, day, _ in flows], *SETS).values if flows else ()
    total = np.zeros(len(SETS))
    for (currency, _, values), factor in zip(flows, zeros, strict=True):
        total += values * factor * (1.0 if currency == own else (SPOTS | INVERSE)[currency + own])
    return total


def split(bucket: str, own: str) -> tuple[str, str]:
    currency, _, day = bucket.rpartition(":")
    return currency or own, day


@settings(max_examples=60)
@given(st.one_of(books.forwards(), fx_books.swaps(), fx_books.ndfs()))
def test_those_of_exchanges_discount_to_their_present_value(position: dict[str, Any]) -> None:
    own = position.get("settlement_currency") or position["quote_currency"]
    run = priced([position], *SETS, measures=("CASHFLOWS",))
    assert run.errors == 0, run.error_detail
    expected = priced([position], *SETS).values[0]
    np.testing.assert_allclose(discounted(run, own), expected, rtol=1e-11, atol=1e-9 * abs(position["notional"]))


def buckets(run: PricedRun) -> Iterator[tuple[str, float]]:
    return zip(run.bucket, run.values[:, 0].tolist(), strict=True)


def test_a_forward_pays_in_both_currencies_each_in_its_own() -> None:
    assert dict(buckets(priced([FORWARD], measures=("CASHFLOWS",)))) == {
        "2027-03-15": pytest.approx(-2_200_000.0),
        "EUR:2027-03-15": 2_000_000.0,
    }


def test_a_swap_past_its_near_date_pays_its_far_leg_alone() -> None:
    swap = fx_books.SWAP | {"near_date": VALUATION.isoformat()}
    assert dict(buckets(priced([swap], measures=("CASHFLOWS",)))) == {
        "2026-07-20": pytest.approx(5_480_000.0),
        "EUR:2026-07-20": -5_000_000.0,
    }


@pytest.mark.parametrize(("settled", "paid"), [("USD", 3_000_000 * (1.091 - 1.1)), ("EUR", 3_000_000 * (1 - 1.1 / 1.091))])
def test_a_forward_that_is_fixed_pays_what_was_fixed_under_every_scenario(settled: str, paid: float) -> None:
    ndf = fx_books.NDF | {"settlement_currency": settled, "fixing_date": "2026-01-13", "maturity_date": "2026-01-20"}
    run = priced([ndf], [], [{"kind": "fx", "pair": "EURUSD", "relative": 0.2}], measures=("CASHFLOWS",))
    assert run.bucket == ["2026-01-20"]
    assert run.values[0].tolist() == pytest.approx([paid, paid], rel=1e-12)


def test_a_forward_that_is_open_pays_the_forward_rate_of_its_scenario() -> None:
    run = priced([fx_books.NDF], [], [{"kind": "fx", "pair": "EURUSD", "absolute": 0.01}], measures=("CASHFLOWS",))
    euro, dollar = priced([zero_bond("EUR", "2026-07-20"), zero_bond("USD", "2026-07-20")]).values[:, 0]
    expected = [3_000_000 * (spot * euro / dollar - 1.1) for spot in (1.0875, 1.0975)]
    assert run.values[0].tolist() == pytest.approx(expected, rel=1e-12)


def test_premiums_and_what_is_due_upfront_are_paid_whatever_the_market_says_of_default() -> None:
    """10 million · 1 % · 90, 92 and 92 days / 360, 2 % upfront, and a day more in the last period."""
    swap = cds_books.CDS | {"maturity_date": "2026-09-20", "upfront": 0.02, "upfront_date": "2026-03-20"}
    expected = {"2026-03-20": -225_000.0, "2026-06-20": -10_000_000 * 0.92 / 360, "2026-09-20": -10_000_000 * 0.93 / 360}
    shocks: list[list[dict[str, Any]]] = [[], [{"kind": "credit_spread", "bp": 500.0}]]
    for credit in (market().model_dump()["credit_curves"], {}):
        run = priced([swap], *shocks, measures=("CASHFLOWS", "PV"), in_market=market(credit_curves=credit))
        assert dict(zip(run.bucket[:3], run.values[:3, 0].tolist(), strict=True)) == pytest.approx(expected)
        assert (run.values[:3, 0] == run.values[:3, 1]).all()
    assert run.error == [None, None, None, "MISSING_MARKET_DATA"]


@settings(max_examples=30)
@given(cds_books.swaps())
def test_premiums_discount_to_the_value_of_a_swap_whose_issuer_cannot_default(position: dict[str, Any]) -> None:
    never = {"kind": "hazard", "interpolation": "linear_zero", "pillars": ["2027-01-15"], "rates": [0.0]}
    safe = market(credit_curves={"issuers": {"ACME": never}})
    run = priced([position], *SETS, measures=("CASHFLOWS",), in_market=safe)
    expected = priced([position], *SETS, in_market=safe).values[0]
    np.testing.assert_allclose(discounted(run, "USD"), expected, rtol=1e-11, atol=1e-9 * abs(position["notional"]))


@pytest.mark.parametrize("position", [fx_books.OPTION, fx_books.SHARES, fx_books.CASH])
def test_what_an_option_or_a_holding_will_pay_is_not_in_its_contract(position: dict[str, Any]) -> None:
    run = priced([position], measures=("CASHFLOWS",))
    assert run.error == ["UNSUPPORTED"]
    assert run.error_detail == [f"{position['product_type']} has no CASHFLOWS"]
    assert np.isnan(run.values).all()


def test_what_is_over_has_one_row_without_a_bucket() -> None:
    book = [position for position in OVER if position["product_type"] != "FX_OPTION"]
    run = priced(book, measures=("CASHFLOWS",))
    assert run.bucket == [""] * len(book)
    assert (run.values == 0.0).all()
    assert run.errors == 0
    assert run.totals == {}
