"""A market that has something of everything, and what scenarios make of it."""

from __future__ import annotations

from typing import Any

from events.market import Market
from handlers.price.market import MarketData
from tests.unit.handlers.price.books import VALUATION, scenarios

PILLARS = ["2027-01-15", "2028-01-15", "2031-01-15", "2036-01-15"]
ZERO = {"interpolation": "linear_zero", "compounding": "continuous", "day_count": "ACT/365F"}
CREDIT = {"interpolation": "linear_zero", "pillars": PILLARS[:2]}
MARKET = {
    "snapshot_id": "eod",
    "as_of": "2026-01-15",
    "curves": {
        "USD": ZERO | {"pillars": PILLARS, "zero_rates": [0.01, 0.02, 0.03, 0.04]},
        "EUR": ZERO | {"pillars": PILLARS[:1], "zero_rates": [0.02]},
    },
    "projection_curves": {
        "USD-SOFR-3M": ZERO | {"currency": "USD", "pillars": ["2026-07-15", *PILLARS[1:3]], "zero_rates": [0.01, 0.02, 0.03]},
        "CHF-SARON": ZERO | {"currency": "CHF", "pillars": PILLARS[:1], "zero_rates": [0.0]},
    },
    "credit_curves": {
        "issuers": {
            "ACME": CREDIT | {"kind": "spread", "rates": [0.01, 0.02], "rating": "BBB"},
            "Zeta": CREDIT | {"kind": "hazard", "rates": [0.03, 0.04]},
            "BBB": CREDIT | {"kind": "spread", "rates": [0.05, 0.06]},
        },
        "ratings": {
            "BBB": CREDIT | {"kind": "spread", "rates": [0.015, 0.025]},
            "CCC": CREDIT | {"kind": "hazard", "rates": [0.1, 0.2]},
        },
    },
    "fx_spot": {"EURUSD": 1.25, "USDJPY": 160.0},
    "fx_vols": {
        "EURUSD": {"flat": 0.1},
        "USDJPY": {"expiries": PILLARS[:2], "deltas": [0.25, 0.75], "vols": [[0.1, 0.2], [0.11, 0.21]]},
    },
    "equities": {"AAPL": {"currency": "USD", "price": 200.0}, "SAP": {"currency": "EUR", "price": 100.0}},
}


def shocked(*sets: list[dict[str, Any]]) -> MarketData:
    return MarketData.of(Market.model_validate(MARKET), scenarios(*sets), VALUATION)
