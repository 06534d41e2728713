"""A book of every product, and a market that has all that they need, on any day and on every kind of curve."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from hypothesis import strategies as st

from events.market import Market
from handlers.price.engine import price_run
from handlers.price.portfolio import Portfolio
from handlers.price.sheet import PricedRun
from tests.unit.handlers.price import books, cds_books, fx_books, rates_books
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
# Of every product one that has matured on the valuation date or before; holdings do not.
OVER = [
    BOND | {"maturity_date": "2026-01-15"},
    ZERO_BOND | {"maturity_date": "2026-01-15"},
    LOAN | {"maturity_date": "2025-12-31"},
    DEPOSIT | {"maturity_date": "2026-01-15"},
    FORWARD | {"maturity_date": "2026-01-14"},
    rates_books.FLOATER | {"maturity_date": "2026-01-15"},
    rates_books.SWAP | {"maturity_date": "2026-01-15"},
    fx_books.SWAP | {"near_date": "2025-12-15", "far_date": "2026-01-15"},
    fx_books.NDF | {"fixing_date": "2026-01-13", "maturity_date": "2026-01-15"},
    fx_books.OPTION | {"expiry_date": "2026-01-15"},
    cds_books.CDS | {"maturity_date": "2026-01-15"},
]
# Of every product that starts one that does so after the valuation date.
AHEAD = [
    BOND | {"start_date": "2026-03-01"},
    LOAN | {"start_date": "2026-03-31"},
    DEPOSIT | {"start_date": "2026-03-15"},
    rates_books.FLOATER | {"start_date": "2026-03-15"},
    rates_books.SWAP | {"start_date": "2026-03-15"},
    fx_books.SWAP | {"near_date": "2026-03-15"},
    cds_books.CDS | {"start_date": "2026-03-20"},
]

random_positions: st.SearchStrategy[dict[str, Any]] = st.one_of(
    books.positions,
    rates_books.floating,
    fx_books.fx_positions,
    cds_books.swaps(),
    st.sampled_from([fx_books.SHARES, fx_books.CASH]),
)


def market(interpolation: str = "linear_zero", valuation: date = VALUATION, **changes: Any) -> Market:
    """All curves interpolated so; fixings are known until the valuation date. `changes` are parts of the snapshot."""
    named = {"interpolation": interpolation, "compounding": "continuous", "day_count": "ACT/365F"}

    def curve(rates: dict[str, float]) -> dict[str, Any]:
        return named | {"pillars": list(rates), "zero_rates": list(rates.values())}

    def credit(kind: str) -> dict[str, Any]:
        rates = {"pillars": list(CREDIT), "rates": list(CREDIT.values())}
        return rates | {"kind": kind, "interpolation": interpolation}

    parts = {
        "snapshot_id": "eod",
        "as_of": valuation.isoformat(),
        "curves": {name: curve(rates) for name, rates in CURVES.items()},
        "projection_curves": {name: curve(rates) | {"currency": code} for name, (code, rates) in PROJECTIONS.items()},
        "credit_curves": {"issuers": {"Spread AG": credit("spread"), "ACME": credit("hazard")}},
        "fx_spot": SPOTS,
        "fx_vols": fx_books.VOLS,
        "fixings": fx_books.FIXINGS | rates_books.fixed_days(valuation),
        "equities": fx_books.EQUITIES,
    }
    return Market.model_validate(parts | changes)


def priced(
    positions: Sequence[dict[str, Any]],
    *shocks: list[dict[str, Any]],
    measures: Sequence[str] = ("PV",),
    valuation: date = VALUATION,
    in_market: Market | None = None,
) -> PricedRun:
    """The run of these positions under scenarios s0, s1, … of these shocks (none: `base`)."""
    of = in_market or market(valuation=valuation)
    return price_run(Portfolio.from_records(positions), of, scenarios(*shocks), measures, valuation, None)
