"""Why a book is worth something else than before: its profit and loss between two snapshots, by what moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from events.market import Market
from events.scenario import Scenario
from handlers.price.arrays import Bools, Floats, Ints
from handlers.price.currencies import currency_code
from handlers.price.engine import price_run
from handlers.price.market import MarketData
from handlers.price.portfolio import Portfolio
from handlers.price.sheet import PricedRun

# What of a market moves in each component.
PARTS = {
    "rates": ("curves", "projection_curves"),
    "credit": ("credit_curves",),
    "fx": ("fx_spot",),
    "vols": ("fx_vols",),
    "equities": ("equities",),
}
COMPONENTS = ("carry", *PARTS, "unexplained", "total")

_PRESENT_VALUE, _PAID = "PV", "CASHFLOWS"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A market on its valuation date."""

    market: Market
    valuation: date


@dataclass(frozen=True, slots=True)
class Explained:
    """`profits` (P each) by component in the reporting currency, NaN for positions left out, and their sums over the others.

    `missing` is how many positions are left out.
    """

    profits: Mapping[str, Floats]
    totals: Mapping[str, float]
    missing: int


def explain(portfolio: Portfolio, before: Snapshot, after: Snapshot, reporting: str) -> Explained:
    """The profit and loss of a portfolio that has not changed, in `reporting` currency.

    A position is left out of every component, so that they add up, if it has no value on any of the way: an error, or no
    conversion.
    """
    paid = _paid(portfolio, before, after)
    values = {"before": _converted(portfolio, before, _values(portfolio, before), reporting)}
    for name, snapshot in stages(before, after).items():
        values[name] = _converted(portfolio, snapshot, _values(portfolio, snapshot) + paid, reporting)
    profits = components(values)
    lost = np.isnan(profits["total"])
    return Explained(profits, {name: float(each[~lost].sum()) for name, each in profits.items()}, int(lost.sum()))


def stages(before: Snapshot, after: Snapshot) -> dict[str, Snapshot]:
    """What to value the book in: the old market on the new date, that with each of its parts moved alone, the new market.

    The fixings are the new ones from the start: they are facts that the days in between have brought.
    """
    rolled = before.market.model_copy(update={"fixings": after.market.fixings})
    found = {"carry": Snapshot(rolled, after.valuation)}
    for name, parts in PARTS.items():
        moved = {part: getattr(after.market, part) for part in parts}
        found[name] = Snapshot(rolled.model_copy(update=moved), after.valuation)
    return found | {"after": after}


def components(values: Mapping[str, Floats]) -> dict[str, Floats]:
    """Profits by component from the values `before` and at each of the stages, what was paid in between included.

    `carry` is what the days bring when nothing moves, each part what it brings alone on top of that, and `unexplained` what
    they bring together. NaN in every component where any value is.
    """
    rolled = values["carry"]
    profits = {"carry": rolled - values["before"]} | {name: values[name] - rolled for name in PARTS}
    total = values["after"] - values["before"]
    profits["unexplained"] = total - np.sum(list(profits.values()), axis=0)
    profits["total"] = total
    lost = np.isnan(list(profits.values())).any(axis=0)
    return {name: np.where(lost, np.nan, each) for name, each in profits.items()}


def paid_between(run: PricedRun, first: date, last: date) -> Floats:
    """What each position pays after `first` and up to `last`, from the rows of CASHFLOWS (P); 0 if it has none."""
    bucket, first_day, last_day = np.array(run.bucket, dtype=np.str_), first.isoformat(), last.isoformat()
    rows = np.flatnonzero((np.array(run.measure) == _PAID) & (bucket > first_day) & (bucket <= last_day))
    return np.bincount(run.row_no[rows], run.values[rows, 0], run.positions).astype(np.float64)


def _paid(portfolio: Portfolio, before: Snapshot, after: Snapshot) -> Floats:
    run = price_run(portfolio, before.market, (), [_PAID], before.valuation)
    return paid_between(run, before.valuation, after.valuation)


def _values(portfolio: Portfolio, snapshot: Snapshot) -> Floats:
    """Present values (P); NaN where there is an error."""
    run = price_run(portfolio, snapshot.market, (), [_PRESENT_VALUE], snapshot.valuation)
    return run.values[:, 0]


def _converted(portfolio: Portfolio, snapshot: Snapshot, values: Floats, reporting: str) -> Floats:
    """Values in the reporting currency; NaN where the market has no conversion, but for 0, which needs none."""
    data = MarketData.of(snapshot.market, [Scenario(id="base")], snapshot.valuation)
    target = currency_code(reporting)
    rate = np.full(values.size, np.nan)
    for group in portfolio.groups:
        for code in np.unique(group.terms.currency).tolist():
            spot = data.spot(code, target)
            rows: Ints = group.rows[group.terms.currency == code]
            rate[rows] = np.nan if spot is None else spot[0]
    free: Bools = (values == 0.0) & np.isnan(rate)
    return np.where(free, 0.0, values * rate)
