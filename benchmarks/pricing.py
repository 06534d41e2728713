"""Present values a second of each product at 10,000 positions × 50 scenarios, beside QuantLib-Python in the same run.

    python -m benchmarks.pricing [--rounds 5] [--json FILE] [--quick]

QuantLib gets its instruments and its curves ready made; what is timed is relinking a curve for each scenario and asking
each instrument for its value, over fewer positions (its rate does not depend on how many there are). Millrace's time is
that of the whole run: schedules, cash flows, discount factors, values, totals; the stages of bonds and loans follow apart, and
their kernel beside QuantLib. Times are those of the process itself, on one core. Rounds alternate; medians are printed, and
both sides' values must agree.
"""

from __future__ import annotations

import benchmarks.one_core  # noqa: F401  before NumPy

# isort: split
import argparse
import json
import os
import platform
import random
import statistics
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.pricing_stages import Stages, stages, timed
from benchmarks.quantlib_book import QuantLibBook, fixings
from events.market import Market
from events.scenario import Scenario
from handlers.price.engine import price_run
from handlers.price.portfolio import Portfolio

PRODUCTS = ("FIXED_BOND", "FLOATING_BOND", "AMORT_LOAN", "IRS", "FX_FWD")
STAGED = ("FIXED_BOND", "AMORT_LOAN")
VALUATION = date(2026, 1, 15)
YEARS = (0, 1, 2, 3, 5, 7, 10, 20, 30)
RATES = {"USD": 0.036, "EUR": 0.021}
INDEX = "USD-3M"
INDEX_RATE = 0.037
SPOT = 1.0875
DAY_COUNTS = ("ACT/360", "30/360", "ACT/365F")

STAGES = {
    "schedules": "schedules, positions/s",
    "flows": "schedules and cash flows, positions/s",
    "kernel": "discount factors and PV, cash flows ready, PVs/s",
    "kernel_bent": "the same, each scenario moving one pillar",
    "kernel_many": "the same under ten times as many of these",
    "matrix": "the products alone, samples or discount factors ready, PVs/s",
    "dv01": "DV01 from the same arrays, values/s",
    "krd": "KRD from the same arrays, cells/s",
    "run": "whole run of PV, PVs/s",
    "run_dv01": "whole run of DV01, values/s",
    "run_krd": "whole run of KRD, cells/s",
    "from_json": "terms from JSON objects, positions/s",
    "small_runs": "runs of one position, one scenario, runs/s",
    "flows_each": "cash flows a position",
}


@dataclass(frozen=True)
class Figures:
    """One product: medians, in present values a second, and the one divided by the other."""

    product: str
    millrace: float
    quantlib: float
    ratio: float


def main() -> None:
    arguments = _arguments()
    positions, scenarios, sample = (1_000, 10, 100) if arguments.quick else (10_000, 50, 1_000)
    products = [_product(name, positions, scenarios, sample, arguments.rounds) for name in PRODUCTS]
    report = {
        "machine": _machine(),
        "positions": positions,
        "scenarios": scenarios,
        "quantlib_positions": sample,
        "rounds": arguments.rounds,
        "products": [asdict(figures) for figures in products],
        "stages": [asdict(_stages(name, positions, scenarios, arguments.rounds)) for name in STAGED],
    }
    _print(report)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--quick", action="store_true", help="1,000 × 10, to see that it works")
    return parser.parse_args()


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    return f"{model}, {os.cpu_count()} cores (one is used), Python {platform.python_version()}"


def _product(name: str, positions: int, scenarios: int, sample: int, rounds: int) -> Figures:
    book = [_position(name, number) for number in range(positions)]
    portfolio, market, shocked = Portfolio.from_records(book), _market(), _scenarios(scenarios)
    theirs = QuantLibBook(book[:sample], VALUATION, _pillars(), _states(scenarios))
    ours_seconds, their_seconds = [], []
    for _ in range(rounds):
        seconds, run = timed(lambda: price_run(portfolio, market, shocked, ["PV"], VALUATION))
        ours_seconds.append(seconds)
        seconds, values = timed(theirs.values)
        their_seconds.append(seconds)
    notional = np.array([position["notional"] for position in book[:sample]])
    worst = float(np.abs((run.values[:sample] - values) / notional[:, None]).max())
    assert worst < 1e-8, f"{name}: values differ by {worst} of notional"
    millrace = positions * scenarios / statistics.median(ours_seconds)
    quantlib = sample * scenarios / statistics.median(their_seconds)
    return Figures(name, millrace, quantlib, millrace / quantlib)


def _stages(name: str, positions: int, scenarios: int, rounds: int) -> Stages:
    book = [_position(name, number) for number in range(positions)]
    return stages(name, book, _market(), _scenarios(scenarios), _bent(10 * scenarios), VALUATION, rounds)


def _position(product: str, number: int) -> dict[str, Any]:
    """Bonds and swaps of 2 to 15 years, loans of 2 to 20 with monthly or quarterly payments, forwards of up to 5 years."""
    chance = random.Random(f"{product} {number}")  # noqa: S311  the same book each time
    position: dict[str, Any] = {
        "position_id": f"{product}-{number}",
        "product_type": product,
        "notional": chance.uniform(1e5, 1e7),
    }
    if product == "FX_FWD":
        maturity = VALUATION + timedelta(chance.randrange(2, 1_800))
        names = {"base_currency": "EUR", "quote_currency": "USD", "strike": chance.uniform(1.0, 1.2)}
        return position | names | {"maturity_date": maturity.isoformat()}
    loan = product == "AMORT_LOAN"
    start = VALUATION - timedelta(chance.randrange(1, 700))
    maturity = VALUATION + timedelta(chance.randrange(700, 7_300 if loan else 5_500))
    position |= {
        "currency": "USD",
        "start_date": start.isoformat(),
        "maturity_date": maturity.isoformat(),
        "day_count": chance.choice(DAY_COUNTS),
        "frequency": chance.choice([4, 12] if loan else [1, 2, 4]),
        "stub": "short_first",
    }
    return position | _own_terms(product, chance.uniform(0.01, 0.08), chance)


def _own_terms(product: str, rate: float, chance: random.Random) -> dict[str, Any]:
    """Floating legs are quarterly; swaps pay or receive against 1, 2 or 4 fixed payments a year."""
    floating = {"index": INDEX, "spread": rate / 10}
    match product:
        case "AMORT_LOAN":
            return {"rate": rate, "amortization": "level_pay"}
        case "FLOATING_BOND":
            return floating | {"day_count": "ACT/360", "frequency": 4}
        case "IRS":
            fixed = {"fixed_rate": rate, "fixed_day_count": "30/360", "fixed_frequency": chance.choice([1, 2, 4])}
            side = {"pay_receive": chance.choice(["pay", "receive"])}
            return floating | fixed | side | {"floating_day_count": "ACT/360", "floating_frequency": 4}
        case _:
            return {"coupon": rate}


def _pillars() -> list[date]:
    return [VALUATION.replace(year=VALUATION.year + years) for years in YEARS]


def _zero_rates(currency: str, shift: float = 0.0) -> list[float]:
    return [RATES.get(currency, INDEX_RATE) + 0.0004 * years + shift for years in YEARS]


def _market() -> Market:
    def curve(name: str) -> dict[str, Any]:
        quoted = {"interpolation": "linear_zero", "compounding": "continuous", "day_count": "ACT/365F"}
        return quoted | {"pillars": [day.isoformat() for day in _pillars()], "zero_rates": _zero_rates(name)}

    return Market.model_validate(
        {
            "snapshot_id": "benchmark",
            "as_of": VALUATION.isoformat(),
            "curves": {name: curve(name) for name in RATES},
            "fx_spot": {"EURUSD": SPOT},
            "projection_curves": {INDEX: curve(INDEX) | {"currency": "USD"}},
            "fixings": {INDEX: fixings(VALUATION)},
        }
    )


def _shifts(scenarios: int) -> list[tuple[float, float]]:
    """Of each scenario: basis points on every curve, and the relative move of the spot."""
    return [(5.0 * (number - scenarios // 2), 0.002 * number) for number in range(scenarios)]


def _states(scenarios: int) -> list[tuple[dict[str, list[float]], float]]:
    """What QuantLib is given: the zero rates of each curve and the spot, scenario by scenario."""
    return [
        ({name: _zero_rates(name, bp * 1e-4) for name in (*RATES, INDEX)}, SPOT * (1.0 + relative))
        for bp, relative in _shifts(scenarios)
    ]


def _scenarios(count: int) -> list[Scenario]:
    shocks = [
        [{"kind": "rate_parallel", "bp": bp, "currency": "*"}, {"kind": "fx", "pair": "EURUSD", "relative": relative}]
        for bp, relative in _shifts(count)
    ]
    return [Scenario.model_validate({"id": f"s{number}", "shocks": some}) for number, some in enumerate(shocks)]


def _bent(count: int) -> list[Scenario]:
    """Scenarios that each move one pillar, all pillars in turn."""
    pillars = _pillars()

    def shock(number: int) -> dict[str, Any]:
        times, place = divmod(number, len(pillars))
        return {"kind": "rate_node", "currency": "USD", "pillar": pillars[place].isoformat(), "bp": 1.0 + times}

    return [Scenario.model_validate({"id": f"n{number}", "shocks": [shock(number)]}) for number in range(count)]


def _print(report: dict[str, Any]) -> None:
    console = Console()
    console.print(report["machine"])
    title = f"Present values a second, {report['positions']:,} positions × {report['scenarios']} scenarios"
    table = Table("product", "Millrace, whole run", "QuantLib-Python", "ratio", title=title)
    for row in report["products"]:
        table.add_row(row["product"], f"{row['millrace']:,.0f}", f"{row['quantlib']:,.0f}", f"{row['ratio']:.0f}")
    console.print(table)
    note = f"QuantLib over {report['quantlib_positions']:,} positions; medians of {report['rounds']} alternating rounds."
    console.print(note)
    console.print(_staged(report))


def _staged(report: dict[str, Any]) -> Table:
    staged = report["stages"]
    table = Table("stage", *(each["product"] for each in staged), title="Stages apart")
    for key, name in STAGES.items():
        table.add_row(name, *(f"{each[key]:,.0f}" for each in staged))
    theirs = {row["product"]: row["quantlib"] for row in report["products"]}
    table.add_row("kernel / QuantLib-Python", *(f"{each['kernel'] / theirs[each['product']]:.0f}" for each in staged))
    return table


if __name__ == "__main__":
    main()
