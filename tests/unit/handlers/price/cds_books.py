"""Credit default swaps, markets for them, and QuantLib's ISDA engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import exp, log
from typing import Any

import QuantLib as ql  # noqa: N813
from hypothesis import strategies as st

from events.market import Market
from tests.unit.handlers.price.books import VALUATION, amounts, days
from tests.unit.handlers.price.oracle import BP, _date

CDS = {
    "position_id": "cds",
    "product_type": "CDS",
    "currency": "USD",
    "notional": 10_000_000.0,
    "issuer": "ACME",
    "start_date": "2025-12-20",
    "maturity_date": "2030-12-20",
    "coupon": 0.01,
}
ACT_365F = ql.Actual365Fixed()


@dataclass(frozen=True)
class CreditWorld:
    """A valuation date, and zero rates and zero hazard rates by pillar, both log-linear in what they stand for."""

    valuation: str
    zeros: Mapping[str, float]
    hazards: Mapping[str, float]

    def moved(self, name: str, pillar: str | None = None) -> CreditWorld:
        """One or all rates of `zeros` or `hazards` a basis point up."""
        rates = {day: rate + BP * (pillar in (None, day)) for day, rate in getattr(self, name).items()}
        return replace(self, **{name: rates})

    def snapshot(self, interpolation: str = "log_linear_df", credit: dict[str, Any] | None = None) -> Market:
        """The market of this world, or the same with other credit curves."""
        curve = {"interpolation": interpolation, "compounding": "continuous", "day_count": "ACT/365F"}
        hazards = {"kind": "hazard", "interpolation": interpolation}
        hazards |= {"pillars": list(self.hazards), "rates": list(self.hazards.values())}
        parts = {
            "curves": {"USD": curve | {"pillars": list(self.zeros), "zero_rates": list(self.zeros.values())}},
            "credit_curves": credit or {"issuers": {"ACME": hazards}, "ratings": {"BBB": hazards}},
        }
        return Market.model_validate({"snapshot_id": "eod", "as_of": self.valuation, "fx_spot": {}} | parts)

    def _survivals(self, rates: Mapping[str, float]) -> tuple[list[ql.Date], list[float]]:
        """Dates and exp(-rate · t), from 1 at the valuation on."""
        today = _date(self.valuation)
        later = [(_date(day), rate) for day, rate in rates.items() if _date(day) > today]
        values = [exp(-rate * ACT_365F.yearFraction(today, day)) for day, rate in later]
        return [today, *(day for day, _ in later)], [1.0, *values]

    def discount(self) -> ql.YieldTermStructureHandle:
        dates, factors = self._survivals(self.zeros)
        return ql.YieldTermStructureHandle(ql.DiscountCurve(dates, factors, ACT_365F))

    def default(self) -> ql.DefaultProbabilityTermStructureHandle:
        dates, alive = self._survivals(self.hazards)
        times = [ACT_365F.yearFraction(dates[0], day) for day in dates]
        rates = [log(alive[i] / alive[i + 1]) / (times[i + 1] - times[i]) for i in range(len(dates) - 1)]
        return ql.DefaultProbabilityTermStructureHandle(ql.HazardRateCurve(dates, [rates[0], *rates], ACT_365F))


def quantlib_swap(position: dict[str, Any]) -> ql.CreditDefaultSwap:
    """Of QuantLib, without accrual rebate; protection bought whatever the notional's sign."""
    start, end = _date(position["start_date"]), _date(position["maturity_date"])
    weekends = position.get("calendar") == "WEEKENDS"
    calendar, convention = (ql.WeekendsOnly(), ql.Following) if weekends else (ql.NullCalendar(), ql.Unadjusted)
    step = ql.Period(12 // position.get("frequency", 4), ql.Months)
    rule = ql.DateGeneration.Backward
    schedule = ql.Schedule(start, end, step, calendar, convention, ql.Unadjusted, rule, False)
    upfront_date = _date(position.get("upfront_date") or position["start_date"])
    # Of a single period QuantLib does not take it for the last one, which has a day more.
    counter = ql.Actual360(len(schedule) == 2)
    return ql.CreditDefaultSwap(
        ql.Protection.Buyer,
        1.0,
        position.get("upfront") or 0.0,
        position["coupon"],
        schedule,
        convention,
        counter,
        True,
        True,
        start,
        upfront_date,
        ql.FaceValueClaim(),
        ql.Actual360(True),
        False,
    )


def present_value(position: dict[str, Any], world: CreditWorld) -> float:
    """QuantLib's ISDA engine takes a premium that is paid tomorrow for one that went to an earlier holder."""
    today = _date(world.valuation)
    ql.Settings.instance().evaluationDate = today
    swap = quantlib_swap(position)
    discount = world.discount()
    recovery = position.get("recovery_rate", 0.4)
    swap.setPricingEngine(ql.IsdaCdsEngine(world.default(), recovery, discount))
    tomorrow = sum(flow.amount() * discount.discount(today + 1) for flow in swap.coupons() if flow.date() == today + 1)
    return float(position["notional"] * (swap.NPV() - tomorrow))


PILLARS = ("2026-07-15", "2027-01-15", "2028-01-15", "2029-06-20", "2031-01-15", "2036-01-15", "2060-01-15")
HAZARD_PILLARS = ("2026-12-20", "2028-12-20", "2030-12-20", "2035-12-20", "2060-01-15")


def curves(pillars: tuple[str, ...], low: float, high: float) -> st.SearchStrategy[dict[str, float]]:
    """Rates that change by little from pillar to pillar, so that forward hazard rates stay positive."""
    moves = st.lists(st.floats(-0.05, 0.15), min_size=len(pillars), max_size=len(pillars))
    return st.builds(
        lambda level, by: {day: level * (1 + sum(by[: place + 1]) / 4) for place, day in enumerate(pillars)},
        st.floats(low, high),
        moves,
    )


worlds = st.builds(
    CreditWorld,
    st.one_of(st.just(VALUATION), days(date(2025, 12, 1), date(2028, 1, 1))).map(date.isoformat),
    curves(PILLARS, -0.005, 0.06),
    curves(HAZARD_PILLARS, 0.0005, 0.5),
)


@st.composite
def swaps(draw: st.DrawFn) -> dict[str, Any]:
    start = draw(days(date(2024, 1, 1), date(2029, 1, 1)))
    end = start + timedelta(days=draw(st.integers(10, 4_000)))
    own = {"notional": draw(amounts), "start_date": start.isoformat(), "maturity_date": end.isoformat()}
    own |= {"coupon": draw(st.sampled_from([0.0, 0.0025, 0.01, 0.05])), "recovery_rate": draw(st.floats(0.0, 1.0))}
    own |= {"frequency": draw(st.sampled_from([4, 4, 2, 12]))}
    if draw(st.booleans()):
        own |= {"upfront": draw(st.floats(-0.2, 0.2)), "upfront_date": (start + timedelta(days=3)).isoformat()}
    return CDS | own | {"calendar": draw(st.sampled_from([None, "WEEKENDS"]))}
