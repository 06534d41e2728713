"""Writes the example book, market and scenarios: `python examples/make_book.py`. The same bytes every time.

Everything here is made up to look plausible; none of it is a quote, a client's position or anybody's opinion. Three
positions are wrong on purpose, to show what becomes of such.
"""

from __future__ import annotations

import json
import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent
SEED = 20260115
VALUATION = date(2026, 1, 15)
LABEL = "Illustrative: made up by examples/make_book.py."

BONDS, LOANS, FORWARDS = 150, 100, 60
PILLAR_YEARS = (0, 0.25, 0.5, 1, 2, 3, 5, 7, 10, 15, 20, 30)
# Level at the short end and the long end, continuous, ACT/365F.
CURVES = {"USD": (0.0365, 0.0432), "EUR": (0.0195, 0.0288), "GBP": (0.0372, 0.0461), "JPY": (0.0075, 0.0215)}
# There is a price for kronor, but no curve.
SPOTS = {"EURUSD": 1.0875, "GBPUSD": 1.2710, "USDJPY": 152.40, "USDSEK": 9.8}
DAY_COUNTS = ("ACT/365F", "ACT/360", "30/360", "30E/360", "ACT/ACT ISMA")
PAIRS = (("EUR", "USD"), ("GBP", "USD"), ("USD", "JPY"), ("EUR", "GBP"))

SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("position_id", "product_type", "currency", "base_currency", "quote_currency")]
    + [("notional", pa.float64()), ("start_date", pa.date32()), ("maturity_date", pa.date32())]
    + [(name, pa.float64()) for name in ("coupon", "rate", "strike", "credit_spread")]
    + [(name, pa.string()) for name in ("day_count", "stub", "amortization")]
    + [("frequency", pa.int64()), ("first_coupon_date", pa.date32())]
)

Position = dict[str, Any]


def bond(draw: random.Random, number: int) -> Position:
    """A bond somewhere in its life, long or short."""
    years = draw.choice((2, 3, 5, 7, 10, 15, 30))
    start = VALUATION - timedelta(days=draw.randrange(30, 365 * years - 60))
    return {
        "position_id": f"BOND-{number:04d}",
        "product_type": "FIXED_BOND",
        "currency": draw.choice(list(CURVES)),
        "notional": draw.choice((-1, 1, 1, 1)) * draw.randrange(5, 500) * 100_000.0,
        "start_date": start,
        "maturity_date": later(start, years, draw.randrange(90)),
        "coupon": round(draw.uniform(0.005, 0.075), 4),
        "day_count": draw.choice(DAY_COUNTS),
        "frequency": draw.choice((1, 2, 2, 4)),
        "stub": draw.choice(("short_first", "short_last")),
        "credit_spread": round(draw.uniform(0.0, 0.035), 4),
    }


def loan(draw: random.Random, number: int) -> Position:
    """A loan that is paid back in one of the three ways."""
    years = draw.choice((3, 5, 7, 10, 20))
    start = VALUATION - timedelta(days=draw.randrange(10, 365 * years - 60))
    return {
        "position_id": f"LOAN-{number:04d}",
        "product_type": "AMORT_LOAN",
        "currency": draw.choice(("USD", "USD", "EUR", "GBP")),
        "notional": draw.randrange(2, 400) * 50_000.0,
        "start_date": start,
        "maturity_date": later(start, years, 0),
        "rate": round(draw.uniform(0.02, 0.095), 4),
        "day_count": draw.choice(("ACT/360", "30/360", "ACT/365F")),
        "frequency": draw.choice((4, 12, 12)),
        "amortization": draw.choice(("level_pay", "straight_line", "bullet")),
        "stub": "short_last",
        "credit_spread": round(draw.uniform(0.005, 0.06), 4),
    }


def forward(draw: random.Random, number: int) -> Position:
    """A currency bought or sold for a later day, near today's price."""
    base, quote = draw.choice(PAIRS)
    return {
        "position_id": f"FXFWD-{number:04d}",
        "product_type": "FX_FWD",
        "base_currency": base,
        "quote_currency": quote,
        "notional": draw.choice((-1, 1)) * draw.randrange(1, 200) * 250_000.0,
        "strike": round(spot(base, quote) * draw.uniform(0.94, 1.06), 4),
        "maturity_date": VALUATION + timedelta(days=draw.randrange(20, 900)),
    }


def wrong(draw: random.Random) -> list[Position]:
    """Positions that cannot be priced, each in its own way, and one that has matured, which is no error."""
    base = bond(draw, 0)
    return [
        base | {"position_id": "WRONG-UNKNOWN-PRODUCT", "product_type": "CAT_BOND"},
        base | {"position_id": "WRONG-MATURES-BEFORE-START", "start_date": date(2030, 6, 1), "maturity_date": date(2029, 6, 1)},
        base | {"position_id": "WRONG-NO-CURVE", "currency": "SEK"},
        base | {"position_id": "MATURED", "start_date": date(2020, 1, 15), "maturity_date": date(2025, 1, 15)},
    ]


def later(start: date, years: int, days: int) -> date:
    """So many years and days after `start`."""
    day = min(start.day, 28)
    return date(start.year + years, start.month, day) + timedelta(days=days)


def spot(base: str, quote: str) -> float:
    """Today's price of `base` in `quote`, across USD where there is no direct one."""
    in_usd = {"USD": 1.0, "EUR": SPOTS["EURUSD"], "GBP": SPOTS["GBPUSD"], "JPY": 1 / SPOTS["USDJPY"]}
    return in_usd[base] / in_usd[quote]


def market() -> dict[str, Any]:
    """A snapshot of one evening: a curve for each currency and the spots."""
    pillars = [(VALUATION + timedelta(days=round(365.25 * years))).isoformat() for years in PILLAR_YEARS]
    curves = {
        currency: {
            "interpolation": "linear_zero",
            "compounding": "continuous",
            "day_count": "ACT/365F",
            "pillars": pillars,
            "zero_rates": [round(short + (long - short) * (1 - 2 ** (-years / 4)), 6) for years in PILLAR_YEARS],
        }
        for currency, (short, long) in CURVES.items()
    }
    return {
        "snapshot_id": "illustrative-2026-01-15",
        "note": LABEL,
        "as_of": VALUATION.isoformat(),
        "curves": curves,
        "fx_spot": SPOTS,
    }


def scenarios() -> list[dict[str, Any]]:
    """The market as it is, and seven ways in which it could be otherwise tomorrow."""
    return [
        {"id": "base", "shocks": []},
        {"id": "rates_up_100", "shocks": [{"kind": "rate_parallel", "bp": 100, "currency": "*"}]},
        {"id": "rates_down_100", "shocks": [{"kind": "rate_parallel", "bp": -100, "currency": "*"}]},
        {"id": "usd_up_50", "shocks": [{"kind": "rate_parallel", "bp": 50, "currency": "USD"}]},
        {"id": "spreads_up_100", "shocks": [{"kind": "credit_spread", "bp": 100}]},
        {"id": "euro_up_10pct", "shocks": [{"kind": "fx", "pair": "EURUSD", "relative": 0.10}]},
        {"id": "yen_down_15pct", "shocks": [{"kind": "fx", "pair": "USDJPY", "relative": 0.15}]},
        {
            "id": "credit_crunch",
            "shocks": [
                {"kind": "rate_parallel", "bp": -75, "currency": "*"},
                {"kind": "credit_spread", "bp": 250},
                {"kind": "fx", "pair": "EURUSD", "relative": -0.08},
            ],
        },
    ]


def book() -> list[Position]:
    """All positions, the wrong ones among the others."""
    draw = random.Random(SEED)  # noqa: S311  (nothing here is secret)
    positions = [bond(draw, number) for number in range(1, BONDS + 1)]
    positions += [loan(draw, number) for number in range(1, LOANS + 1)]
    positions += [forward(draw, number) for number in range(1, FORWARDS + 1)]
    positions += wrong(draw)
    draw.shuffle(positions)
    return positions


def main() -> None:
    """Writes all three."""
    table = pa.Table.from_pylist(book(), schema=SCHEMA.with_metadata({"note": LABEL}))
    pq.write_table(table, HERE / "books" / "credit.parquet")
    (HERE / "markets").mkdir(exist_ok=True)
    (HERE / "markets" / "evening.json").write_text(json.dumps(market(), indent=1) + "\n", encoding="utf-8")
    (HERE / "scenarios.json").write_text(json.dumps(scenarios(), indent=1) + "\n", encoding="utf-8")
    print(f"{table.num_rows} positions, {len(scenarios())} scenarios")


if __name__ == "__main__":
    main()
