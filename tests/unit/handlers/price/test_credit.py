"""Bonds and loans on credit curves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.market import Market
from handlers.price.engine import price_run
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
