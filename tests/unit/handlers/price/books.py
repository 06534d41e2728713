"""Random books, markets and scenarios, and short ways to price them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from events.market import Market
from events.scenario import Scenario
from handlers.price.engine import price_run
from handlers.price.portfolio import Portfolio
from handlers.price.sheet import PricedRun
from tests.unit.handlers.price.oracle import DAY_COUNTS, World

VALUATION = date(2026, 1, 15)
MEASURES = ("PV", "ACCRUED", "DV01", "CS01", "KRD", "FX_DELTA")
CURRENCIES = ("USD", "EUR", "GBP")

CURVES = {
    "USD": {"2026-01-15": 0.0365, "2027-01-15": 0.034, "2029-01-15": 0.0335, "2036-01-15": 0.039, "2056-01-15": 0.043},
    "EUR": {"2026-07-15": 0.019, "2028-01-15": -0.004, "2036-01-31": 0.025, "2046-01-15": 0.028},
    "GBP": {"2025-06-30": 0.041, "2031-01-15": 0.038},
}
SPOTS = {"EURUSD": 1.0875, "GBPUSD": 1.27, "EURGBP": 0.856}
BOND = {
    "position_id": "bond",
    "product_type": "FIXED_BOND",
    "currency": "USD",
    "notional": 1_000_000.0,
    "start_date": "2021-03-15",
    "maturity_date": "2031-03-15",
    "coupon": 0.0425,
    "day_count": "30/360",
    "frequency": 2,
    "stub": "short_first",
}
LOAN = {
    "position_id": "loan",
    "product_type": "AMORT_LOAN",
    "currency": "EUR",
    "notional": 500_000.0,
    "start_date": "2024-01-31",
    "maturity_date": "2034-01-31",
    "rate": 0.05,
    "day_count": "ACT/360",
    "frequency": 12,
    "amortization": "level_pay",
    "stub": "short_first",
}
ZERO_BOND = {
    "position_id": "zero",
    "product_type": "ZERO_BOND",
    "currency": "USD",
    "notional": 100.0,
    "maturity_date": "2027-01-15",
}
DEPOSIT = {
    "position_id": "deposit",
    "product_type": "DEPOSIT",
    "currency": "USD",
    "notional": 100.0,
    "start_date": "2025-12-15",
    "maturity_date": "2026-06-15",
    "rate": 0.04,
    "day_count": "ACT/360",
}
FORWARD = {
    "position_id": "forward",
    "product_type": "FX_FWD",
    "base_currency": "EUR",
    "quote_currency": "USD",
    "notional": 2_000_000.0,
    "strike": 1.1,
    "maturity_date": "2027-03-15",
}


def world(valuation: date = VALUATION, curves: dict[str, dict[str, float]] = CURVES, **spots: float) -> World:
    return World(valuation.isoformat(), curves, spots or SPOTS)


def interpolated_world(interpolation: str, valuation: date = VALUATION) -> World:
    """The same market with every curve interpolated so."""
    return replace(world(valuation), interpolations=dict.fromkeys(CURVES, interpolation))


def market(of: World | None = None) -> Market:
    return Market.model_validate(snapshot(of or world()))


def snapshot(of: World) -> dict[str, Any]:
    curves = {
        name: {
            "interpolation": of.interpolations.get(name, "linear_zero"),
            "compounding": "continuous",
            "day_count": "ACT/365F",
            "pillars": list(curve),
            "zero_rates": list(curve.values()),
        }
        for name, curve in of.curves.items()
    }
    return {"snapshot_id": "eod", "as_of": of.valuation, "curves": curves, "fx_spot": of.spots}


def scenarios(*shocks: list[dict[str, Any]]) -> list[Scenario]:
    return [Scenario.model_validate({"id": f"s{number}", "shocks": some}) for number, some in enumerate(shocks)]


def priced(
    positions: Sequence[dict[str, Any]],
    *shocks: list[dict[str, Any]],
    measures: Sequence[str] = ("PV",),
    valuation: date = VALUATION,
    in_market: World | None = None,
    reporting: str | None = None,
) -> PricedRun:
    """The run of these positions under scenarios s0, s1, … of these shocks (none: `base`)."""
    portfolio = Portfolio.from_records(positions)
    return price_run(portfolio, market(in_market), scenarios(*shocks), measures, valuation, reporting)


def only_value(run: PricedRun) -> float:
    """The first value of the one row of a run, which has no error."""
    assert run.error == [None], run.error_detail
    return float(run.values[0, 0])


def only_error(run: PricedRun) -> tuple[str | None, str | None]:
    """The code and the sentence of the one row of a run."""
    assert len(run.error) == 1
    return run.error[0], run.error_detail[0]


def value(position: dict[str, Any], measure: str = "PV", **options: Any) -> float:
    """The one value of one position in the base scenario."""
    return only_value(priced([position], measures=[measure], **options))


def error(position: dict[str, Any], measure: str = "PV", **options: Any) -> tuple[str | None, str | None]:
    """The code and the sentence of the one row of one position, whose cells must be null if there is one."""
    return only_error(priced([position], measures=[measure], **options))


def days(first: date, last: date) -> st.SearchStrategy[date]:
    """Dates, month ends among them more often than chance would have it."""
    plain = st.dates(first, last)
    return st.one_of(plain, plain.map(lambda day: min(_month_end(day), last)))


def _month_end(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


amounts = st.builds(lambda size, sign: size * sign, st.floats(1.0, 1e7), st.sampled_from([1.0, -1.0]))


# The textbook formula of a level payment, which the oracle uses, loses all digits at rates such as 1e-200.
rates = st.one_of(st.just(0.0), st.floats(-0.02, 0.15).map(lambda rate: round(rate, 6)))


@st.composite
def lending(draw: st.DrawFn, product: str, *, with_rules: bool = False) -> dict[str, Any]:
    start = draw(days(date(2018, 1, 1), date(2030, 1, 1)))
    maturity = draw(days(start + timedelta(days=1), start + timedelta(days=6000)))
    position = {
        "position_id": "random",
        "product_type": product,
        "currency": draw(st.sampled_from(CURRENCIES)),
        "notional": draw(amounts),
        "start_date": start.isoformat(),
        "maturity_date": maturity.isoformat(),
        "day_count": draw(st.sampled_from(list(DAY_COUNTS))),
        "frequency": draw(st.sampled_from([1, 2, 4, 12])),
        "stub": draw(st.sampled_from(["short_first", "short_last", "long_first"])),
        "credit_spread": draw(st.one_of(st.none(), st.just(0.0), st.floats(-0.01, 0.1))),
        "coupon" if product == "FIXED_BOND" else "rate": draw(rates),
    }
    if product == "AMORT_LOAN":
        position["amortization"] = draw(st.sampled_from(["level_pay", "straight_line", "bullet"]))
    return position | draw(date_rules(position, always=with_rules))


CALENDARS = st.sampled_from(["TARGET", "US", "UK", "US+UK", "WEEKENDS"])
CONVENTIONS = st.sampled_from([None, "following", "modified_following", "preceding"])


@st.composite
def date_rules(draw: st.DrawFn, position: dict[str, Any], *, always: bool = False) -> dict[str, Any]:
    """None at all for half of the positions, unless they shall always have some."""
    if not always and draw(st.booleans()):
        return {}
    rules: dict[str, Any] = {
        "calendar": draw(CALENDARS),
        "payment_convention": draw(CONVENTIONS),
        "end_of_month": draw(st.booleans()),
    }
    if position["day_count"] != "ACT/ACT ISMA":
        rules["accrual_convention"] = draw(CONVENTIONS)
    if position["product_type"] == "FIXED_BOND":
        rules["ex_coupon_days"] = draw(st.sampled_from([0, 1, 7, 21]))
        rules["ex_coupon_calendar"] = draw(st.sampled_from([None, "NONE", "JP"]))
    return rules


@st.composite
def forwards(draw: st.DrawFn) -> dict[str, Any]:
    base, quote = draw(st.sampled_from([("EUR", "USD"), ("GBP", "USD"), ("EUR", "GBP")]))
    return {
        "position_id": "random",
        "product_type": "FX_FWD",
        "base_currency": base,
        "quote_currency": quote,
        "notional": draw(amounts),
        "strike": draw(st.floats(0.5, 2.0)),
        "maturity_date": draw(days(date(2025, 1, 1), date(2060, 1, 1))).isoformat(),
    }


@st.composite
def zero_bonds(draw: st.DrawFn) -> dict[str, Any]:
    position = {
        "position_id": "random",
        "product_type": "ZERO_BOND",
        "currency": draw(st.sampled_from(CURRENCIES)),
        "notional": draw(amounts),
        "maturity_date": draw(days(date(2025, 1, 1), date(2060, 1, 1))).isoformat(),
        "credit_spread": draw(st.one_of(st.none(), st.floats(-0.01, 0.1))),
    }
    if draw(st.booleans()):
        position |= {"calendar": draw(CALENDARS), "payment_convention": draw(CONVENTIONS)}
    return position


@st.composite
def deposits(draw: st.DrawFn) -> dict[str, Any]:
    start = draw(days(date(2025, 1, 1), date(2028, 1, 1)))
    position = draw(zero_bonds()) | {
        "product_type": "DEPOSIT",
        "start_date": start.isoformat(),
        "maturity_date": draw(days(start + timedelta(days=1), start + timedelta(days=800))).isoformat(),
        "rate": draw(rates),
        "day_count": draw(st.sampled_from(["ACT/365F", "ACT/360", "30/360", "30E/360"])),
    }
    return position | ({"accrual_convention": draw(CONVENTIONS)} if "calendar" in position else {})


positions = st.one_of(lending("FIXED_BOND"), lending("AMORT_LOAN"), forwards(), zero_bonds(), deposits())
bps = st.floats(-200.0, 400.0)
shocks = st.one_of(
    st.builds(
        lambda bp, currency: {"kind": "rate_parallel", "bp": bp, "currency": currency}, bps, st.sampled_from(["*", *CURRENCIES])
    ),
    st.builds(
        lambda bp, node: {"kind": "rate_node", "bp": bp, "currency": node[0], "pillar": node[1]},
        bps,
        st.sampled_from([(name, pillar) for name, curve in CURVES.items() for pillar in curve]),
    ),
    st.builds(lambda bp: {"kind": "credit_spread", "bp": bp}, bps),
    st.builds(
        lambda pair, by: {"kind": "fx", "pair": pair, "relative": by}, st.sampled_from(list(SPOTS)), st.floats(-0.5, 0.5)
    ),
)
scenario_sets = st.lists(st.lists(shocks, max_size=3), min_size=1, max_size=3)
