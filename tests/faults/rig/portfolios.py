"""Portfolios and markets drawn from a seed, small enough that plain formulas price them at once."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.faults.rig.formulas import compact

VALUATION = "2026-01-15"
# Of a run that is priced at once: more than the small ones of the rig have, and a fraction of what the large ones do.
SLICE_CELLS = 500
DESKS = ("north", "south", "west")
MARKET: dict[str, Any] = {
    "snapshot_id": "rig",
    "as_of": VALUATION,
    "curves": {
        name: {
            "interpolation": "linear_zero",
            "compounding": "continuous",
            "day_count": "ACT/365F",
            "pillars": ["2027-01-15", "2028-01-15", "2031-01-15"],
            "zero_rates": rates,
        }
        for name, rates in {"USD": [0.0365, 0.037, 0.0385], "EUR": [0.0215, 0.0225, 0.024]}.items()
    },
    "fx_spot": {"EURUSD": 1.0875},
}
SCENARIOS: list[dict[str, Any]] = [
    {"id": "base"},
    {"id": "up", "shocks": [{"kind": "rate_parallel", "bp": 100}]},
    {
        "id": "dollar",
        "shocks": [{"kind": "fx", "pair": "EURUSD", "relative": -0.1}, {"kind": "rate_parallel", "bp": -25, "currency": "USD"}],
    },
]


def run_data(draw: Random, run_id: str) -> dict[str, Any]:
    """The data of a run of one to four positions under one to three scenarios."""
    return {
        "run_id": run_id,
        "valuation_date": VALUATION,
        "reporting_currency": draw.choice(["USD", "EUR"]),
        "portfolio": {"positions": [position(draw, f"p{number}") for number in range(draw.randint(1, 4))]},
        "market": {"snapshot": MARKET},
        "scenarios": SCENARIOS[: draw.randint(1, 3)],
        "measures": ["PV", *draw.sample(["DV01", "ACCRUED", "FX_DELTA"], draw.randint(0, 2))],
    }


def large_run_data(draw: Random, run_id: str, positions: int, scenarios: int) -> dict[str, Any]:
    """A run that keeps a core busy for a while: forwards alone, under many scenarios."""
    shocks = [{"id": f"s{bp}", "shocks": [{"kind": "rate_parallel", "bp": bp}]} for bp in range(scenarios)]
    book = [_forward(draw, f"p{number}") for number in range(positions)]
    return run_data(draw, run_id) | {"portfolio": {"positions": book}, "scenarios": shocks, "measures": ["PV", "DV01"]}


def book(draw: Random, positions: int) -> list[dict[str, Any]]:
    """Positions of a large run, each with the desk that it belongs to."""
    return [position(draw, f"p{number}") | {"desk": draw.choice(DESKS)} for number in range(positions)]


def sliced_run_data(draw: Random, run_id: str, portfolio: dict[str, Any]) -> dict[str, Any]:
    """The data of a run of a `book`: at least four cells a position, and totals by desk."""
    return run_data(draw, run_id) | {
        "portfolio": portfolio,
        "scenarios": SCENARIOS[: draw.randint(2, 3)],
        "measures": ["PV", *draw.sample(["DV01", "ACCRUED", "FX_DELTA"], draw.randint(1, 2))],
        "group_by": ["desk"],
    }


def is_sliced(data: Mapping[str, Any]) -> bool:
    """Whether a run, its positions in its data, has more cells than are priced at once."""
    scenarios = len(data.get("scenarios") or [{}])
    return len(data["portfolio"]["positions"]) * scenarios * len(data["measures"]) > SLICE_CELLS


def _lines(positions: list[dict[str, Any]]) -> bytes:
    return b"".join(compact(each) + b"\n" for each in positions)


def _csv(positions: list[dict[str, Any]]) -> bytes:
    told = io.StringIO()
    writer = csv.DictWriter(told, list(dict.fromkeys(name for each in positions for name in each)))
    writer.writeheader()
    writer.writerows(positions)
    return told.getvalue().encode()


def _parquet(positions: list[dict[str, Any]]) -> bytes:
    columns = dict.fromkeys(name for each in positions for name in each)
    told = io.BytesIO()
    table = pa.table({name: [each.get(name) for each in positions] for name in columns})
    pq.write_table(table, told, row_group_size=100)
    return told.getvalue()


# How a file of positions is written, by the ending of its name.
FILES: Mapping[str, Callable[[list[dict[str, Any]]], bytes]] = MappingProxyType(
    {"jsonl": _lines, "csv": _csv, "parquet": _parquet}
)


def position(draw: Random, name: str) -> dict[str, Any]:
    """A forward or a bond; once in a while one that has no value."""
    chance = draw.random()
    if chance < 0.05:
        return _forward(draw, name) | {"product_type": "NO_SUCH_THING"}
    if chance < 0.10:
        return _forward(draw, name) | {"quote_currency": "GBP"}
    if chance < 0.15:
        return _forward(draw, name) | {"maturity_date": "2025-06-30"}
    return _bond(draw, name) if chance < 0.5 else _forward(draw, name)


def _forward(draw: Random, name: str) -> dict[str, Any]:
    return {
        "position_id": name,
        "product_type": "FX_FWD",
        "base_currency": "EUR",
        "quote_currency": "USD",
        "notional": draw.randrange(-1000, 1000) * 1000 + 500,
        "strike": draw.randrange(100, 125) / 100,
        "maturity_date": f"{draw.randint(2026, 2033)}-{draw.randint(2, 12):02}-{draw.randint(1, 28):02}",
    }


def _bond(draw: Random, name: str) -> dict[str, Any]:
    return {
        "position_id": name,
        "product_type": "FIXED_BOND",
        "currency": draw.choice(["USD", "EUR"]),
        "notional": draw.randrange(1, 1000) * 1000,
        "start_date": f"{draw.randint(2021, 2025)}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}",
        "maturity_date": f"{draw.randint(2027, 2033)}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}",
        "coupon": draw.randrange(10, 80) / 1000,
        "day_count": "30/360",
        "frequency": draw.choice([1, 2, 4]),
        "stub": "short_first",
        "credit_spread": draw.randrange(0, 200) / 10_000,
    }
