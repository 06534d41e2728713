"""What each shock moves, by how much, and what it says when the market does not have that."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.price.currencies import currency_code
from handlers.price.curves import Curves
from handlers.price.market import MarketData
from handlers.price.names import issuer_code, name_code, rating_code
from tests.unit.handlers.price.books import VALUATION, scenarios, shocks
from tests.unit.handlers.price.books import market as plain_market
from tests.unit.handlers.price.shocked_market import PILLARS, shocked

BP = 1e-4


def rates(curves: Curves, code: int, scenario: int = 0) -> list[float]:
    curve = int(curves.find(np.array([code]))[0])
    return [float(rate) for rate in curves.rates[slice(*curves.bounds[curve : curve + 2]), scenario]]


def moved(curves: str, code: int, *some: dict[str, Any]) -> list[float]:
    """By how many basis points the rates of a curve move under one scenario of these shocks."""
    data = shocked([], list(some))
    assert data.unavailable == {}
    before, after = (rates(getattr(data, curves), code, scenario) for scenario in (0, 1))
    return [round((new - old) / BP, 9) for old, new in zip(before, after, strict=True)]


USD, SOFR, SARON = currency_code("USD"), name_code("USD-SOFR-3M"), name_code("CHF-SARON")


def test_a_parallel_shock_of_a_currency_moves_its_discount_and_projection_curves() -> None:
    shock = {"kind": "rate_parallel", "bp": 10, "currency": "USD"}
    assert moved("curves", USD, shock) == [10] * 4
    assert moved("projections", SOFR, shock) == [10] * 3
    assert moved("projections", SARON, shock) == [0]
    assert moved("projections", SARON, {"kind": "rate_parallel", "bp": 10, "currency": "*"}) == [10]
    assert moved("projections", SARON, {"kind": "rate_parallel", "bp": 10, "currency": "CHF"}) == [10]


def test_a_node_shock_moves_that_pillar_on_every_curve_that_has_it() -> None:
    shock = {"kind": "rate_node", "currency": "USD", "bp": 25}
    assert moved("curves", USD, shock | {"pillar": "2028-01-15"}) == [0, 25, 0, 0]
    assert moved("projections", SOFR, shock | {"pillar": "2028-01-15"}) == [0, 25, 0]
    assert moved("projections", SOFR, shock | {"pillar": "2026-07-15"}) == [25, 0, 0]
    assert moved("curves", USD, shock | {"pillar": "2026-07-15"}) == [0] * 4


def test_a_triangle_is_linear_between_its_corners() -> None:
    """2028-01-15 is 365 of 1,461 days from 2027-01-15 to 2031-01-15."""
    shock = {"kind": "rate_triangle", "currency": "USD", "bp": 30}
    assert moved("curves", USD, shock | {"left": PILLARS[0], "centre": PILLARS[2], "right": PILLARS[3]}) == [
        0,
        pytest.approx(30 * 365 / 1461),
        30,
        0,
    ]
    assert moved("projections", SOFR, shock | {"left": PILLARS[0], "centre": PILLARS[2], "right": PILLARS[3]})[0] == 0


def test_a_triangle_without_a_corner_is_flat_on_that_side() -> None:
    shock = {"kind": "rate_triangle", "currency": "USD", "centre": PILLARS[1], "bp": 30}
    assert moved("curves", USD, shock | {"right": PILLARS[2]}) == [30, 30, 0, 0]
    assert moved("curves", USD, shock | {"left": PILLARS[0]}) == [0, 30, 30, 30]
    assert moved("curves", USD, shock) == [30] * 4


def test_tenors_are_counted_from_the_valuation_and_shocks_are_linear_between() -> None:
    """From 2026-01-15 on; 2028-01-15 is 365 of 1,461 days from 1Y to 5Y, 2036-01-15 lies after 5Y."""
    shock = {"kind": "rate_tenors", "currency": "USD", "bp": {"5Y": 10, "12M": -2, "26W": 4}}
    assert moved("curves", USD, shock) == pytest.approx([-2, -2 + 12 * 365 / 1461, 10, 10])
    assert moved("projections", SOFR, shock)[0] == pytest.approx(4)


@given(st.floats(-300, 300))
def test_triangles_side_by_side_add_up_to_a_parallel_shift(bp: float) -> None:
    corners = [None, *PILLARS, None]
    triangles = [
        {"kind": "rate_triangle", "currency": "USD", "left": left, "centre": centre, "right": right, "bp": bp}
        for left, centre, right in zip(corners, corners[1:], corners[2:], strict=False)
    ]
    assert moved("curves", USD, *triangles) == pytest.approx([bp] * 4, abs=1e-8)
    assert moved("projections", SOFR, *triangles) == pytest.approx([bp] * 3, abs=1e-8)


def test_a_twist_turns_about_its_pivot_and_every_curve_of_the_currency_turns_alike() -> None:
    """The pivot is 731 days after the first pillar and 2,556 days before the last; the index's first pillar is before both."""
    twist = {"kind": "rate_twist", "currency": "USD", "short_bp": -10, "long_bp": 20, "pivot": "2029-01-15"}
    long = 20 * 730 / 2556
    assert moved("curves", USD, twist) == pytest.approx([-10, -10 * 366 / 731, long, 20])
    assert moved("projections", SOFR, twist) == pytest.approx([-10, -10 * 366 / 731, long])


def test_a_credit_shock_moves_every_spread_or_one_issuers_or_one_ratings() -> None:
    everything, acme = {"kind": "credit_spread", "bp": 50}, {"kind": "credit_spread", "bp": 50, "issuer": "ACME"}
    data = shocked([everything], [acme])
    assert data.spread_shift.tolist() == [50 * BP, 0.0]
    assert moved("spreads", issuer_code("ACME"), everything) == [0, 0]
    assert moved("hazards", issuer_code("Zeta"), everything) == [50, 50]
    assert moved("spreads", issuer_code("ACME"), acme) == [50, 50]
    assert moved("hazards", issuer_code("Zeta"), {"kind": "credit_spread", "bp": 5, "issuer": "Zeta"}) == [5, 5]


def test_a_credit_shock_of_a_rating_moves_the_issuers_that_have_it_too() -> None:
    rating = {"kind": "credit_spread", "bp": 50, "rating": "BBB"}
    assert moved("spreads", rating_code("BBB"), rating) == [50, 50]
    assert moved("spreads", issuer_code("ACME"), rating) == [50, 50]
    assert moved("spreads", issuer_code("BBB"), rating) == [0, 0]
    assert moved("hazards", rating_code("CCC"), rating | {"rating": "CCC"}) == [50, 50]


def test_curves_that_no_scenario_moves_take_no_memory_by_scenario() -> None:
    data = shocked([{"kind": "rate_parallel", "bp": 1, "currency": "USD"}], *[[]] * 99)
    assert (data.spreads.rates.shape, data.spreads.rates.strides[1]) == ((6, 100), 0)
    assert data.curves.rates.strides[1] > 0


TWIST = {"kind": "rate_twist", "short_bp": 1, "long_bp": 1, "pivot": "2029-01-15"}
MISSING = [
    ({"kind": "rate_parallel", "bp": 1, "currency": "GBP"}, "no GBP curve"),
    ({"kind": "rate_node", "bp": 1, "currency": "GBP", "pillar": "2027-01-15"}, "no GBP curve"),
    ({"kind": "rate_node", "bp": 1, "currency": "USD", "pillar": "2027-01-16"}, "the USD curve has no pillar 2027-01-16"),
    ({"kind": "rate_triangle", "bp": 1, "currency": "GBP", "centre": "2027-01-15"}, "no GBP curve"),
    (
        {"kind": "rate_triangle", "bp": 1, "currency": "USD", "left": PILLARS[2], "centre": "2033-01-15", "right": PILLARS[3]},
        "no pillar of the USD curve lies within the triangle about 2033-01-15",
    ),
    ({"kind": "rate_tenors", "currency": "GBP", "bp": {"1Y": 1}}, "no GBP curve"),
    (TWIST | {"currency": "GBP"}, "no GBP curve"),
    (TWIST | {"currency": "CHF"}, "no CHF curve"),
    (TWIST | {"currency": "EUR"}, "the pillars of the EUR curve do not lie on both sides of 2029-01-15"),
    (
        TWIST | {"currency": "USD", "pivot": PILLARS[3]},
        f"the pillars of the USD curve do not lie on both sides of {PILLARS[3]}",
    ),
    ({"kind": "credit_spread", "bp": 1, "issuer": "acme"}, "no credit curve of issuer acme"),
    ({"kind": "credit_spread", "bp": 1, "rating": "ACME"}, "no credit curve of rating ACME"),
    ({"kind": "fx", "pair": "EURJPY", "absolute": 1}, "no EURJPY spot is quoted"),
    ({"kind": "vol", "pair": "EURJPY", "absolute": 1}, "no EURJPY vols"),
    ({"kind": "equity", "name": "MSFT", "relative": 0}, "no MSFT price"),
]


@pytest.mark.parametrize(("shock", "sentence"), MISSING)
def test_a_shock_of_what_the_market_does_not_have_spoils_its_scenario_alone(shock: dict[str, Any], sentence: str) -> None:
    fine = {"kind": "rate_parallel", "bp": 1, "currency": "USD"}
    assert shocked([fine], [fine, shock, TWIST | {"currency": "XXX"}], []).unavailable == {1: f"scenario s1: {sentence}"}


def test_all_of_nothing_is_nothing_to_miss() -> None:
    sets = scenarios([{"kind": "vol", "relative": 0.1}, {"kind": "equity", "relative": 0.1}])
    assert MarketData.of(plain_market(), sets, VALUATION).unavailable == {}


@given(st.lists(shocks, max_size=6), st.randoms())
def test_the_order_of_shocks_does_not_matter(some: list[dict[str, Any]], random: Any) -> None:
    mixed = random.sample(some, len(some))
    one, other = (MarketData.of(plain_market(), scenarios(each), VALUATION) for each in (some, mixed))
    np.testing.assert_allclose(one.curves.rates, other.curves.rates, atol=1e-15)
    np.testing.assert_allclose(one.spread_shift, other.spread_shift, atol=1e-15)
    for pair in one.spots:
        np.testing.assert_allclose(one.spots[pair], other.spots[pair], rtol=1e-14)
