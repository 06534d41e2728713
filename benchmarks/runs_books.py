"""What the benchmark of runs prices: markets, books and scenarios."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

PILLARS = ("2026-01-15", "2027-01-15", "2029-01-15", "2031-01-15", "2036-01-15", "2046-01-15", "2056-01-15")
RATES = {"USD": 0.036, "EUR": 0.021}
RATINGS = ("AA", "A", "BBB", "BB")
CURVE = {"interpolation": "linear_zero", "compounding": "continuous", "day_count": "ACT/365F", "pillars": PILLARS}
MARKET: dict[str, Any] = {
    "snapshot_id": "bench",
    "as_of": "2026-01-15",
    "curves": {
        name: CURVE | {"zero_rates": [rate + 0.001 * place for place in range(len(PILLARS))]} for name, rate in RATES.items()
    },
    "fx_spot": {"EURUSD": 1.0875},
}
ROW_GROUP = 50_000

Shocks = list[dict[str, Any]]


def issuers_market(issuers: int) -> dict[str, Any]:
    """The market with a spread curve of each of so many issuers, and a rating of each."""
    draw = np.random.default_rng(11)

    def curve(number: int) -> dict[str, Any]:
        spreads = np.round(draw.uniform(0.002, 0.02) + 0.0005 * np.arange(len(PILLARS)), 5).tolist()
        rating = RATINGS[number % len(RATINGS)]
        return {"kind": "spread", "interpolation": "linear_zero", "pillars": PILLARS, "rates": spreads, "rating": rating}

    return MARKET | {"credit_curves": {"issuers": {f"issuer-{number}": curve(number) for number in range(issuers)}}}


def rates_move(scenario: int) -> Shocks:
    """Every rate by so many basis points."""
    return [{"kind": "rate_parallel", "bp": scenario}]


def credit_moves(scenario: int) -> Shocks:
    """Every rate, and the spreads of all issuers of one rating."""
    return [*rates_move(scenario), {"kind": "credit_spread", "bp": 5 * scenario, "rating": RATINGS[scenario % len(RATINGS)]}]


def book(positions: int, issuers: int = 0, desks: int = 0) -> pa.Table:
    """Bonds of all lives, in two currencies, of so many issuers and desks."""
    draw = np.random.default_rng(7)
    years = draw.integers(1, 30, positions)
    months, days = draw.integers(1, 13, positions), draw.integers(1, 28, positions)
    maturity = [f"{2026 + year}-{month:02}-{day:02}" for year, month, day in zip(years, months, days, strict=True)]
    columns = {
        "position_id": [f"bond-{number:07}" for number in range(positions)],
        "product_type": pa.repeat("FIXED_BOND", positions),
        "currency": draw.choice(list(RATES), positions),
        "notional": draw.integers(1, 500, positions) * 10_000.0,
        "start_date": pa.repeat("2021-01-15", positions),
        "maturity_date": maturity,
        "coupon": np.round(draw.uniform(0.005, 0.07, positions), 4),
        "day_count": pa.repeat("30/360", positions),
        "frequency": draw.choice([1, 2, 4], positions),
        "stub": pa.repeat("short_first", positions),
    }
    if issuers:
        columns["issuer"] = [f"issuer-{number}" for number in draw.integers(0, issuers, positions)]
    if desks:
        columns["desk"] = [f"desk-{number}" for number in draw.permutation(np.arange(positions) % desks)]
    return pa.table(columns)


def parquet(table: pa.Table) -> bytes:
    """The book as a file, in row groups as other tools write them."""
    data = io.BytesIO()
    pq.write_table(table, data, row_group_size=ROW_GROUP)
    return data.getvalue()
