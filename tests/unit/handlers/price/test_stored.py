from __future__ import annotations

from typing import Any

import pytest

from events.run import RunRequested
from handlers.price.stored import kept_request, requested_run, snapshot_of
from tests.unit.handlers.price.books import BOND, market

CURVE = {"interpolation": "linear_zero", "compounding": "continuous", "day_count": "ACT/365F"}
CREDIT = {"kind": "hazard", "interpolation": "linear_zero", "pillars": ["2027-01-15"], "rates": [0.01]}
MARKET = {
    "snapshot_id": "eod",
    "as_of": "2026-01-15",
    "curves": {"USD": CURVE | {"pillars": ["2026-01-15", "2031-01-15"], "zero_rates": [0.03, 1 / 3]}},
    "projection_curves": {"USD-SOFR-3M": CURVE | {"currency": "USD", "pillars": ["2026-01-15"], "zero_rates": [0.03]}},
    "credit_curves": {"issuers": {"ACME": CREDIT}, "ratings": {}},
    "fx_spot": {"EURUSD": 1.0875},
    "fixings": {"USD-SOFR-3M": {"2026-01-02": 0.0431}},
    "equities": {"AAPL": {"currency": "USD", "price": 190.0}},
}
SHOCKS = [
    {"kind": "rate_parallel", "bp": 100},
    {"kind": "rate_node", "currency": "USD", "pillar": "2031-01-15", "bp": 25},
    {"kind": "fx", "pair": "EURUSD", "relative": 0.1},
]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"market": {"uri": "markets/eod.json"}, "portfolio": {"uri": "b.csv", "sha256": "0" * 64}},
        {"market": {"snapshot_id": "eod"}, "portfolio": {"portfolio_id": "book"}},
        {"group_by": ["desk"], "reporting_currency": "EUR", "scenarios": [{"id": "s", "shocks": SHOCKS}]},
    ],
)
def test_what_is_kept_of_a_request_is_the_request(changes: dict[str, Any]) -> None:
    asked = {
        "run_id": "0197b2a0-0000-7000-8000-000000000001",
        "valuation_date": "2026-01-15",
        "portfolio": {"positions": [BOND | {"desk": 'say "rates"', "size": 10**18, "odd": [None, {"x": 1e-300}]}]},
        "market": {"snapshot": MARKET},
        "measures": ["PV", "KRD"],
    }
    run = RunRequested.model_validate(asked | changes)
    assert requested_run(kept_request(run)) == run


def test_a_market_has_one_hash_whatever_it_is_called() -> None:
    one, same = market(), market().model_copy(update={"snapshot_id": "other"})
    other = market().model_copy(update={"fx_spot": {"EURUSD": 2.0}})
    assert snapshot_of(one).sha256 == snapshot_of(same).sha256 != snapshot_of(other).sha256
    assert (snapshot_of(same).snapshot_id, len(snapshot_of(one).sha256)) == ("other", 32)
