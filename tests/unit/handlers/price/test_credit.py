"""Bonds and loans on credit curves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.market import Market
from handlers.price.engine import price_run
from handlers.price.market import MarketData
from handlers.price.portfolio import Portfolio
from handlers.price.sheet import PricedRun
from tests.unit.handlers.price.books import BOND, CURVES, VALUATION, lending, market, priced, scenarios, world

MEASURES = ("PV", "DV01", "CS01", "KRD")


def on_curves(
    book: list[dict[str, Any]], issuers: dict[str, Any], ratings: dict[str, Any], *shocks: list[dict[str, Any]]
) -> PricedRun:
    with_credit = {
        "credit_curves": Market.model_validate(
            market().model_dump() | {"credit_curves": {"issuers": issuers, "ratings": ratings}}
        ).credit_curves
    }
    of = market().model_copy(update=with_credit)
    return price_run(Portfolio.from_records(book), of, scenarios(*shocks), MEASURES, VALUATION)


def spread(rates: dict[str, float], kind: str = "spread", interpolation: str = "linear_zero") -> dict[str, Any]:
    return {"kind": kind, "interpolation": interpolation, "pillars": list(rates), "rates": list(rates.values())}


@settings(max_examples=50)
@given(st.one_of(lending("FIXED_BOND"), lending("AMORT_LOAN")), st.floats(-0.01, 0.08))
def test_a_spread_curve_is_added_to_the_zero_rate(position: dict[str, Any], slope: float) -> None:
    """On the pillars of the discount curve both add up to a curve of their own."""
    own = CURVES[position["currency"]]
    spreads = {pillar: 0.01 + slope * place for place, pillar in enumerate(own)}
    both = {pillar: rate + spreads[pillar] for pillar, rate in own.items()}
    risky = on_curves([position | {"issuer": "ACME"}], {"ACME": spread(spreads)}, {}, [], [{"kind": "credit_spread", "bp": 9}])
    plain = priced(
        [position],
        [],
        [{"kind": "credit_spread", "bp": 9}],
        measures=MEASURES,
        in_market=world(curves=CURVES | {position["currency"]: both}),
    )
    np.testing.assert_allclose(risky.values, plain.values, rtol=1e-12, atol=1e-9 * abs(position["notional"]))
    assert risky.error == plain.error


def test_an_issuers_curve_goes_before_its_ratings_and_without_either_there_is_none() -> None:
    issuers, ratings = {"ACME": spread({"2030-01-15": 0.02})}, {"BBB": spread({"2030-01-15": 0.01})}
    book = [
        BOND | {"issuer": "ACME", "rating": "BBB"},
        BOND | {"issuer": "Zeta", "rating": "BBB", "credit_spread": 0.003},
        BOND | {"rating": "AAA"},
        BOND | {"currency": "EUR", "issuer": "ACME"},
    ]
    run = on_curves(book, issuers, ratings)
    flat = priced(
        [
            BOND | {"credit_spread": 0.02},
            BOND | {"credit_spread": 0.013},
            BOND,
            BOND | {"currency": "EUR", "credit_spread": 0.02},
        ],
        measures=MEASURES,
    )
    np.testing.assert_allclose(run.values, flat.values, rtol=1e-12)


def test_bonds_pass_over_hazard_curves() -> None:
    hazards = {"ACME": spread({"2030-01-15": 0.02}, kind="hazard")}
    run = on_curves([BOND | {"issuer": "ACME", "rating": "BBB"}], hazards, {"BBB": spread({"2030-01-15": 0.01})})
    assert run.values[0, 0] == pytest.approx(priced([BOND | {"credit_spread": 0.01}]).values[0, 0])


def test_a_shock_of_an_issuer_moves_its_bonds_and_no_others() -> None:
    issuers = {"ACME": spread({"2030-01-15": 0.02}), "Zeta": spread({"2030-01-15": 0.01})}
    book = [BOND | {"issuer": name} for name in ("ACME", "Zeta", "Eta")]
    run = on_curves(book, issuers, {}, [], [{"kind": "credit_spread", "bp": 100, "issuer": "ACME"}])
    present = run.values[[run.measure[row] == "PV" for row in range(len(run.measure))]]
    assert present[0, 1] == pytest.approx(priced([BOND | {"credit_spread": 0.03}]).values[0, 0])
    assert (present[1:, 0] == present[1:, 1]).all()


def test_a_name_that_is_none_is_a_fault_of_its_position() -> None:
    run = priced([BOND | {"issuer": "a\nb"}, BOND | {"rating": 5}, BOND | {"issuer": None, "rating": None}])
    sentence = "must be a name of 1 to 256 printable characters, not"
    assert run.error_detail == [f"issuer: {sentence} 'a\\nb'", f"rating: {sentence} 5", None]


def test_spreads_that_no_scenario_moves_come_to_what_they_do_beside_some_that_move() -> None:
    issuers = {"ACME": spread({"2027-01-15": 0.02, "2031-01-15": 0.03}), "Zeta": spread({"2030-01-15": 0.01})}
    book = [BOND | {"issuer": "ACME"}, BOND | {"currency": "EUR"}, BOND | {"issuer": "Zeta", "credit_spread": 0.003}]
    rates = [[], [{"kind": "rate_parallel", "bp": 40}], [{"kind": "credit_spread", "bp": 9}]]
    still = on_curves(book, issuers, {}, *rates)
    moved = on_curves(book, issuers, {}, *rates, [{"kind": "credit_spread", "bp": 30, "issuer": "Zeta"}])
    np.testing.assert_allclose(still.values, moved.values[:, :3], rtol=1e-12)
    zeta = moved.values[np.flatnonzero(moved.row_no == 2)[0]]
    assert zeta[3] < zeta[0]


def test_shocks_of_issuers_that_no_position_names_move_nothing_and_are_none_the_less_known() -> None:
    issuers = {"ACME": spread({"2030-01-15": 0.02}), "Zeta": spread({"2030-01-15": 0.01}) | {"rating": "BB"}}
    shocks = [[{"kind": "credit_spread", "bp": 30} | whom] for whom in ({"issuer": "Zeta"}, {"rating": "BB"}, {"rating": "B"})]
    found = on_curves([BOND | {"issuer": "ACME"}], issuers, {"A": spread({"2030-01-15": 0.04})}, [], *shocks)
    pv = found.values[0]
    assert pv[0] == pv[1] == pv[2]
    assert np.isnan(pv[3])
    assert found.error_detail[0] == "scenario s3: no credit curve of rating B"


def test_only_the_credit_curves_that_positions_name_become_arrays() -> None:
    issuers = {f"I{number}": spread({"2030-01-15": 0.02}) for number in range(20)}
    content = market().model_dump() | {"credit_curves": {"issuers": issuers, "ratings": {"A": issuers["I1"]}}}
    data = MarketData.of(Market.model_validate(content), scenarios([]), VALUATION, credit={"I3", "I4", "A"})
    assert sorted(data.spreads.names) == ["A", "I3", "I4"]
