"""Non-deliverable forwards before, on and after their fixing."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from tests.unit.handlers.price.books import CURVES
from tests.unit.handlers.price.fx_books import FIXINGS, NDF, error, fx_world, ndfs, priced, snapshot, value

FIXED = NDF | {"fixing_date": "2026-01-13", "maturity_date": "2026-01-20"}


def forward(ndf: dict[str, Any]) -> dict[str, Any]:
    names = ("position_id", "base_currency", "quote_currency", "notional", "strike", "maturity_date")
    return {name: ndf[name] for name in names} | {"product_type": "FX_FWD"}


@given(ndfs().filter(lambda ndf: ndf["fixing_date"] > "2026-01-15"))
def test_before_its_fixing_it_is_a_forward_in_the_currency_of_settlement(ndf: dict[str, Any]) -> None:
    in_quote = value(forward(ndf))
    own = ndf["settlement_currency"] == ndf["quote_currency"]
    rate = 1.0 if own else fx_world().spot(ndf["base_currency"], ndf["quote_currency"])
    assert value(ndf) * rate == pytest.approx(in_quote, rel=1e-12, abs=1e-9 * abs(ndf["notional"]))


def test_after_its_fixing_the_difference_is_a_known_amount() -> None:
    """EURUSD was fixed at 1.0910, the strike is 1.1: 3 million · -0.009, five days of the USD curve's 3.65 %."""
    discount = math.exp(-0.0365 * 5 / 365)
    assert value(FIXED) == pytest.approx(3_000_000 * (1.0910 - 1.1) * discount, rel=1e-5)
    in_euro = value(FIXED | {"settlement_currency": "EUR"})
    assert in_euro == pytest.approx(3_000_000 * (1 - 1.1 / 1.0910) * math.exp(-0.019 * 5 / 365), rel=1e-5)


def test_after_its_fixing_no_spot_moves_it_and_no_rate_but_its_own() -> None:
    shocks = [{"kind": "fx", "pair": "EURUSD", "relative": 0.1}, {"kind": "rate_parallel", "currency": "EUR", "bp": 100.0}]
    run = priced([FIXED], [], shocks, measures=("PV", "FX_DELTA"))
    assert run.values[0, 0] == run.values[0, 1]
    assert run.values[1].tolist() == [0.0, 0.0]
    key_rates = priced([FIXED], measures=("KRD",))
    assert {key_rates.bucket[row] for row in range(9) if key_rates.values[row, 0] != 0.0} <= {"2026-01-15", "2027-01-15"}


def test_on_the_day_of_its_fixing_it_is_fixed_once_the_fixing_is_there() -> None:
    today = NDF | {"fixing_date": "2026-01-15", "maturity_date": "2026-01-20"}
    fixed = value(today)
    assert fixed == pytest.approx(3_000_000 * (1.0890 - 1.1), rel=1e-3)
    earlier = {"EURUSD": {"2026-01-13": FIXINGS["EURUSD"]["2026-01-13"]}}
    still_open = value(today, in_market=snapshot(fixings=earlier))
    assert still_open == pytest.approx(value(forward(today)), rel=1e-12)
    assert still_open != pytest.approx(fixed, rel=1e-3)


def test_a_fixing_that_is_missing_is_named_and_one_of_the_future_is_not_looked_at() -> None:
    unfixed = FIXED | {"fixing_date": "2026-01-12"}
    assert error(unfixed) == ("MISSING_MARKET_DATA", "no EURUSD fixing on 2026-01-12")
    assert error(FIXED | {"base_currency": "GBP"} | {"fixing_date": "2026-01-14"}) == (
        "MISSING_MARKET_DATA",
        "no GBPUSD fixing on 2026-01-14",
    )
    soothsaid = snapshot(fixings={"EURUSD": {NDF["fixing_date"]: 9.9}})
    assert value(NDF, in_market=soothsaid) == value(NDF)
    run = priced([unfixed, FIXED], measures=("PV", "ACCRUED"))
    assert run.error == ["MISSING_MARKET_DATA", None, None, None]


def test_a_forward_that_is_settled_is_worth_nothing_even_without_its_fixing() -> None:
    over = FIXED | {"fixing_date": "2026-01-12", "maturity_date": "2026-01-15"}
    run = priced([over], measures=("PV", "DV01", "FX_DELTA", "ACCRUED"))
    assert (run.values == 0.0).all()
    assert run.errors == 0


def test_key_rates_begin_with_the_currency_of_settlement() -> None:
    run = priced([NDF, NDF | {"settlement_currency": "EUR"}], measures=("KRD",))
    buckets = [[run.bucket[row] for row in np.flatnonzero(run.row_no == position)] for position in range(2)]
    own, other = list(CURVES["USD"]), list(CURVES["EUR"])
    assert buckets == [[*own, *(f"EUR:{day}" for day in other)], [*other, *(f"USD:{day}" for day in own)]]


INVALID = [
    ({"settlement_currency": "GBP"}, "settlement_currency: must be base_currency or quote_currency"),
    ({"fixing_date": "2026-07-21"}, "fixing_date: must not be after maturity_date"),
    ({"quote_currency": "EUR", "settlement_currency": "EUR"}, "quote_currency: must differ from base_currency"),
    ({"strike": math.nan}, "strike: must be finite, not nan"),
]


@pytest.mark.parametrize(("wrong", "sentence"), INVALID)
def test_wrong_terms_name_their_field(wrong: dict[str, Any], sentence: str) -> None:
    assert error(NDF | wrong) == ("INVALID_TERMS", sentence)


def test_money_is_in_the_currency_of_settlement() -> None:
    in_euro = NDF | {"settlement_currency": "EUR"}
    run = priced([in_euro], reporting="USD")
    assert run.totals["PV"]["base"] == pytest.approx(run.values[0, 0] * 1.0875)
    at_the_strike = snapshot(fixings={"EURUSD": {"2026-07-16": 1.1}})
    assert value(in_euro, valuation=date(2026, 7, 17), in_market=at_the_strike) == pytest.approx(0.0, abs=1e-6)
