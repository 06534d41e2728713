"""Why a book is worth something else than before: its profit and loss between two snapshots, by what moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from events.market import Market
from events.scenario import Scenario
from handlers.price.arrays import Bools, Floats, Ints
from handlers.price.cashflows import LendingTerms
from handlers.price.currencies import currency_code
from handlers.price.dates import to_day
from handlers.price.engine import price_run
from handlers.price.market import MarketData
from handlers.price.portfolio import Portfolio
from handlers.price.pricers import PRICERS

# What of a market moves in each component.
PARTS = {
    "rates": ("curves", "projection_curves"),
    "credit": ("credit_curves",),
    "fx": ("fx_spot",),
    "vols": ("fx_vols",),
    "equities": ("equities",),
}
COMPONENTS = ("carry", *PARTS, "unexplained", "total")

# The stages whose spots are the new ones.
_AT_NEW_SPOTS = ("fx", "after")

_PRESENT_VALUE, _A_DAY = "PV", "THETA"


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
    ways = stages(before, after)
    dates = before.valuation, after.valuation
    at_old_spots = paid_between(portfolio, ways["carry"].market, *dates)
    at_new_spots = _at_spots(portfolio, ways["fx"].market, *dates, at_old_spots)
    values = {"before": _converted(portfolio, before, _values(portfolio, before), reporting)}
    for name, snapshot in ways.items():
        paid = at_new_spots if name in _AT_NEW_SPOTS else at_old_spots
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


def paid_between(portfolio: Portfolio, market: Market, first: date, last: date) -> Floats:
    """What each position pays after `first` and up to `last` (P), in its currency, at the spots of `market`.

    Whatever its product: what THETA of each day adds, which is the change of the present value and what is paid, less the
    change of the present value. No loan has prepaid anything, since its notional is the same on both dates.
    """
    brought = np.zeros(len(portfolio))
    if first == last:
        return brought
    held = _without_prepayments(portfolio)
    for ordinal in range(first.toordinal(), last.toordinal()):
        brought += _measured(held, Snapshot(market, date.fromordinal(ordinal)), _A_DAY)
    return brought - (_values(held, Snapshot(market, last)) - _values(held, Snapshot(market, first)))


def _without_prepayments(portfolio: Portfolio) -> Portfolio:
    """The same with loans that never prepay."""
    groups = []
    for group in portfolio.groups:
        terms = group.terms
        if isinstance(terms, LendingTerms) and terms.repayment.cpr.any():
            repayment = replace(terms.repayment, cpr=np.zeros_like(terms.repayment.cpr))
            terms = replace(terms, repayment=repayment)
        groups.append(replace(group, terms=terms))
    return replace(portfolio, groups=tuple(groups))


def _at_spots(portfolio: Portfolio, market: Market, first: date, last: date, otherwise: Floats) -> Floats:
    """What positions pay whose payments hang on a spot, at those of `market` (P); `otherwise` of all others."""
    day = to_day(first)
    moved = [group for group in portfolio.groups if PRICERS[group.product_type].requirements(group.terms, day).spots]
    if not moved:
        return otherwise
    paid = paid_between(replace(portfolio, groups=tuple(moved)), market, first, last)
    rows = np.concatenate([group.rows for group in moved])
    found = otherwise.copy()
    found[rows] = paid[rows]
    return found


def _values(portfolio: Portfolio, snapshot: Snapshot) -> Floats:
    return _measured(portfolio, snapshot, _PRESENT_VALUE)


def _measured(portfolio: Portfolio, snapshot: Snapshot, measure: str) -> Floats:
    """One measure (P); NaN where there is an error."""
    return price_run(portfolio, snapshot.market, (), [measure], snapshot.valuation).values[:, 0]


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
