"""Shares and cash."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.unit.handlers.price.fx_books import CASH, SHARES, error, priced, snapshot, value


def test_cash_is_worth_itself_in_any_market() -> None:
    for day in (date(1900, 1, 1), date(2026, 1, 15), date(9999, 12, 30)):
        assert value(CASH, valuation=day) == 250_000.0
    assert value(CASH | {"currency": "XAU"}, in_market=snapshot(fx_vols={})) == 250_000.0
    run = priced([CASH], [], [{"kind": "rate_parallel", "currency": "*", "bp": 300.0}], measures=("PV", "DV01", "ACCRUED"))
    assert run.values.tolist() == [[250_000.0, 250_000.0], [0.0, 0.0], [0.0, 0.0]]


def test_cash_counts_in_totals_at_the_scenarios_spot() -> None:
    shock = [{"kind": "fx", "pair": "EURUSD", "relative": 0.1}]
    run = priced([CASH, SHARES], [], shock, reporting="USD")
    assert run.totals["PV"] == {
        "s0": pytest.approx(250_000 * 1.0875 + 190_000),
        "s1": pytest.approx(250_000 * 1.19625 + 190_000),
    }


def test_shares_are_worth_their_quantity_times_their_price() -> None:
    assert value(SHARES) == 190_000.0
    assert value(SHARES | {"quantity": -10.0}) == -1_900.0
    assert value(SHARES | {"equity": "Muster AG", "currency": "EUR"}) == 41_500.0
    assert value(SHARES, "DV01") == value(SHARES, "ACCRUED") == 0.0


@pytest.mark.parametrize("holding", [CASH, SHARES])
def test_measures_that_need_a_curve_or_a_spot_are_unsupported(holding: dict[str, Any]) -> None:
    product = holding["product_type"]
    for measure in ("KRD", "CS01", "FX_DELTA", "VEGA"):
        assert error(holding, measure) == ("UNSUPPORTED", f"{product} has no {measure}")


def test_shares_need_a_price_in_their_currency() -> None:
    assert error(SHARES | {"equity": "Nobody"}) == ("MISSING_MARKET_DATA", "no Nobody price")
    assert error(SHARES | {"currency": "EUR"}) == ("MISSING_MARKET_DATA", "ACME has its price in USD")
    run = priced([SHARES | {"equity": "Nobody"}, SHARES], measures=("PV", "ACCRUED"))
    assert run.error == ["MISSING_MARKET_DATA", None, None, None]


INVALID = [
    (CASH, {"notional": None}, "notional: missing"),
    (CASH, {"currency": "eur"}, "currency: must be three capital letters such as USD"),
    (SHARES, {"equity": None}, "equity: missing"),
    (SHARES, {"equity": 7}, "equity: must be a name of 1 to 256 printable characters, not 7"),
    (SHARES, {"quantity": float("inf")}, "quantity: must be finite, not inf"),
]


@pytest.mark.parametrize(("holding", "wrong", "sentence"), INVALID)
def test_wrong_terms_name_their_field(holding: dict[str, Any], wrong: dict[str, Any], sentence: str) -> None:
    assert error(holding | wrong) == ("INVALID_TERMS", sentence)
