"""The values that one version of the pricer gives to a fixed book of every product, under every kind of scenario.

`python -m tests.unit.handlers.price.pricer_values` writes them to pricer_values.json. It refuses to replace a value that is
there under the same PRICER_VERSION: stored results carry that version, so what changes a value raises it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np

from events.run import Measure
from handlers.price.engine import PRICER_VERSION, price_run
from handlers.price.interpolation import INTERPOLATIONS
from handlers.price.portfolio import Portfolio
from handlers.price.sheet import PricedRun
from tests.unit.handlers.price import cds_books, fx_books, rates_books
from tests.unit.handlers.price.books import BOND, DEPOSIT, FORWARD, LOAN, VALUATION, ZERO_BOND, scenarios
from tests.unit.handlers.price.whole_book import CREDIT, market

FILE = Path(__file__).with_suffix(".json")
COMMAND = "python -m tests.unit.handlers.price.pricer_values"
RELATIVE = 1e-12
# Of the notional: what rounding, which is another on another processor, leaves of differences between large values.
ROUNDING = 1e-13
# Values of these are as many as days or pillars, so that they are kept without scenarios.
WIDE = ("KRD", "CASHFLOWS")

RATED = {"rating": "BBB", "recovery_rate": 0.4}
BOOK: dict[str, dict[str, Any]] = {
    "bond": BOND | RATED | {"maturity_date": "2029-03-15", "credit_spread": 0.01, "price": 98.5},
    "bond of an issuer": BOND | RATED | {"maturity_date": "2028-02-29", "issuer": "Spread AG", "day_count": "ACT/ACT ISMA"},
    "bond ex coupon": BOND | RATED | {"maturity_date": "2028-01-20", "ex_coupon_days": 7, "ex_coupon_calendar": "UK"},
    "bond ahead": BOND | RATED | {"start_date": "2026-06-30", "maturity_date": "2028-05-15", "stub": "long_first"},
    "bond over": BOND | RATED | {"maturity_date": "2026-01-15"},
    "bond sold, on business days": BOND
    | RATED
    | {"notional": -2e6, "maturity_date": "2028-01-31", "end_of_month": True, "calendar": "TARGET", "frequency": 4}
    | {"accrual_convention": "modified_following", "payment_convention": "following", "day_count": "ACT/365F"},
    "zero bond": ZERO_BOND | {"notional": 1e6, "maturity_date": "2030-07-01", "credit_spread": 0.005},
    "loan": LOAN | RATED | {"maturity_date": "2027-01-31"},
    "loan in steps": LOAN | RATED | {"maturity_date": "2028-06-30", "frequency": 4, "amortization": "straight_line"},
    "loan with all terms": LOAN
    | RATED
    | {"maturity_date": "2028-01-31", "frequency": 2, "balloon": 1e5, "cpr": 0.06, "interest_only_periods": 2}
    | {"commitment": 8e5, "commitment_fee": 0.003, "credit_conversion_factor": 0.5, "day_count": "30E/360"},
    "deposit": DEPOSIT | {"notional": 1e6, "credit_spread": 0.002},
    "deposit ahead": DEPOSIT | {"notional": -1e6, "start_date": "2026-02-02", "day_count": "30/360", "calendar": "US"},
    "floater": rates_books.FLOATER | {"maturity_date": "2028-03-15", "credit_spread": 0.004},
    "floater fixed before": rates_books.FLOATER
    | {"currency": "EUR", "index": "EURIBOR-6M", "frequency": 2, "maturity_date": "2028-05-31", "fixing_days": 2}
    | {"fixing_calendar": "TARGET", "issuer": "Spread AG"},
    "swap": rates_books.SWAP | {"maturity_date": "2028-03-15"},
    "swap on one curve": rates_books.SWAP | {"pay_receive": "receive", "index": "USD-TERM", "maturity_date": "2028-07-01"},
    "forward": FORWARD,
    "forward, crossed": FORWARD | {"base_currency": "GBP", "quote_currency": "EUR", "strike": 1.2},
    "fx swap": fx_books.SWAP,
    "fx swap past its near date": fx_books.SWAP | {"near_date": "2026-01-13"},
    "ndf": fx_books.NDF,
    "ndf settled in its base": fx_books.NDF | {"settlement_currency": "EUR"},
    "ndf fixed": fx_books.NDF | {"fixing_date": "2026-01-13", "maturity_date": "2026-01-20"},
    "call": fx_books.OPTION,
    "put, inverse": fx_books.OPTION
    | {"base_currency": "USD", "quote_currency": "EUR", "strike": 0.9, "option_type": "put", "expiry_date": "2026-09-15"},
    "call, flat": fx_books.OPTION | {"base_currency": "GBP", "strike": 1.3},
    "shares": fx_books.SHARES,
    "cash": fx_books.CASH,
    "protection": cds_books.CDS | {"maturity_date": "2027-12-20", "upfront": 0.01, "upfront_date": "2026-03-23"},
    "protection by rating, sold": cds_books.CDS
    | {"notional": -1e7, "issuer": None, "rating": "BBB", "calendar": "WEEKENDS", "maturity_date": "2027-06-20"}
    | {"coupon": 0.05, "recovery_rate": 0.25, "frequency": 2, "start_date": "2026-03-20", "day_count": "ACT/365F"},
}
SETS: dict[str, list[dict[str, Any]]] = {
    "base": [],
    "parallel": [{"kind": "rate_parallel", "bp": 100.0, "currency": "USD"}],
    "node": [{"kind": "rate_node", "currency": "EUR", "pillar": "2028-01-15", "bp": 25.0}],
    "tenors": [{"kind": "rate_tenors", "currency": "USD", "bp": {"6M": 12.0, "5Y": -20.0}}],
    "triangle": [{"kind": "rate_triangle", "currency": "USD", "left": "2027-01-15", "centre": "2029-01-15", "bp": 30.0}],
    "twist": [{"kind": "rate_twist", "currency": "EUR", "short_bp": -15.0, "long_bp": 20.0, "pivot": "2028-01-15"}],
    "credit": [{"kind": "credit_spread", "bp": 50.0}],
    "issuer": [{"kind": "credit_spread", "bp": 80.0, "issuer": "Spread AG"}],
    "rating": [{"kind": "credit_spread", "bp": -30.0, "rating": "BBB"}],
    "fx": [{"kind": "fx", "pair": "EURUSD", "relative": 0.08}, {"kind": "fx", "pair": "GBPUSD", "absolute": -0.04}],
    "vol": [{"kind": "vol", "pair": "EURUSD", "relative": 0.2}, {"kind": "vol", "pair": "GBPUSD", "absolute": 0.01}],
    "equity": [{"kind": "equity", "name": "ACME", "relative": -0.25}],
    "lost": [{"kind": "fx", "pair": "EURCHF", "relative": 0.01}],
}
SETS["together"] = [shock for name, shocks in SETS.items() if name not in ("lost", "credit") for shock in shocks]


class Key(NamedTuple):
    """A row: the curves' interpolation, the name of the position in `BOOK`, the measure and the bucket."""

    interpolation: str
    position: str
    measure: str
    bucket: str

    @property
    def text(self) -> str:
        return " · ".join(self).rstrip(" ·")


def priced(interpolation: str, measures: tuple[str, ...], names: list[str]) -> PricedRun:
    """The book in a market whose curves are interpolated so, under the named sets of shocks."""
    rates = {"kind": "hazard", "interpolation": interpolation, "pillars": list(CREDIT), "rates": [0.012, 0.02, 0.03]}
    curves = market(interpolation).model_dump()["credit_curves"]
    snapshot = market(interpolation, credit_curves=curves | {"ratings": {"BBB": rates}})
    book = Portfolio.from_records([position | {"position_id": name} for name, position in BOOK.items()])
    return price_run(book, snapshot, scenarios(*(SETS[name] for name in names)), measures, VALUATION)


def rows() -> dict[Key, list[float | str | None]]:
    """A value a scenario; where a row has an error, its code behind them."""
    every = tuple(measure for measure in get_args(Measure) if measure not in WIDE)
    found = _rows("linear_zero", priced("linear_zero", every, list(SETS)))
    for interpolation in INTERPOLATIONS:
        measures = WIDE if interpolation == "linear_zero" else ("PV", "DV01", "THETA", "EXPECTED_LOSS", "KRD")
        found |= _rows(interpolation, priced(interpolation, measures, ["base"]))
    return found


def _rows(interpolation: str, run: PricedRun) -> dict[Key, list[float | str | None]]:
    found = {}
    for row, values in enumerate(run.values.tolist()):
        key = Key(interpolation, run.position_id[row], run.measure[row], run.bucket[row])
        known: list[float | str | None] = [None if np.isnan(value) else value for value in values]
        error = run.error[row]
        if error != "UNSUPPORTED":
            found[key] = known if error is None else [*known, error]
    return found


def changes(before: dict[str, list[Any]], after: dict[str, list[Any]]) -> list[str]:
    """What is another value than before, or no longer there; new rows are no change."""
    return [
        f"{text}: {old} became {after.get(text)}"
        for text, old in before.items()
        if text not in after or not _is_same(old, after[text], _rounding(text))
    ]


def _rounding(text: str) -> float:
    """What is no change of a row's values, however small they are."""
    _, name, measure, *_ = text.split(" · ")
    position = BOOK[name]
    is_money = measure not in ("CLEAN_PRICE", "YTM", "MODIFIED_DURATION", "CONVEXITY", "Z_SPREAD")
    return ROUNDING * abs(position.get("notional", 1e6)) if is_money else RELATIVE


def _is_same(one: list[Any], other: list[Any], rounding: float) -> bool:
    return len(one) == len(other) and all(_is_close(*pair, rounding) for pair in zip(one, other, strict=True))


def _is_close(one: Any, other: Any, rounding: float) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= rounding + RELATIVE * abs(one)
    return bool(one == other)


def stored() -> tuple[str, dict[str, list[Any]]]:
    """The version and the rows of the file; none of either where there is no file."""
    if not FILE.exists():
        return "", {}
    content = json.loads(FILE.read_text())
    return content["pricer_version"], content["values"]


def main() -> str | None:
    """Writes the file, or says why not: values changed under one version."""
    version, before = stored()
    after = {key.text: values for key, values in rows().items()}
    changed = changes(before, after) if version == PRICER_VERSION else []
    if changed:
        return "\n".join(["values changed: raise PRICER_VERSION in handlers/price/engine.py first", *changed[:5]])
    lines = ",\n".join(f"{json.dumps(text, ensure_ascii=False)}: {json.dumps(values)}" for text, values in after.items())
    FILE.write_text(f'{{"pricer_version": "{PRICER_VERSION}", "values": {{\n{lines}\n}}}}\n')
    return None


if __name__ == "__main__":
    sys.exit(main())
