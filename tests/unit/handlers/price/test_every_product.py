"""What holds for every product on every kind of curve: bumps are what shocks of the same size make."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from events.market import Market
from handlers.price.engine import price_run
from handlers.price.interpolation import INTERPOLATIONS
from handlers.price.portfolio import Portfolio
from handlers.price.pricers import registered_types
from handlers.price.sheet import PricedRun
from tests.unit.handlers.price import cds_books, fx_books, rates_books
from tests.unit.handlers.price.books import BOND, CURVES, DEPOSIT, FORWARD, LOAN, SPOTS, VALUATION, ZERO_BOND, scenarios

# The pillars of projection curves are days that no discount curve has, so that a node shock moves one curve alone.
PROJECTIONS = {
    "USD-SOFR-3M": ("USD", {"2026-07-16": 0.0352, "2027-07-16": 0.036, "2029-01-16": 0.0341, "2036-01-16": 0.0401}),
    "EURIBOR-6M": ("EUR", {"2027-02-28": 0.022, "2029-02-28": 0.028, "2031-08-31": 0.026}),
}
CREDIT = {"2027-01-15": 0.011, "2028-06-15": 0.019, "2031-01-15": 0.017}
BOOK = [
    BOND,
    BOND | {"issuer": "Spread AG"},
    ZERO_BOND,
    LOAN,
    LOAN | {"issuer": "Spread AG", "amortization": "straight_line"},
    DEPOSIT,
    FORWARD,
    rates_books.FLOATER,
    rates_books.SWAP,
    rates_books.SWAP | {"currency": "EUR", "index": "EURIBOR-6M", "floating_frequency": 2},
    fx_books.SWAP,
    fx_books.NDF,
    fx_books.OPTION,
    fx_books.SHARES,
    fx_books.CASH,
    cds_books.CDS,
]


def market(interpolation: str) -> Market:
    named = {"interpolation": interpolation, "compounding": "continuous", "day_count": "ACT/365F"}

    def curve(rates: dict[str, float]) -> dict[str, Any]:
        return named | {"pillars": list(rates), "zero_rates": list(rates.values())}

    def credit(kind: str) -> dict[str, Any]:
        rates = {"pillars": list(CREDIT), "rates": list(CREDIT.values())}
        return rates | {"kind": kind, "interpolation": interpolation}

    return Market.model_validate(
        {
            "snapshot_id": "eod",
            "as_of": "2026-01-15",
            "curves": {name: curve(rates) for name, rates in CURVES.items()},
            "projection_curves": {name: curve(rates) | {"currency": code} for name, (code, rates) in PROJECTIONS.items()},
            "credit_curves": {"issuers": {"Spread AG": credit("spread"), "ACME": credit("hazard")}},
            "fx_spot": SPOTS,
            "fx_vols": fx_books.VOLS,
            "fixings": fx_books.FIXINGS | rates_books.fixed_days(VALUATION),
            "equities": fx_books.EQUITIES,
        }
    )


def priced(interpolation: str, *sets: list[dict[str, Any]], measures: tuple[str, ...] = ("PV",)) -> PricedRun:
    return price_run(Portfolio.from_records(BOOK), market(interpolation), scenarios(*sets), measures, VALUATION, None)


def test_the_book_has_every_product() -> None:
    assert {position["product_type"] for position in BOOK} == set(registered_types())


@pytest.mark.parametrize("interpolation", list(INTERPOLATIONS))
def test_dv01_and_key_rates_are_the_differences_that_shocks_make(interpolation: str) -> None:
    nodes = [(name, day) for name, curve in CURVES.items() for day in curve]
    nodes += [(code, day) for code, curve in PROJECTIONS.values() for day in curve]
    sets = [[{"kind": "rate_node", "currency": name, "pillar": day, "bp": 1.0}] for name, day in nodes]
    everywhere = [{"kind": "rate_parallel", "currency": "*", "bp": 1.0}]
    moved = priced(interpolation, [], everywhere, *sets).values
    run = priced(interpolation, measures=("DV01", "KRD"))
    for row, position in enumerate(BOOK):
        close = {"rtol": 0, "atol": 1e-10 * abs(position.get("notional", 1e6))}
        assert np.isfinite(moved[row]).all(), position
        changes = dict(zip(nodes, moved[row, 2:] - moved[row, 0], strict=True))
        rows = np.flatnonzero(run.row_no == row)
        found = {(run.measure[each], run.bucket[each]): run.values[each, 0] for each in rows if run.error[each] is None}
        if position["product_type"] in ("EQUITY", "CASH"):
            continue
        np.testing.assert_allclose(found.pop(("DV01", "")), moved[row, 1] - moved[row, 0], **close, err_msg=str(position))
        own = position.get("currency") or position["quote_currency"]
        for (_, bucket), change in found.items():
            name, _, day = bucket.rpartition(":")
            code = PROJECTIONS[name][0] if name in PROJECTIONS else name or own
            np.testing.assert_allclose(change, changes.pop((code, day)), **close, err_msg=f"{bucket} {position}")
        np.testing.assert_allclose(list(changes.values()), 0.0, **close, err_msg=str(position))
