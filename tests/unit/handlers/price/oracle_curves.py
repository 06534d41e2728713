"""QuantLib's own curves behind each interpolation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import QuantLib as ql  # noqa: N813  its own examples call it so

_FAR = ql.Date(31, 12, 2199)
_DAY_COUNT = ql.Actual365Fixed()


@dataclass(frozen=True)
class ByTime:
    """Discount factors from QuantLib's curve, which begins at its first pillar, of zero rates that run from the valuation."""

    curve: ql.YieldTermStructure | None
    pillars: dict[ql.Date, float]
    valuation: ql.Date

    def discount(self, day: ql.Date) -> float:
        return math.exp(-self.zero_rate(day) * (day - self.valuation) / 365.0)

    def zero_rate(self, day: ql.Date) -> float:
        first, *_, last = [*self.pillars, *self.pillars]
        if self.curve is None or not first < day < last:
            return self.pillars[first if day <= first else last]
        return self.curve.zeroRate((day - first) / 365.0, ql.Continuous).rate()


def interpolated(kind: str, curve: dict[ql.Date, float], valuation: ql.Date) -> ql.YieldTermStructure | ByTime:
    """A curve of this interpolation through these zero rates."""
    if kind == "monotone_cubic_zero":
        several = len(curve) > 1
        return ByTime(_monotone_cubic(curve) if several else None, curve, valuation)
    return _log_linear(kind, curve, valuation)


def _monotone_cubic(curve: dict[ql.Date, float]) -> ql.YieldTermStructure:
    dates, rates = list(curve), list(curve.values())
    return ql.MonotonicCubicZeroCurve(dates, rates, _DAY_COUNT, ql.NullCalendar(), ql.MonotonicCubic(), ql.Continuous)


def _log_linear(kind: str, curve: dict[ql.Date, float], valuation: ql.Date) -> ql.YieldTermStructure:
    """From 1 at the valuation; QuantLib goes on with the last forward rate, a far pillar keeps the zero rate flat."""
    ahead = {day: rate for day, rate in curve.items() if day > valuation}
    if kind == "log_linear_df" or not ahead:
        ahead[_FAR] = list(curve.values())[-1]
    factors = [math.exp(-rate * (day - valuation) / 365.0) for day, rate in ahead.items()]
    found = ql.DiscountCurve([valuation, *ahead], [1.0, *factors], _DAY_COUNT, ql.NullCalendar())
    found.enableExtrapolation()
    return found
