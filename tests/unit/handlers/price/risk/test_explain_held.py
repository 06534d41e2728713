"""Profit and loss of what is held between two dates: payments, resets, beginnings and ends, and what has no value."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.market import Market
from handlers.price.portfolio import Portfolio
from handlers.price.risk.explain import COMPONENTS, Explained, Snapshot, explain
from tests.unit.handlers.price import cds_books, fx_books, rates_books
from tests.unit.handlers.price.books import BOND, CURVES, DEPOSIT, FORWARD, LOAN, SPOTS, VALUATION, ZERO_BOND, only_value
from tests.unit.handlers.price.whole_book import AHEAD, BOOK, OVER, market, priced, random_positions

BEFORE, AFTER = date(2026, 3, 10), date(2026, 3, 20)
NEW_SPOTS = {"EURUSD": 1.12, "GBPUSD": 1.25, "EURGBP": 0.89}
FIXED = {"EURUSD": {"2026-03-13": 1.105}}


def moved(day: date, **changes: Any) -> Market:
    """Another market: rates, spots and shares have moved."""
    curves = {
        name: {
            "interpolation": "linear_zero",
            "compounding": "continuous",
            "day_count": "ACT/365F",
            "pillars": list(rates),
            "zero_rates": [rate + 0.002 for rate in rates.values()],
        }
        for name, rates in CURVES.items()
    }
    shares = {name: each | {"price": each["price"] * 1.02} for name, each in fx_books.EQUITIES.items()}
    return market(valuation=day, **{"curves": curves, "fx_spot": NEW_SPOTS, "equities": shares} | changes)


def explained(
    book: list[dict[str, Any]],
    first: date = BEFORE,
    last: date = AFTER,
    before: Market | None = None,
    after: Market | None = None,
    currency: str = "USD",
) -> Explained:
    one, other = before or market(valuation=first), after or moved(last)
    return explain(Portfolio.from_records(book), Snapshot(one, first), Snapshot(other, last), currency)


def value(position: dict[str, Any], day: date, in_market: Market) -> float:
    return only_value(priced([position], valuation=day, in_market=in_market))


def paid(position: dict[str, Any]) -> float:
    """What CASHFLOWS tells of every eve in the market of the later day, of what is paid on the day after it."""
    total = 0.0
    for eve, day in pairwise(BEFORE + timedelta(days) for days in range((AFTER - BEFORE).days + 1)):
        run = priced([position], measures=("CASHFLOWS",), valuation=eve, in_market=market(valuation=AFTER))
        total += sum(run.values[place, 0] for place, bucket in enumerate(run.bucket) if bucket == day.isoformat())
    return total


IN_DOLLARS = [
    BOND,
    BOND | {"maturity_date": "2026-03-15"},
    BOND | {"start_date": "2026-03-15"},
    ZERO_BOND | {"maturity_date": "2026-03-20"},
    LOAN | {"currency": "USD", "start_date": "2024-01-15", "maturity_date": "2034-01-15"},
    DEPOSIT | {"maturity_date": "2026-03-11"},
    DEPOSIT | {"start_date": "2026-03-15"},
    rates_books.FLOATER,
    rates_books.FLOATER | {"maturity_date": "2026-03-15"},
    rates_books.FLOATER | {"start_date": "2026-03-15"},
    rates_books.FLOATER | {"fixing_days": 2},
    rates_books.SWAP,
    rates_books.SWAP | {"pay_receive": "receive", "index": "USD-TERM"},
]


@pytest.mark.parametrize("position", IN_DOLLARS)
def test_the_total_is_the_difference_of_the_values_and_what_was_paid(position: dict[str, Any]) -> None:
    found = explained([position])
    change = value(position, AFTER, moved(AFTER)) - value(position, BEFORE, market(valuation=BEFORE))
    begins = position.get("start_date") == "2026-03-15" and position["product_type"] != "DEPOSIT"
    assert (paid(position) == 0.0) == begins
    assert found.missing == 0
    assert found.totals["total"] == pytest.approx(change + paid(position), abs=1e-9 * position["notional"])


@pytest.mark.parametrize("position", [rates_books.FLOATER, rates_books.SWAP])
def test_a_rate_that_is_fixed_in_between_is_carry(position: dict[str, Any]) -> None:
    """Nothing is paid from 12 to 14 March, when the rate of the period from 15 March is fixed, far off the forward rate."""
    first, last = date(2026, 3, 12), date(2026, 3, 14)
    position = position | {"fixing_days": 1, "fixing_calendar": "WEEKENDS"}
    fixed = rates_books.fixed_days(last)
    fixed["USD-SOFR-3M"]["2026-03-13"] = 0.09
    before, after = market(valuation=first), market(valuation=last, fixings=fixed)
    found = explained([position], first, last, before, after)
    change = value(position, last, after) - value(position, first, before)
    assert found.totals["carry"] == found.totals["total"] == pytest.approx(change, abs=1e-6)
    assert abs(change) > 1_000_000 * 0.04 / 4


def test_a_loan_has_prepaid_nothing_since_its_notional_is_the_same_on_both_dates() -> None:
    plain = LOAN | {"currency": "USD", "start_date": "2024-01-15", "maturity_date": "2034-01-15"}
    prepaying = plain | {"cpr": 0.12}
    found = explained([prepaying])
    change = value(prepaying, AFTER, moved(AFTER)) - value(prepaying, BEFORE, market(valuation=BEFORE))
    assert found.totals["total"] == pytest.approx(change + paid(plain), abs=1e-6)


def test_a_forward_that_matures_in_between_is_settled_and_what_it_bought_moves_with_the_spot() -> None:
    """2 million euros at 1.1 dollars, which are still there."""
    forward = FORWARD | {"maturity_date": "2026-03-15"}
    found = explained([forward])
    assert found.totals["fx"] == pytest.approx(2_000_000 * (1.12 - 1.0875))
    total = 2_000_000 * (1.12 - 1.1) - value(forward, BEFORE, market(valuation=BEFORE))
    assert found.totals["total"] == pytest.approx(total)
    assert found.totals["unexplained"] == pytest.approx(0.0, abs=1e-6)


def test_a_swap_keeps_its_far_leg() -> None:
    swap = fx_books.SWAP | {"near_date": "2026-03-16"}
    found = explained([swap])
    change = value(swap, AFTER, moved(AFTER)) - value(swap, BEFORE, market(valuation=BEFORE))
    assert found.totals["total"] == pytest.approx(change + 5_000_000 * (1.12 - 1.088), abs=1e-5)


@pytest.mark.parametrize(("settled", "payment"), [("USD", 1.105 - 1.1), ("EUR", (1 - 1.1 / 1.105) * 1.12)])
def test_a_forward_that_is_fixed_and_settled_in_between_pays_what_was_fixed(settled: str, payment: float) -> None:
    ndf = fx_books.NDF | {"settlement_currency": settled, "fixing_date": "2026-03-13", "maturity_date": "2026-03-17"}
    before, after = market(valuation=BEFORE), moved(AFTER, fixings=FIXED)
    spot = 1.0875 if settled == "EUR" else 1.0
    found = explained([ndf], before=before, after=after)
    assert found.totals["total"] == pytest.approx(3_000_000 * payment - value(ndf, BEFORE, before) * spot, abs=1e-5)
    unfixed = explained([ndf], before=before, after=moved(AFTER))
    assert unfixed.missing == 1


@pytest.mark.parametrize(("option_type", "gain"), [("call", 0.07), ("put", 0.0)])
def test_an_option_that_expires_in_between_is_exercised_at_the_spot_that_it_is_told_at(option_type: str, gain: float) -> None:
    option = fx_books.OPTION | {"strike": 1.05, "option_type": option_type}
    option |= {"expiry_date": "2026-03-16", "delivery_date": "2026-03-16"}
    found = explained([option])
    before = value(option, BEFORE, market(valuation=BEFORE))
    assert found.totals["total"] == pytest.approx(1_000_000 * gain - before, rel=1e-9)
    assert found.totals["fx"] == pytest.approx(1_000_000 * (gain and 0.07 - 0.0375), rel=1e-9)


def test_a_premium_of_protection_is_paid_and_an_upfront_too() -> None:
    """On 20 March 90 days of 1 % on 10 million, and 2 % upfront on the 16th."""
    swap = cds_books.CDS | {"upfront": 0.02, "upfront_date": "2026-03-16"}
    found = explained([swap])
    change = value(swap, AFTER, moved(AFTER)) - value(swap, BEFORE, market(valuation=BEFORE))
    assert found.totals["total"] == pytest.approx(change - 25_000.0 - 200_000.0, abs=1e-4)


def test_what_was_over_before_and_what_begins_later_is_there_with_its_value() -> None:
    book = [*OVER, *AHEAD]
    found = explained(book)
    assert found.missing == 0
    assert [found.profits[name][: len(OVER)].tolist() for name in COMPONENTS] == [[0.0] * len(OVER)] * len(COMPONENTS)
    assert (found.profits["total"][len(OVER) :] != 0.0).all()


LACKING = {
    "a fixing in between": (rates_books.FLOATER, {}, {"fixings": rates_books.fixed_days(BEFORE)}),
    "no spot on the earlier day": (FORWARD, {"fx_spot": {"GBPUSD": 1.27}}, {}),
    "no spot on the later day": (FORWARD, {}, {"fx_spot": {"GBPUSD": 1.27}}),
    "no vols on the later day": (fx_books.OPTION, {}, {"fx_vols": {}}),
    "no hazards on the earlier day": (cds_books.CDS, {"credit_curves": {}}, {}),
    "no price on the later day": (fx_books.SHARES, {}, {"equities": {}}),
    "no curve on the later day": (BOND, {}, {"curves": {}}),
}


@pytest.mark.parametrize("name", list(LACKING))
def test_a_position_without_a_value_on_one_of_the_days_counts_in_no_component(name: str) -> None:
    position, before, after = LACKING[name]
    sound = fx_books.CASH
    first, last = market(valuation=BEFORE, **before), moved(AFTER, **{"fx_spot": NEW_SPOTS} | after)
    found = explained([position, sound], before=first, after=last, currency="EUR")
    assert found.missing == 1
    assert found.totals == explained([sound], before=first, after=last, currency="EUR").totals
    assert all(np.isnan(each).tolist() == [True, False] for each in found.profits.values())


@settings(max_examples=10)
@given(
    st.lists(random_positions, min_size=1, max_size=4),
    st.integers(0, 5),
    st.sampled_from(["USD", "EUR", "GBP"]),
)
def test_causes_and_the_unexplained_are_the_total_for_every_product(
    book: list[dict[str, Any]], days: int, currency: str
) -> None:
    last = VALUATION + timedelta(days)
    found = explained([*book, *BOOK], VALUATION, last, market(valuation=VALUATION), moved(last), currency)
    known = ~np.isnan(found.profits["total"])
    assert found.missing == int((~known).sum())
    parts = np.sum([found.profits[name][known] for name in COMPONENTS if name != "total"], axis=0)
    scale = np.array([abs(each.get("notional", 1e6)) for each in [*book, *BOOK]])[known]
    np.testing.assert_allclose((parts - found.profits["total"][known]) / scale, 0.0, rtol=0, atol=1e-9)
    assert sum(found.totals[name] for name in COMPONENTS[:-1]) == pytest.approx(found.totals["total"], abs=1e-9 * scale.sum())


def test_spots_alone_move_nothing_that_is_paid_in_one_currency() -> None:
    found = explained(IN_DOLLARS, after=market(valuation=AFTER, fx_spot=SPOTS | {"EURUSD": 1.3}))
    assert found.totals["fx"] == 0.0
