"""Runs whose results are known without a pricer: forwards in a market without interest are worth spot less strike."""

from __future__ import annotations

from random import Random
from typing import Any
from uuid import UUID

import orjson

SPOT = 1.25
CURVE = {
    "interpolation": "linear_zero",
    "compounding": "continuous",
    "day_count": "ACT/365F",
    "pillars": ["2026-01-15"],
    "zero_rates": [0.0],
}
MARKET = {
    "snapshot_id": "flat",
    "as_of": "2026-01-15",
    "curves": {"USD": CURVE, "EUR": CURVE},
    "fx_spot": {"EURUSD": SPOT},
}
SOURCE = "/tests"


def position(draw: Random, name: str) -> dict[str, Any]:
    """A forward, or once in a while a product that nobody knows."""
    return {
        "position_id": name,
        "product_type": "NO_SUCH_THING" if draw.random() < 0.05 else "FX_FWD",
        "base_currency": "EUR",
        "quote_currency": "USD",
        "notional": draw.randrange(-1000, 1000) * 1000,
        "strike": draw.randrange(100, 150) / 100,
        "maturity_date": "2027-01-15",
    }


def run_data(draw: Random) -> dict[str, Any]:
    """The data of a run.requested event of one to four positions."""
    return {
        "run_id": str(UUID(int=draw.getrandbits(128), version=4)),
        "valuation_date": "2026-01-15",
        "portfolio": {"positions": [position(draw, f"p{number}") for number in range(draw.randint(1, 4))]},
        "market": {"snapshot": MARKET},
        "measures": ["PV"],
    }


def run_event(event_id: str, data: dict[str, Any]) -> bytes:
    """A run.requested event as JSON."""
    envelope = {
        "specversion": "1.0",
        "id": event_id,
        "source": SOURCE,
        "type": "run.requested.v1",
        "clientid": "acme",
        "data": data,
    }
    return orjson.dumps(envelope)


def expected_rows(data: dict[str, Any]) -> list[tuple[int, str, float | None]]:
    """Row number, position and PV (None: an error) of every row the run must have."""
    return [(place, each["position_id"], _value(each)) for place, each in enumerate(data["portfolio"]["positions"])]


def _value(forward: dict[str, Any]) -> float | None:
    if forward["product_type"] != "FX_FWD":
        return None
    return round(forward["notional"] * (SPOT - forward["strike"]), 4)
