"""Yields, durations, convexities and Z-spreads of bonds and loans from QuantLib's own functions, per unit of notional."""

from __future__ import annotations

from typing import Any

import QuantLib as ql  # noqa: N813  its own examples call it so

from tests.unit.handlers.price.oracle import DAY_COUNTS, World, _date, loan_periods, schedule

FREQUENCIES = {1: ql.Annual, 2: ql.Semiannual, 4: ql.Quarterly, 12: ql.Monthly}
Z_DAYS = ql.Actual365Fixed()


class Debt:
    """A bond, or a loan as coupons on what is left, with QuantLib's day counter of its schedule."""

    def __init__(self, position: dict[str, Any], world: World) -> None:
        self.valuation = _date(world.valuation)
        ql.Settings.instance().evaluationDate = self.valuation
        dates = schedule(position)
        self.counter = DAY_COUNTS[position["day_count"]](dates)
        self.frequency = FREQUENCIES[position["frequency"]]
        self.curve = ql.YieldTermStructureHandle(world.discount(position["currency"]))
        self.leg = self._leg(position, dates)

    def _leg(self, position: dict[str, Any], dates: ql.Schedule) -> list[ql.CashFlow]:
        bullet = {"amortization": "bullet", "rate": position.get("coupon")}
        periods = loan_periods(bullet | position)
        coupons = ql.FixedRateLeg(
            dates, self.counter, [balance for _, _, balance, _, _ in periods], [(bullet | position)["rate"]], ql.Unadjusted
        )
        flows: list[ql.CashFlow] = []
        for coupon, (_, end, _, _, principal) in zip(coupons, periods, strict=True):
            flows += [coupon, ql.SimpleCashFlow(principal, end)]
        return flows

    def ytm(self, price: float) -> float:
        arguments = (self.counter, ql.Compounded, self.frequency, False, self.valuation, self.valuation, 1e-14, 1000)
        return float(ql.CashFlows.yieldRate(self.leg, price, *arguments))

    def duration(self, ytm: float) -> float:
        return float(ql.CashFlows.duration(self.leg, self._rate(ytm), ql.Duration.Modified, False, self.valuation))

    def convexity(self, ytm: float) -> float:
        return float(ql.CashFlows.convexity(self.leg, self._rate(ytm), False, self.valuation))

    def z_spread(self, price: float) -> float:
        arguments = (Z_DAYS, ql.Continuous, ql.NoFrequency, False, self.valuation, self.valuation, 1e-13, 1000)
        return float(ql.CashFlows.zSpread(self.leg, price, self.curve.currentLink(), *arguments))

    def _rate(self, ytm: float) -> ql.InterestRate:
        return ql.InterestRate(ytm, self.counter, ql.Compounded, self.frequency)
