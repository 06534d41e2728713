"""Floating-rate bonds and swaps from QuantLib's schedules, day counters, calendars and curves, coupon by coupon."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import QuantLib as ql  # noqa: N813  its own examples call it so

from tests.unit.handlers.price import oracle
from tests.unit.handlers.price.oracle import BP, World, _date

Position = dict[str, Any]


@dataclass(frozen=True)
class RatesWorld:
    """One scenario's market: `projections` has the curves of indices, whose currencies are in `currencies`."""

    discount: World
    projections: World
    currencies: dict[str, str]
    fixings: dict[str, dict[str, float]]

    def shocked(self, shocks: list[dict[str, Any]]) -> RatesWorld:
        """Shocks of rates move projection curves too, those of a pillar where they have it."""
        moves: dict[tuple[str, str], float] = {}
        for shock in shocks:
            for name, pillar in self._touched(shock):
                moves[name, pillar] = moves.get((name, pillar), 0.0) + shock["bp"] * BP
        return replace(self, discount=self.discount.shocked(shocks), projections=self.projections.moved(moves))

    def _touched(self, shock: dict[str, Any]) -> Iterator[tuple[str, str]]:
        for name, curve in self.projections.curves.items():
            if shock.get("currency") in ("*", self.currencies[name]):
                yield from ((name, pillar) for pillar in curve if shock.get("pillar", pillar) == pillar)

    def all_moved(self, size: float) -> RatesWorld:
        return replace(self, discount=self.discount.all_moved(size), projections=self.projections.all_moved(size))

    def projection(self, index: str, currency: str) -> ql.YieldTermStructure:
        return self.projections.discount(index) if index in self.projections.curves else self.discount.discount(currency)


@dataclass(frozen=True)
class Coupon:
    """Between adjusted dates; `fixing` None in a fixed leg."""

    start: ql.Date
    end: ql.Date
    payment: ql.Date
    years: float
    counter: Any
    fixing: ql.Date | None
    ex: ql.Date | None

    def accrued_years(self, valuation: ql.Date) -> float:
        if not self.start < valuation < self.payment:
            return 0.0
        now = min(self.end, valuation)
        if self.ex is not None and self.ex <= valuation:
            return -self.counter.yearFraction(now, self.end) if now < self.end else 0.0
        return self.counter.yearFraction(self.start, now)

    def is_due(self, valuation: ql.Date) -> bool:
        return self.payment > valuation and (self.ex is None or self.ex > valuation)


def leg(position: Position, name: str = "") -> Position:
    """The terms of one leg of a swap, as if they were a bond's."""
    if not name:
        return position
    return position | {"day_count": position[f"{name}_day_count"], "frequency": position[f"{name}_frequency"]}


def coupons(terms: Position, *, floating: bool) -> list[Coupon]:
    return _coupons(tuple(terms.items()), floating)


@lru_cache(maxsize=64)
def _coupons(items: tuple[tuple[str, Any], ...], floating: bool) -> list[Coupon]:
    terms = dict(items)
    dates, counter = oracle.accrual(terms)
    found = []
    for start, end in zip(list(dates)[:-1], list(dates)[1:], strict=True):
        payment = oracle.adjusted(end, terms, "payment_convention")
        ex_days = terms.get("ex_coupon_days") or 0
        ex_calendar = oracle.calendar(terms.get("ex_coupon_calendar") or terms.get("calendar"))
        ex = ex_calendar.advance(payment, -ex_days, ql.Days) if ex_days else None
        fixing = _fixing_day(terms, start) if floating else None
        found.append(Coupon(start, end, payment, counter.yearFraction(start, end), counter, fixing, ex))
    return found


def _fixing_day(terms: Position, start: ql.Date) -> ql.Date:
    calendar = oracle.calendar(terms.get("fixing_calendar") or terms.get("calendar"))
    days = terms.get("fixing_days") or 0
    return calendar.advance(start, -days, ql.Days) if days else calendar.adjust(start, ql.Preceding)


def known_rate(position: Position, world: RatesWorld, coupon: Coupon) -> float | None:
    if coupon.fixing > _date(world.discount.valuation):
        return None
    return world.fixings[position["index"]].get(coupon.fixing.to_date().isoformat())


def floating_amount(position: Position, world: RatesWorld, coupon: Coupon) -> float:
    spread = (position.get("spread") or 0.0) * coupon.years
    rate = known_rate(position, world, coupon)
    if rate is not None:
        return rate * coupon.years + spread
    curve = world.projection(position["index"], position["currency"])
    return curve.discount(coupon.start) / curve.discount(coupon.end) - 1.0 + spread


def payments(position: Position, world: RatesWorld) -> list[tuple[ql.Date, float]]:
    """What is still paid, in units of the notional."""
    valuation = _date(world.discount.valuation)
    swap = position["product_type"] == "IRS"
    floating = coupons(leg(position, "floating" if swap else ""), floating=True)
    due = [(each.payment, floating_amount(position, world, each)) for each in floating if each.is_due(valuation)]
    if not swap:
        return [*due, (oracle.adjusted(floating[-1].end, position, "payment_convention"), 1.0)]
    side = side_of(position)
    fixed = coupons(leg(position, "fixed"), floating=False)
    return [(day, -side * amount) for day, amount in due] + [
        (each.payment, side * position["fixed_rate"] * each.years) for each in fixed
    ]


def side_of(position: Position) -> float:
    return 1.0 if position["pay_receive"] == "receive" else -1.0


def present_value(position: Position, world: RatesWorld, spread_bump: float = 0.0) -> float:
    valuation, curve = _date(world.discount.valuation), world.discount.discount(position["currency"])
    spread = 0.0
    if position["product_type"] != "IRS":
        spread = (position.get("credit_spread") or 0.0) + world.discount.spread_shift + spread_bump
    return position["notional"] * sum(
        amount * curve.discount(day) * math.exp(-spread * (day - valuation) / 365.0)
        for day, amount in payments(position, world)
        if day > valuation
    )


def accrued(position: Position, world: RatesWorld) -> float:
    valuation = _date(world.discount.valuation)
    swap = position["product_type"] == "IRS"
    found = 0.0
    for each in coupons(leg(position, "floating" if swap else ""), floating=True):
        years = each.accrued_years(valuation)
        if years:
            found += (known_rate(position, world, each) + (position.get("spread") or 0.0)) * years
    if swap:
        fixed = coupons(leg(position, "fixed"), floating=False)
        found = side_of(position) * (sum(position["fixed_rate"] * each.accrued_years(valuation) for each in fixed) - found)
    return position["notional"] * found


def dv01(position: Position, world: RatesWorld) -> float:
    return present_value(position, world.all_moved(BP)) - present_value(position, world)


def cs01(position: Position, world: RatesWorld) -> float:
    return present_value(position, world, BP) - present_value(position, world)


def krd(position: Position, world: RatesWorld) -> dict[str, float]:
    before, name, index = present_value(position, world), position["currency"], position["index"]
    found = {}
    for pillar in world.discount.curves[name]:
        moved = replace(world, discount=world.discount.moved({(name, pillar): BP}))
        found[pillar] = present_value(position, moved) - before
    for pillar in world.projections.curves.get(index, {}):
        moved = replace(world, projections=world.projections.moved({(index, pillar): BP}))
        found[f"{index}:{pillar}"] = present_value(position, moved) - before
    return found
