"""The same numbers from QuantLib: its dates, day counters, legs and curves, one position and one scenario at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import Any

import QuantLib as ql  # noqa: N813  its own examples call it so

from tests.support.holidays import CALENDARS
from tests.unit.handlers.price.oracle_curves import interpolated

BP = 1e-4
CONVENTIONS = {
    None: ql.Unadjusted,
    "unadjusted": ql.Unadjusted,
    "following": ql.Following,
    "modified_following": ql.ModifiedFollowing,
    "preceding": ql.Preceding,
}
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


def calendar(name: str | None) -> ql.Calendar:
    joint = [CALENDARS[each] for each in (name or "NONE").split("+")]
    return joint[0] if len(joint) == 1 else ql.JointCalendar(*joint, ql.JoinHolidays)


def adjusted(day: ql.Date, position: dict[str, Any], convention: str) -> ql.Date:
    return calendar(position.get("calendar")).adjust(day, CONVENTIONS[position.get(convention)])


def schedule(position: dict[str, Any]) -> ql.Schedule:
    """QuantLib's unadjusted schedule, then its calendar's adjustment of every date."""
    plain = unadjusted_schedule(position)
    if not position.get("accrual_convention"):
        return plain
    dates = [adjusted(day, position, "accrual_convention") for day in plain]
    return ql.Schedule(dates, ql.NullCalendar(), ql.Unadjusted, ql.Unadjusted)


def unadjusted_schedule(position: dict[str, Any]) -> ql.Schedule:
    start, maturity = _date(position["start_date"]), _date(position["maturity_date"])
    step = ql.Period(12 // position["frequency"], ql.Months)
    forward = position["stub"] == "short_last"
    rule = ql.DateGeneration.Forward if forward else ql.DateGeneration.Backward
    # Elsewhere it changes no date, but ACT/ACT ISMA would count a stub beside 28 February from a month's end.
    eom = bool(position.get("end_of_month")) and ql.Date.isEndOfMonth(start if forward else maturity)

    def rolled(first: ql.Date) -> ql.Schedule:
        return ql.Schedule(start, maturity, step, ql.NullCalendar(), ql.Unadjusted, ql.Unadjusted, rule, eom, first)

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
        eom = bool(position.get("end_of_month"))
        forward = position["stub"] == "short_last"
        near, by = (start, step) if forward else (end, -step)
        far = ql.NullCalendar().advance(near, by, ql.Unadjusted, eom)
        self.quasi = (near, far) if forward else (far, near)

    def yearFraction(self, start: ql.Date, end: ql.Date) -> float:
        return ql.ActualActual(ql.ActualActual.ISMA).yearFraction(start, end, *self.quasi)


def accrual(position: dict[str, Any]) -> tuple[ql.Schedule, ql.DayCounter]:
    found = schedule(position)
    if len(found) == 2 and position["day_count"] == "ACT/ACT ISMA":
        return found, OnePeriodIsma(position)
    return found, DAY_COUNTS[position["day_count"]](found)


Flow = tuple[ql.Date, float, ql.Date]


def _bond(position: dict[str, Any], dates: ql.Schedule, counter: Any) -> list[ql.CashFlow]:
    """QuantLib's own fixed-rate bond, per unit of notional."""
    pay, ex = calendar(position.get("calendar")), calendar(position.get("ex_coupon_calendar") or position.get("calendar"))
    convention, ex_days = (
        CONVENTIONS[position.get("payment_convention")],
        ql.Period(position.get("ex_coupon_days") or 0, ql.Days),
    )
    terms = (convention, 100.0, ql.Date(), pay, ex_days if ex_days.length() else ql.Period(), ex)
    return list(ql.FixedRateBond(0, 1.0, dates, [position["coupon"]], counter, *terms).cashflows())


def bond_flows(position: dict[str, Any]) -> list[Flow]:
    """Days, amounts, and from when on each is traded ex; the null date: never."""
    dates, counter = accrual(position)
    if not isinstance(counter, OnePeriodIsma):
        return [(flow.date(), flow.amount(), _ex_date(flow)) for flow in _bond(position, dates, counter)]
    interest = position["coupon"] * counter.yearFraction(*dates)
    coupon, redemption = _bond(position, dates, ql.Actual360())
    return [(coupon.date(), interest, _ex_date(coupon)), (redemption.date(), 1.0, ql.Date())]


def zero_bond_flows(position: dict[str, Any]) -> list[Flow]:
    return [(adjusted(_date(position["maturity_date"]), position, "payment_convention"), 1.0, ql.Date())]


def deposit_flows(position: dict[str, Any]) -> list[Flow]:
    """QuantLib's own coupon of the deposit's one period, between the two payments of the notional."""
    coupon = deposit_coupon(position)
    start = adjusted(coupon.accrualStartDate(), position, "payment_convention")
    return [(start, -1.0, ql.Date()), (coupon.date(), 1.0 + coupon.amount(), ql.Date())]


def deposit_coupon(position: dict[str, Any]) -> ql.FixedRateCoupon:
    start, end = (adjusted(_date(position[name]), position, "accrual_convention") for name in ("start_date", "maturity_date"))
    paid = adjusted(end, position, "payment_convention")
    return ql.FixedRateCoupon(paid, 1.0, position["rate"], DAY_COUNTS[position["day_count"]](None), start, end)


_FLOWS = {"FIXED_BOND": bond_flows, "ZERO_BOND": zero_bond_flows, "DEPOSIT": deposit_flows}


def _ex_date(flow: ql.CashFlow) -> ql.Date:
    coupon = ql.as_coupon(flow)
    return coupon.exCouponDate() if coupon else ql.Date()


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


def flows(position: dict[str, Any]) -> list[Flow]:
    return _flows(tuple(position.items()))


@lru_cache(maxsize=64)
def _flows(items: tuple[tuple[str, Any], ...]) -> list[Flow]:
    position = dict(items)
    if position["product_type"] in _FLOWS:
        return _FLOWS[position["product_type"]](position)
    paid = [(end, interest + principal) for _, end, _, interest, principal in loan_periods(position)]
    return [(adjusted(end, position, "payment_convention"), amount, ql.Date()) for end, amount in paid]


def is_due(day: ql.Date, ex: ql.Date, valuation: ql.Date) -> bool:
    """Whether a buyer gets what is paid on that day."""
    return day > valuation and (ex == ql.Date() or ex > valuation)


def present_value(position: dict[str, Any], world: World, spread_bump: float = 0.0) -> float:
    if position["product_type"] == "FX_FWD":
        return _forward_value(position, world)
    valuation, curve = _date(world.valuation), world.discount(position["currency"])
    spread = (position.get("credit_spread") or 0.0) + world.spread_shift + spread_bump
    return position["notional"] * sum(
        amount * curve.discount(day) * math.exp(-spread * (day - valuation) / 365.0)
        for day, amount, ex in flows(position)
        if is_due(day, ex, valuation)
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
    if position["product_type"] in ("FX_FWD", "ZERO_BOND"):
        return 0.0
    valuation = _date(world.valuation)
    if position["product_type"] == "DEPOSIT":
        coupon = deposit_coupon(position)
        return position["notional"] * coupon.accruedAmount(valuation) if coupon.date() > valuation else 0.0
    if position["product_type"] == "FIXED_BOND":
        return position["notional"] * _bond_accrued(position, valuation)
    _, counter = accrual(position)
    found = 0.0
    for start, end, balance, _, _ in loan_periods(position):
        if start < valuation < adjusted(end, position, "payment_convention"):
            found += position["notional"] * balance * position["rate"] * counter.yearFraction(start, min(valuation, end))
    return found


def _bond_accrued(position: dict[str, Any], valuation: ql.Date) -> float:
    """Of all coupons that are still to be paid, per unit of notional."""
    dates, counter = accrual(position)
    if isinstance(counter, OnePeriodIsma):
        start, end = dates
        (paid, _, ex), _ = bond_flows(position)
        if not start < valuation < paid:
            return 0.0
        now = min(end, valuation)
        years = counter.yearFraction(start, now) if is_due(paid, ex, valuation) else -counter.yearFraction(now, end)
        return position["coupon"] * years
    *coupons, _ = map(ql.as_coupon, _bond(position, dates, counter))
    return sum(coupon.accruedAmount(valuation) for coupon in coupons if coupon.date() > valuation)


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
