"""The same numbers from QuantLib: its dates, day counters, legs and curves, one position and one scenario at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import Any

import QuantLib as ql  # noqa: N813  its own examples call it so

from tests.unit.handlers.price.oracle_curves import interpolated

BP = 1e-4
DAY_COUNTS = {
    "ACT/365F": lambda _: ql.Actual365Fixed(),
    "ACT/360": lambda _: ql.Actual360(),
    "30/360": lambda _: ql.Thirty360(ql.Thirty360.BondBasis),
    "30E/360": lambda _: ql.Thirty360(ql.Thirty360.EurobondBasis),
    "ACT/ACT ISMA": lambda schedule: ql.ActualActual(ql.ActualActual.ISMA, schedule),
}


@dataclass(frozen=True)
class World:
    """One scenario's market: pillars (ISO dates) with zero rates by currency, spots by pair, a shift of all credit spreads.

    `interpolations` by currency, where it is not linear.
    """

    valuation: str
    curves: dict[str, dict[str, float]]
    spots: dict[str, float]
    spread_shift: float = 0.0
    interpolations: dict[str, str] = field(default_factory=dict)

    def shocked(self, shocks: list[dict[str, Any]]) -> World:
        world = self
        for shock in shocks:
            world = world._shocked(shock)
        return world

    def _shocked(self, shock: dict[str, Any]) -> World:
        size = shock.get("bp", 0.0) * BP
        match shock["kind"]:
            case "rate_parallel":
                names = self.curves if shock["currency"] == "*" else [shock["currency"]]
                return self.moved({(name, pillar): size for name in names for pillar in self.curves[name]})
            case "rate_node":
                return self.moved({(shock["currency"], shock["pillar"]): size})
            case "credit_spread":
                return replace(self, spread_shift=self.spread_shift + size)
            case _:
                pair = shock["pair"]
                return replace(self, spots=self.spots | {pair: self.spots[pair] * (1 + shock["relative"])})

    def moved(self, by: dict[tuple[str, str], float]) -> World:
        """The same with some zero rates moved: `by` (currency, pillar)."""
        curves = {
            name: {pillar: rate + by.get((name, pillar), 0.0) for pillar, rate in curve.items()}
            for name, curve in self.curves.items()
        }
        return replace(self, curves=curves)

    def all_moved(self, size: float) -> World:
        return self.moved({(name, pillar): size for name, curve in self.curves.items() for pillar in curve})

    def discount(self, currency: str) -> Any:
        """Linear zero rates, flat before the first pillar and after the last, or as `interpolations` says."""
        if currency in self.interpolations:
            curve = {_date(pillar): rate for pillar, rate in self.curves[currency].items()}
            return interpolated(self.interpolations[currency], curve, _date(self.valuation))
        valuation = _date(self.valuation)
        pillars = [_date(pillar) for pillar in self.curves[currency]]
        rates = list(self.curves[currency].values())
        serials = [pillar.serialNumber() for pillar in pillars]
        first = _linear(serials, rates, valuation.serialNumber())
        later = [(pillar, rate) for pillar, rate in zip(pillars, rates, strict=True) if pillar > valuation]
        dates = [valuation, *(pillar for pillar, _ in later)]
        zeros = [first, *(rate for _, rate in later)]
        far = ql.Date(31, 12, 2199)
        if dates[-1] < far:
            dates, zeros = [*dates, far], [*zeros, zeros[-1]]
        return ql.ZeroCurve(dates, zeros, ql.Actual365Fixed(), ql.NullCalendar(), ql.Linear(), ql.Continuous)


def _linear(xs: list[int], ys: list[float], x: int) -> float:
    if x <= xs[0]:
        return ys[0]
    for left in range(len(xs) - 1):
        if x <= xs[left + 1]:
            return ys[left] + (ys[left + 1] - ys[left]) * (x - xs[left]) / (xs[left + 1] - xs[left])
    return ys[-1]


def _date(text: str) -> ql.Date:
    day = date.fromisoformat(text)
    return ql.Date(day.day, day.month, day.year)


def schedule(position: dict[str, Any]) -> ql.Schedule:
    start, maturity = _date(position["start_date"]), _date(position["maturity_date"])
    step = ql.Period(12 // position["frequency"], ql.Months)
    rule = ql.DateGeneration.Forward if position["stub"] == "short_last" else ql.DateGeneration.Backward

    def rolled(first: ql.Date) -> ql.Schedule:
        return ql.Schedule(start, maturity, step, ql.NullCalendar(), ql.Unadjusted, ql.Unadjusted, rule, False, first)

    if position["stub"] != "long_first":
        return rolled(ql.Date())
    if position.get("first_coupon_date"):
        return rolled(_date(position["first_coupon_date"]))
    plain = rolled(ql.Date())
    if len(plain) > 2 and not plain.isRegular(1):
        return rolled(plain[2])
    return plain


class OnePeriodIsma:
    """ACT/ACT ISMA of a schedule of one period, for which QuantLib wants to be told the quasi-coupon period."""

    def __init__(self, position: dict[str, Any]) -> None:
        start, end = _date(position["start_date"]), _date(position["maturity_date"])
        step = ql.Period(12 // position["frequency"], ql.Months)
        self.quasi = (start, start + step) if position["stub"] == "short_last" else (end - step, end)

    def yearFraction(self, start: ql.Date, end: ql.Date) -> float:
        return ql.ActualActual(ql.ActualActual.ISMA).yearFraction(start, end, *self.quasi)


def accrual(position: dict[str, Any]) -> tuple[ql.Schedule, ql.DayCounter]:
    found = schedule(position)
    if len(found) == 2 and position["day_count"] == "ACT/ACT ISMA":
        return found, OnePeriodIsma(position)
    return found, DAY_COUNTS[position["day_count"]](found)


def bond_flows(position: dict[str, Any]) -> list[tuple[ql.Date, float]]:
    """QuantLib's own fixed-rate bond, per unit of notional."""
    dates, counter = accrual(position)
    if isinstance(counter, OnePeriodIsma):
        start, end = dates
        return [(end, 1.0 + position["coupon"] * counter.yearFraction(start, end))]
    bond = ql.FixedRateBond(0, 1.0, dates, [position["coupon"]], counter, ql.Unadjusted)
    return [(flow.date(), flow.amount()) for flow in bond.cashflows()]


def loan_periods(position: dict[str, Any]) -> list[tuple[ql.Date, ql.Date, float, float, float]]:
    """Start, end, balance, interest and principal of each period, per unit of notional, period by period."""
    dates, counter = accrual(position)
    rate, per_year, count = position["rate"], position["frequency"], len(dates) - 1
    balance, periods = 1.0, []
    for number in range(count):
        start, end = dates[number], dates[number + 1]
        interest = balance * rate * counter.yearFraction(start, end)
        principal = _principal(position["amortization"], balance, interest, rate / per_year, count, number)
        periods.append((start, end, balance, interest, principal))
        balance -= principal
    return periods


def _principal(amortization: str, balance: float, interest: float, rate: float, count: int, number: int) -> float:
    if number == count - 1:
        return balance
    if amortization == "bullet":
        return 0.0
    if amortization == "straight_line" or rate == 0.0:
        return 1.0 / count - (interest if amortization == "level_pay" else 0.0)
    return rate / (1 - (1 + rate) ** -count) - interest


def flows(position: dict[str, Any]) -> list[tuple[ql.Date, float]]:
    return _flows(tuple(position.items()))


@lru_cache(maxsize=64)
def _flows(items: tuple[tuple[str, Any], ...]) -> list[tuple[ql.Date, float]]:
    position = dict(items)
    if position["product_type"] == "FIXED_BOND":
        return bond_flows(position)
    return [(end, interest + principal) for _, end, _, interest, principal in loan_periods(position)]


def present_value(position: dict[str, Any], world: World, spread_bump: float = 0.0) -> float:
    if position["product_type"] == "FX_FWD":
        return _forward_value(position, world)
    valuation, curve = _date(world.valuation), world.discount(position["currency"])
    spread = (position.get("credit_spread") or 0.0) + world.spread_shift + spread_bump
    return position["notional"] * sum(
        amount * curve.discount(day) * math.exp(-spread * (day - valuation) / 365.0)
        for day, amount in flows(position)
        if day > valuation
    )


def _forward_value(position: dict[str, Any], world: World) -> float:
    maturity = _date(position["maturity_date"])
    if maturity <= _date(world.valuation):
        return 0.0
    base, quote = (world.discount(position[name]).discount(maturity) for name in ("base_currency", "quote_currency"))
    return position["notional"] * (spot(position, world) * base - position["strike"] * quote)


def spot(position: dict[str, Any], world: World) -> float:
    return world.spots[position["base_currency"] + position["quote_currency"]]


def accrued(position: dict[str, Any], world: World) -> float:
    if position["product_type"] == "FX_FWD":
        return 0.0
    valuation = _date(world.valuation)
    if position["product_type"] == "FIXED_BOND":
        dates, counter = accrual(position)
        if isinstance(counter, OnePeriodIsma):
            start, end = dates
            part = counter.yearFraction(start, valuation) if start < valuation < end else 0.0
            return position["notional"] * position["coupon"] * part
        leg = ql.FixedRateLeg(dates, counter, [1.0], [position["coupon"]], ql.Unadjusted)
        return position["notional"] * ql.CashFlows.accruedAmount(leg, False, valuation)
    _, counter = accrual(position)
    for start, end, balance, _, _ in loan_periods(position):
        if start < valuation < end:
            return position["notional"] * balance * position["rate"] * counter.yearFraction(start, valuation)
    return 0.0


def dv01(position: dict[str, Any], world: World) -> float:
    return present_value(position, world.all_moved(BP)) - present_value(position, world)


def cs01(position: dict[str, Any], world: World) -> float:
    return present_value(position, world, BP) - present_value(position, world)


def krd(position: dict[str, Any], world: World) -> dict[str, float]:
    if position["product_type"] == "FX_FWD":
        own, others = position["quote_currency"], [position["base_currency"]]
    else:
        own, others = position["currency"], []
    nodes = [(pillar, own, pillar) for pillar in world.curves[own]]
    nodes += [(f"{name}:{pillar}", name, pillar) for name in others for pillar in world.curves[name]]
    before = present_value(position, world)
    return {label: present_value(position, world.moved({(name, pillar): BP})) - before for label, name, pillar in nodes}


def fx_delta(position: dict[str, Any], world: World) -> float:
    up = world.spots | {position["base_currency"] + position["quote_currency"]: spot(position, world) + 1.0}
    return present_value(position, replace(world, spots=up)) - present_value(position, world)
