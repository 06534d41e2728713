"""Every interpolation against QuantLib's curves, and what holds for all of them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813  its own examples call it so
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.price.currencies import currency_code
from handlers.price.curves import Curves, Nodes
from handlers.price.dates import to_day
from handlers.price.interpolation import INTERPOLATIONS
from handlers.price.market import MarketData
from tests.unit.handlers.price.books import (
    BOND,
    CURVES,
    FORWARD,
    VALUATION,
    interpolated_world,
    market,
    positions,
    priced,
    scenarios,
    world,
)
from tests.unit.handlers.price.oracle_curves import interpolated

ALL = list(INTERPOLATIONS)
OTHERS = [name for name in ALL if name != "linear_zero"]


@st.composite
def curves(draw: st.DrawFn) -> dict[date, float]:
    """Pillars before and after the valuation, with rates that rise, fall, bend and turn negative."""
    gaps = draw(st.lists(st.integers(90, 3_000), min_size=1, max_size=9))
    day = VALUATION + timedelta(draw(st.integers(-900, 900)))
    rates = [draw(st.floats(-0.02, 0.12).map(lambda rate: round(rate, 4))) for _ in gaps]
    days = []
    for gap in gaps:
        day += timedelta(gap)
        days.append(day)
    return dict(zip(days, rates, strict=True))


def data(kind: str, curve: dict[date, float], *shocks: list[dict[str, Any]]) -> Curves:
    """One USD curve under these scenarios."""
    named = interpolated_world(kind)
    dollar = {day.isoformat(): rate for day, rate in curve.items()}
    return MarketData.of(market(replaced(named, dollar)), scenarios(*(shocks or [[]])), VALUATION).curves


def replaced(of: Any, curve: dict[str, float]) -> Any:
    return type(of)(of.valuation, {"USD": curve}, of.spots, interpolations=of.interpolations)


def nodes(found: Curves, days: list[date]) -> Nodes:
    curve = found.find(np.full(len(days), currency_code("USD")))
    return found.at(curve, np.array([to_day(day) for day in days]) - found.valuation)


def quantlib(kind: str, curve: dict[date, float]) -> Any:
    return interpolated(kind, {ql_date(day): rate for day, rate in curve.items()}, ql_date(VALUATION))


def ql_date(day: date) -> ql.Date:
    return ql.Date(day.day, day.month, day.year)


ahead = st.lists(st.integers(1, 12_000).map(lambda days: VALUATION + timedelta(days)), min_size=1, max_size=8)


@pytest.mark.parametrize("kind", OTHERS)
@given(curve=curves(), days=ahead)
def test_discount_factors_agree_with_quantlib(kind: str, curve: dict[date, float], days: list[date]) -> None:
    days = [*days, *(day for day in curve if day > VALUATION)]
    oracle = quantlib(kind, curve)
    expected = [oracle.discount(ql_date(day)) for day in days]
    assert nodes(data(kind, curve), days).discount[:, 0].tolist() == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("kind", ALL)
@given(curve=curves(), days=ahead)
def test_a_pillars_key_rate_is_what_a_market_with_that_pillar_moved_gives(
    kind: str, curve: dict[date, float], days: list[date]
) -> None:
    moved = [{"kind": "rate_node", "currency": "USD", "pillar": day.isoformat(), "bp": 1.0} for day in curve]
    before = nodes(data(kind, curve), days)
    after = nodes(data(kind, curve, *([shock] for shock in moved)), days).discount
    for pillar in range(len(curve)):
        np.testing.assert_allclose(before.bumped(pillar)[:, 0], after[:, pillar], rtol=1e-13)


@pytest.mark.parametrize("kind", ALL)
@given(curve=curves(), days=ahead)
def test_a_basis_point_on_every_pillar_is_a_basis_point_on_every_day(
    kind: str, curve: dict[date, float], days: list[date]
) -> None:
    found = nodes(data(kind, curve, [], [{"kind": "rate_parallel", "currency": "USD", "bp": 1.0}]), days)
    np.testing.assert_allclose(found.discount[:, 0] * (1.0 + found.rate_bump()), found.discount[:, 1], rtol=1e-13)


@pytest.mark.parametrize("kind", ALL)
def test_pillars_are_met_exactly_and_today_is_worth_one(kind: str) -> None:
    curve = {date(2025, 1, 15): 0.01, date(2026, 1, 15): 0.02, date(2028, 1, 15): 0.05, date(2031, 1, 15): 0.03}
    found = nodes(data(kind, curve), [VALUATION, date(2028, 1, 15), date(2031, 1, 15)])
    assert found.discount[:, 0].tolist() == pytest.approx([1.0, np.exp(-0.05 * 2.0), np.exp(-0.03 * 1826 / 365)], rel=1e-14)


@pytest.mark.parametrize("kind", ALL)
def test_one_pillar_is_a_flat_curve(kind: str) -> None:
    for pillar in (date(2020, 1, 1), VALUATION, date(2030, 1, 1)):
        found = nodes(data(kind, {pillar: 0.04}), [VALUATION + timedelta(365), VALUATION + timedelta(7_300)])
        assert found.discount[:, 0].tolist() == pytest.approx([np.exp(-0.04), np.exp(-0.8)], rel=1e-14)


def test_beyond_the_last_pillar_the_zero_rate_stays_or_the_forward_rate_does() -> None:
    curve = {VALUATION + timedelta(365): 0.02, VALUATION + timedelta(730): 0.03}
    far = [VALUATION + timedelta(1_460)]
    for kind in ("linear_zero", "log_linear_df", "monotone_cubic_zero"):
        assert nodes(data(kind, curve), far).discount[0, 0] == pytest.approx(np.exp(-0.03 * 4))
    assert nodes(data("flat_forward", curve), far).discount[0, 0] == pytest.approx(np.exp(-0.06 - 0.04 * 2))


def test_pillars_that_have_passed_do_not_bend_forward_rates() -> None:
    curve = {VALUATION - timedelta(200): 0.09, VALUATION + timedelta(365): 0.02}
    half = [VALUATION + timedelta(73)]
    for kind in ("log_linear_df", "flat_forward"):
        assert nodes(data(kind, curve), half).discount[0, 0] == pytest.approx(np.exp(-0.02 * 0.2), rel=1e-14)
        assert nodes(data(kind, curve), half).bumped(0)[0, 0] == nodes(data(kind, curve), half).discount[0, 0]


@given(curves())
def test_a_monotone_cubic_rises_where_its_pillars_rise(curve: dict[date, float]) -> None:
    rising = dict(zip(curve, sorted(curve.values()), strict=True))
    days = [VALUATION + timedelta(step) for step in range(1, 12_000, 37)]
    found = nodes(data("monotone_cubic_zero", rising), days)
    rates = -np.log(found.discount[:, 0]) / found.time
    assert (np.diff(rates) >= -1e-14 / found.time[1:]).all()


def test_curves_of_every_kind_lie_side_by_side() -> None:
    """Each currency's discount factors are what they are in a market of its own kind alone."""
    kinds = dict(zip(CURVES, OTHERS, strict=True))
    mixed = world()
    mixed = type(mixed)(mixed.valuation, mixed.curves, mixed.spots, interpolations=kinds)
    book = [BOND | {"currency": name} for name in kinds] + [FORWARD]
    together = priced(book, measures=("PV", "DV01", "KRD"), in_market=mixed)
    for row, (name, kind) in enumerate(kinds.items()):
        alone = priced([BOND | {"currency": name}], measures=("PV", "DV01", "KRD"), in_market=interpolated_world(kind))
        np.testing.assert_allclose(together.values[together.row_no == row], alone.values, rtol=1e-13, atol=1e-9)


@settings(max_examples=40)
@given(positions, st.sampled_from(OTHERS))
def test_key_rates_are_the_differences_that_shocks_of_their_pillars_make(position: dict[str, Any], kind: str) -> None:
    world_of_kind = interpolated_world(kind)
    run = priced([position], measures=("PV", "DV01", "KRD"), in_market=world_of_kind)
    own = position.get("currency") or position["quote_currency"]
    names = [(bucket.split(":")[0], bucket.split(":")[1]) if ":" in bucket else (own, bucket) for bucket in run.bucket[2:]]
    if run.values[0, 0] == 0.0:
        return
    shocks = [[{"kind": "rate_node", "currency": name, "pillar": pillar, "bp": 1.0}] for name, pillar in names]
    everywhere = [{"kind": "rate_parallel", "currency": "*", "bp": 1.0}]
    moved = priced([position], *shocks, everywhere, in_market=world_of_kind)
    close = {"rtol": 0, "atol": 1e-10 * abs(position["notional"])}
    np.testing.assert_allclose(run.values[2:, 0], moved.values[0, :-1] - run.values[0, 0], **close)
    np.testing.assert_allclose(run.values[1, 0], moved.values[0, -1] - run.values[0, 0], **close)


def test_a_wild_rate_stays_in_its_scenario() -> None:
    """A spline couples pillars, not scenarios."""
    wild = [{"kind": "rate_node", "currency": "USD", "pillar": "2029-01-15", "bp": -1e308}]
    run = priced([BOND], [], wild, in_market=interpolated_world("monotone_cubic_zero"))
    alone = priced([BOND], [], in_market=interpolated_world("monotone_cubic_zero"))
    assert run.error == ["CALCULATION_FAILED"]
    assert (run.values[0, 0], np.isnan(run.values[0, 1])) == (alone.values[0, 0], True)
