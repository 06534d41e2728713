"""The components of a book's profit and loss, each against what it must be when nothing else moves."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.price.portfolio import Portfolio
from handlers.price.risk.explain import COMPONENTS, PARTS, Explained, Snapshot, components, explain, stages
from tests.unit.handlers.price.books import BOND, FORWARD, LOAN, VALUATION, market, positions, value, world
from tests.unit.handlers.price.oracle import World

NEXT = date(2026, 1, 16)
TODAY = world()
UP = TODAY.all_moved(0.0025)
STRONGER = replace(TODAY, spots=TODAY.spots | {"EURUSD": 1.10})


def explained(
    book: list[dict[str, Any]], after: World, day: date = VALUATION, before: World = TODAY, reporting: str = "USD"
) -> Explained:
    one, other = Snapshot(market(before), VALUATION), Snapshot(market(replace(after, valuation=day.isoformat())), day)
    return explain(Portfolio.from_records(book), one, other, reporting)


def test_nothing_moves_and_nothing_is_made() -> None:
    found = explained([BOND, LOAN, FORWARD], TODAY)
    assert found.totals == dict.fromkeys(COMPONENTS, 0.0)
    assert found.missing == 0


def test_a_day_that_moves_nothing_is_carry() -> None:
    found = explained([BOND], TODAY, NEXT)
    later = value(BOND, valuation=NEXT, in_market=TODAY)
    assert found.totals["carry"] == found.totals["total"] == pytest.approx(later - value(BOND), rel=1e-12)
    assert 0.0 < found.totals["carry"] < 1_000_000 * 0.05 / 365
    assert [found.totals[name] for name in (*PARTS, "unexplained")] == [0.0] * 6


def test_rates_alone_are_the_difference_that_they_make() -> None:
    found = explained([BOND, FORWARD], UP)
    expected = sum(value(each, in_market=UP) - value(each) for each in (BOND, FORWARD))
    assert found.totals["rates"] == found.totals["total"] == pytest.approx(expected, rel=1e-12)


def test_a_spot_moves_forwards_and_all_that_is_held_in_another_currency() -> None:
    found = explained([LOAN, FORWARD, BOND], STRONGER)
    loan = value(LOAN) * (1.10 - 1.0875)
    forward = value(FORWARD, in_market=STRONGER) - value(FORWARD)
    assert found.profits["fx"].tolist() == pytest.approx([loan, forward, 0.0])
    assert found.totals["total"] == pytest.approx(loan + forward)


def test_credit_curves_are_a_component_of_their_own() -> None:
    curve = {"kind": "spread", "interpolation": "linear_zero", "pillars": ["2030-01-15"]}

    def snapshot(rate: float) -> Snapshot:
        data = market().model_dump() | {"credit_curves": {"issuers": {"ACME": curve | {"rates": [rate]}}}}
        return Snapshot(type(market()).model_validate(data), VALUATION)

    found = explain(Portfolio.from_records([BOND | {"issuer": "ACME"}]), snapshot(0.01), snapshot(0.02), "USD")
    expected = value(BOND | {"credit_spread": 0.02}) - value(BOND | {"credit_spread": 0.01})
    assert found.totals["credit"] == found.totals["total"] == pytest.approx(expected, rel=1e-12)


def test_what_two_parts_make_together_is_unexplained() -> None:
    """A euro bond that loses 1 % in euros gains on the euro that much less."""
    both = replace(UP, spots=STRONGER.spots)
    euro = BOND | {"currency": "EUR"}
    found = explained([euro], both)
    before, moved = value(euro), value(euro, in_market=UP)
    assert found.totals["unexplained"] == pytest.approx((moved - before) * (1.10 - 1.0875), rel=1e-9)
    assert found.totals["total"] == pytest.approx(moved * 1.10 - before * 1.0875, rel=1e-12)


@settings(max_examples=20)
@given(
    st.lists(positions, min_size=1, max_size=4),
    st.floats(-0.01, 0.01),
    st.floats(0.8, 1.3),
    st.integers(0, 4),
    st.sampled_from(["USD", "EUR", "GBP"]),
)
def test_components_add_up_to_the_difference_of_the_values(
    book: list[dict[str, Any]], shift: float, factor: float, days: int, reporting: str
) -> None:
    day = date.fromordinal(VALUATION.toordinal() + days)
    after = replace(TODAY.all_moved(shift), spots={pair: spot * factor for pair, spot in TODAY.spots.items()})
    found = explained(book, after, day, reporting=reporting)
    parts = [found.profits[name] for name in COMPONENTS if name != "total"]
    scale = sum(abs(position["notional"]) for position in book)
    np.testing.assert_allclose(np.sum(parts, axis=0), found.profits["total"], rtol=0, atol=1e-9 * scale)
    assert sum(found.totals[name] for name in COMPONENTS[:-1]) == pytest.approx(found.totals["total"], abs=1e-9 * scale)


def test_a_position_without_a_value_on_any_of_the_way_is_left_out_of_all_components() -> None:
    no_euro = replace(UP, curves={name: curve for name, curve in UP.curves.items() if name != "EUR"})
    found = explained([BOND, LOAN, BOND | {"coupon": None}, BOND | {"product_type": "SWAPTION"}], no_euro)
    assert found.missing == 3
    assert found.totals == explained([BOND], UP).totals
    for profits in found.profits.values():
        assert np.isnan(profits).tolist() == [False, True, True, True]


def test_a_position_that_cannot_be_converted_is_left_out_unless_it_is_worth_nothing() -> None:
    no_spots = replace(TODAY, spots={"GBPUSD": 1.27})
    over = LOAN | {"maturity_date": "2025-01-31"}
    found = explained([LOAN, over, BOND], UP, before=no_spots)
    assert np.isnan(found.profits["total"]).tolist() == [True, False, False]
    assert found.profits["total"][1] == 0.0


def test_new_fixings_are_known_from_the_start() -> None:
    old, new = market(), market().model_copy(update={"fixings": {"SOFR": {VALUATION: 0.04}}})
    found = stages(Snapshot(old, VALUATION), Snapshot(new, NEXT))
    assert list(found) == ["carry", *PARTS, "after"]
    assert all(each.market.fixings == new.fixings and each.valuation == NEXT for each in found.values())
    assert found["rates"].market.curves is new.curves
    assert found["rates"].market.fx_spot is old.fx_spot


def test_components_are_functions_of_the_values_alone() -> None:
    values = {"before": [10.0, 1.0], "carry": [11.0, 1.0], "after": [20.0, 1.0]}
    values |= {"rates": [13.0, 1.0], "credit": [11.0, np.nan], "fx": [15.0, 1.0], "vols": [11.0, 1.0], "equities": [11.0, 1.0]}
    found = components({name: np.array(each) for name, each in values.items()})
    assert {name: float(each[0]) for name, each in found.items()} == {
        "carry": 1.0,
        "rates": 2.0,
        "credit": 0.0,
        "fx": 4.0,
        "vols": 0.0,
        "equities": 0.0,
        "unexplained": 3.0,
        "total": 10.0,
    }
    assert all(np.isnan(each[1]) for each in found.values())
