"""Random floating-rate bonds and swaps, and a market with projection curves and fixings for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from events.market import Market
from handlers.price.engine import price_run
from handlers.price.portfolio import Portfolio
from handlers.price.sheet import PricedRun
from tests.unit.handlers.price import books
from tests.unit.handlers.price.books import CALENDARS, CONVENTIONS, VALUATION, amounts, days, rates, scenarios
from tests.unit.handlers.price.oracle import DAY_COUNTS, World
from tests.unit.handlers.price.rates_oracle import RatesWorld

INDICES = {"USD-SOFR-3M": "USD", "USD-TERM": "USD", "EURIBOR-6M": "EUR", "SONIA-SINGLE": "GBP"}
PROJECTIONS = {
    "USD-SOFR-3M": {"2026-01-15": 0.0371, "2026-07-15": 0.0352, "2029-01-15": 0.0341, "2036-01-15": 0.0401},
    "EURIBOR-6M": {"2027-02-28": 0.022, "2031-08-31": 0.026},
}
FLOATER = {
    "position_id": "floater",
    "product_type": "FLOATING_BOND",
    "currency": "USD",
    "notional": 1_000_000.0,
    "start_date": "2024-03-15",
    "maturity_date": "2031-03-15",
    "index": "USD-SOFR-3M",
    "spread": 0.0025,
    "day_count": "ACT/360",
    "frequency": 4,
    "stub": "short_first",
}
SWAP = {
    "position_id": "swap",
    "product_type": "IRS",
    "currency": "USD",
    "notional": 1_000_000.0,
    "pay_receive": "pay",
    "start_date": "2024-03-15",
    "maturity_date": "2031-03-15",
    "fixed_rate": 0.035,
    "fixed_day_count": "30/360",
    "fixed_frequency": 1,
    "index": "USD-SOFR-3M",
    "floating_day_count": "ACT/360",
    "floating_frequency": 4,
    "stub": "short_first",
}


def fixing(day: date, index: str) -> float:
    """A rate that every day and every index has for itself."""
    return 0.01 + (day.toordinal() % 97) / 4000 + len(index) / 1000


def fixed_days(valuation: date) -> dict[str, dict[str, float]]:
    """Fixings of the four years before the valuation date and, of one index, of that day too."""
    past = [valuation - timedelta(day) for day in range(1, 1500)]
    found = {name: {day.isoformat(): fixing(day, name) for day in past} for name in INDICES}
    found["USD-SOFR-3M"][valuation.isoformat()] = 0.0333
    return found


def rates_world(valuation: date = VALUATION) -> RatesWorld:
    projections = World(valuation.isoformat(), PROJECTIONS, {})
    return RatesWorld(books.world(valuation), projections, INDICES, fixed_days(valuation))


def rates_market(of: RatesWorld) -> Market:
    curve = {"interpolation": "linear_zero", "compounding": "continuous", "day_count": "ACT/365F"}
    projections = {
        name: curve | {"currency": of.currencies[name], "pillars": list(rates), "zero_rates": list(rates.values())}
        for name, rates in of.projections.curves.items()
    }
    return Market.model_validate(books.snapshot(of.discount) | {"projection_curves": projections, "fixings": of.fixings})


def priced(
    positions: Sequence[dict[str, Any]],
    *shocks: list[dict[str, Any]],
    measures: Sequence[str] = ("PV",),
    valuation: date = VALUATION,
    in_market: RatesWorld | None = None,
) -> PricedRun:
    """The run of these positions under scenarios s0, s1, … of these shocks (none: `base`)."""
    snapshot = rates_market(in_market or rates_world(valuation))
    return price_run(Portfolio.from_records(positions), snapshot, scenarios(*shocks), measures, valuation)


def value(position: dict[str, Any], measure: str = "PV", **options: Any) -> float:
    """The one value of one position in the base scenario."""
    run = priced([position], measures=[measure], **options)
    assert run.error == [None], run.error_detail
    return float(run.values[0, 0])


@st.composite
def date_rules(draw: st.DrawFn, *counts: str) -> dict[str, Any]:
    """None at all for half of the positions; accrual dates stay where they are under ACT/ACT ISMA."""
    if draw(st.booleans()):
        return {}
    rules: dict[str, Any] = {"calendar": draw(CALENDARS), "payment_convention": draw(CONVENTIONS)}
    rules |= {"end_of_month": draw(st.booleans()), "fixing_calendar": draw(st.sampled_from([None, "NONE", "UK", "JP"]))}
    return rules if "ACT/ACT ISMA" in counts else rules | {"accrual_convention": draw(CONVENTIONS)}


@st.composite
def _common(draw: st.DrawFn) -> dict[str, Any]:
    start = draw(days(date(2023, 1, 1), date(2030, 1, 1)))
    index = draw(st.sampled_from(list(INDICES)))
    return {
        "position_id": "random",
        "currency": INDICES[index],
        "index": index,
        "notional": draw(amounts),
        "start_date": start.isoformat(),
        "maturity_date": draw(days(start + timedelta(days=1), start + timedelta(days=4000))).isoformat(),
        "stub": draw(st.sampled_from(["short_first", "short_last", "long_first"])),
        "spread": draw(st.one_of(st.none(), st.floats(-0.02, 0.05))),
        "fixing_days": draw(st.sampled_from([None, 0, 1, 2, 5])),
    }


day_counts = st.sampled_from(list(DAY_COUNTS))
frequencies = st.sampled_from([1, 2, 4, 12])


@st.composite
def floaters(draw: st.DrawFn) -> dict[str, Any]:
    own = {
        "product_type": "FLOATING_BOND",
        "day_count": draw(day_counts),
        "frequency": draw(frequencies),
        "credit_spread": draw(st.one_of(st.none(), st.floats(-0.01, 0.1))),
        "ex_coupon_days": draw(st.sampled_from([None, 0, 7])),
    }
    return draw(_common()) | own | draw(date_rules(own["day_count"]))


@st.composite
def swaps(draw: st.DrawFn) -> dict[str, Any]:
    own = {
        "product_type": "IRS",
        "pay_receive": draw(st.sampled_from(["pay", "receive"])),
        "fixed_rate": draw(rates),
        "fixed_day_count": draw(day_counts),
        "fixed_frequency": draw(frequencies),
        "floating_day_count": draw(day_counts),
        "floating_frequency": draw(frequencies),
    }
    return draw(_common()) | own | draw(date_rules(own["fixed_day_count"], own["floating_day_count"]))


floating = st.one_of(floaters(), swaps())
