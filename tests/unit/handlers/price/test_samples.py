"""Sums by samples are those of every flow's own discount factor, by whatever scenarios the curve moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.scenario import Scenario
from handlers.price import discounted
from handlers.price.arrays import Floats, Ints, offsets
from handlers.price.curves import Curves
from handlers.price.engine import price_run
from handlers.price.interpolation import FLAT_FORWARD, LINEAR_ZERO, LOG_LINEAR_DF, MONOTONE_CUBIC_ZERO
from handlers.price.keyrates import segment_product
from handlers.price.portfolio import Portfolio
from handlers.price.samples import Samples, missed, samples
from tests.unit.handlers.price.books import BOND, CURVES, VALUATION, ZERO_BOND, interpolated_world, market
from tests.unit.handlers.price.rates_books import SWAP

HORIZON = 9_000
SCENARIOS = 40
# What the curves are told of the flows, so that samples pay for the few of a test.
FLOWS, POSITIONS = 10_000_000, 1_000
PILLARS = (-40, 60, 365, 730, 1_825, 3_650, 7_300)

Moves = Callable[[np.random.Generator], Floats]


def parallel(chance: np.random.Generator) -> Floats:
    return np.broadcast_to(chance.uniform(-0.03, 0.03, SCENARIOS), (len(PILLARS), SCENARIOS))


def twisted(chance: np.random.Generator) -> Floats:
    return np.outer(np.linspace(-1.0, 1.0, len(PILLARS)), chance.uniform(-0.02, 0.02, SCENARIOS))


def one_by_one(chance: np.random.Generator) -> Floats:
    return np.where(np.arange(len(PILLARS))[:, None] == np.arange(SCENARIOS) % len(PILLARS), 0.01, 0.0) * chance.choice([-1, 1])


def anyhow(chance: np.random.Generator) -> Floats:
    return chance.uniform(-0.03, 0.03, (len(PILLARS), SCENARIOS))


def unmoved(_: np.random.Generator) -> Floats:
    return np.zeros((len(PILLARS), SCENARIOS))


ALL_MOVES = [parallel, twisted, one_by_one, anyhow, unmoved]


def moved(method: int, moves: Moves, seed: int) -> Curves:
    """A curve with rates of -2 to 15 percent, beside another one that must not matter."""
    chance = np.random.default_rng(seed)
    rates = chance.uniform(-0.02, 0.15, len(PILLARS))[:, None] + moves(chance)
    pillars = np.concatenate((PILLARS, [10, 400])) + 20_000
    own = np.array([0, len(PILLARS), pillars.size])
    other = chance.uniform(0.0, 0.5, (2, SCENARIOS))
    methods = np.array([method, LINEAR_ZERO])
    return Curves(20_000, np.array([0, 1]), ("A", "B"), methods, own, pillars, np.concatenate((rates, other)))


def book(seed: int, horizon: int = HORIZON) -> tuple[Floats, Ints, Ints]:
    """Amounts, days ahead and bounds of positions with 0 to 60 flows, some of them on the pillars."""
    chance = np.random.default_rng(seed)
    counts = chance.integers(0, 60, 25)
    days = [np.sort(chance.integers(1, horizon, count)) for count in counts]
    days[0] = np.array([day for day in (*PILLARS, HORIZON - 1) if 0 < day < horizon], dtype=np.int64)
    bounds = offsets(np.array([each.size for each in days]))
    return chance.uniform(-1e6, 1e6, bounds[-1]), np.concatenate(days), bounds


def each_flow(curves: Curves, amounts: Floats, ahead: Ints, bounds: Ints, spread: Floats | None = None) -> Floats:
    nodes, place = curves.nodes(np.zeros(1, dtype=np.int64), ahead + curves.valuation, spread)
    return segment_product(amounts, place, bounds, nodes.discount)


def sampled(curves: Curves, spread: Floats | None = None, horizon: int = HORIZON) -> Samples:
    found = samples(curves, 0, horizon, spread, FLOWS, POSITIONS)
    assert found is not None
    return found


def close(found: Floats, expected: Floats, curves: Curves, flows: tuple[Floats, Ints, Ints]) -> None:
    """Equal but for rounding, which is a part of what is added up, not of what comes of it."""
    amounts, ahead, bounds = flows
    gross = each_flow(curves, np.abs(amounts), ahead, bounds)
    assert (np.abs(found - expected) <= 2e-14 * gross).all()


@given(
    method=st.sampled_from([LINEAR_ZERO, LOG_LINEAR_DF, FLAT_FORWARD]),
    moves=st.sampled_from(ALL_MOVES),
    seed=st.integers(0, 2**32),
)
def test_sums_are_those_of_every_flows_own_factor(method: int, moves: Moves, seed: int) -> None:
    curves, flows = moved(method, moves, seed), book(seed)
    close(sampled(curves).summed(*flows), each_flow(curves, *flows), curves, flows)


@given(seed=st.integers(0, 2**32), horizon=st.integers(2, 500))
def test_the_same_of_short_horizons(seed: int, horizon: int) -> None:
    curves, flows = moved(LINEAR_ZERO, anyhow, seed), book(seed, horizon)
    close(sampled(curves, horizon=horizon).summed(*flows), each_flow(curves, *flows), curves, flows)


@given(seed=st.integers(0, 2**32))
def test_a_spread_of_each_scenario_is_part_of_the_factors(seed: int) -> None:
    curves, flows = moved(LINEAR_ZERO, parallel, seed), book(seed)
    spread = np.random.default_rng(seed).uniform(-0.01, 0.04, SCENARIOS)
    close(sampled(curves, spread).summed(*flows), each_flow(curves, *flows, spread), curves, flows)


def test_where_all_rates_move_alike_a_dozen_samples_are_enough_for_decades() -> None:
    found = sampled(moved(LINEAR_ZERO, parallel, 1))
    assert found.factors.shape[0] <= 24
    assert found.weights.shape == (HORIZON, found.factors.shape[0] // (found.stretch[-1] + 1))


def test_pillars_that_scenarios_bend_are_ends_of_stretches() -> None:
    found = sampled(moved(LINEAR_ZERO, one_by_one, 1))
    begins = np.flatnonzero(np.diff(found.stretch)) + 1
    assert {pillar for pillar in PILLARS if pillar > 0} <= set(begins.tolist())


@given(linear=st.floats(-2.0, 2.0), square=st.floats(-2.0, 2.0), count=st.integers(3, 12))
def test_a_polynomial_misses_no_more_than_is_said_before(linear: float, square: float, count: int) -> None:
    bound, true = bound_and_miss(linear, square, count)
    assert true <= bound + 1e-13


@pytest.mark.parametrize("square", [0.0, 0.02])
@pytest.mark.parametrize(("linear", "count"), [(1.0, 4), (1.0, 6), (0.1, 4), (0.02, 3), (2.0, 10)])
def test_what_is_said_before_is_no_more_than_a_hundred_times_what_is_missed(linear: float, square: float, count: int) -> None:
    bound, true = bound_and_miss(linear, square, count)
    assert 1e-11 < true < bound < 100.0 * true


def bound_and_miss(linear: float, square: float, count: int) -> tuple[float, float]:
    [bound] = missed(np.array([abs(linear)]), np.array([abs(square)]), [count])
    points, x = -np.cos(np.pi * np.arange(count) / (count - 1)), np.linspace(-1.0, 1.0, 401)
    values, expected = (np.exp(-(linear * at + square * at * at)) for at in (points, x))
    fitted = np.polynomial.chebyshev.Chebyshev.fit(points, values, count - 1)
    return float(bound[0]), float(np.abs(fitted(x) / expected - 1.0).max())


@pytest.mark.parametrize("rate", [0.0, 0.15, 0.4])
def test_rounding_of_high_rates_bends_nothing(rate: float) -> None:
    curves, chance = moved(LINEAR_ZERO, parallel, 1), np.random.default_rng(1)
    alike = np.add.outer(rate + chance.uniform(0.0, 0.02, 9), chance.uniform(-0.02, 0.02, SCENARIOS))
    assert sampled(replace(curves, rates=alike), horizon=11_000).stretch.max() <= 1


def test_factors_that_are_next_to_nothing_spoil_no_others() -> None:
    curves, (amounts, ahead, bounds) = moved(LINEAR_ZERO, parallel, 1), book(1, 30_000)
    steep = replace(curves, rates=curves.rates + 7.0)
    amounts = np.abs(amounts)
    expected = each_flow(steep, amounts, ahead, bounds)
    found = sampled(steep, horizon=30_000).summed(amounts, ahead, bounds)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("moves", [one_by_one, anyhow])
@pytest.mark.parametrize(("rate", "horizon"), [(0.1, 90_000), (0.1, 100_000), (9.0, 30_000), (12.0, 30_000), (-0.1, 100_000)])
def test_samples_of_factors_that_no_double_holds_are_right_or_none(moves: Moves, rate: float, horizon: int) -> None:
    curves, flows = moved(LINEAR_ZERO, moves, 1), book(1)
    steep = replace(curves, rates=curves.rates + rate)
    found = samples(steep, 0, horizon, None, FLOWS, POSITIONS)
    if found is not None:
        close(found.summed(*flows), each_flow(steep, *flows), steep, flows)


def test_a_payment_in_the_year_9999_is_not_worth_a_table_of_days() -> None:
    assert samples(moved(LINEAR_ZERO, parallel, 1), 0, 2_912_000, None, FLOWS, POSITIONS) is None


def test_scenarios_that_move_a_curve_alike_have_the_same_values_to_the_last_bit() -> None:
    curves, flows = moved(LINEAR_ZERO, anyhow, 1), book(1)
    move = np.arange(SCENARIOS) % 7
    found = sampled(replace(curves, rates=curves.rates[:, move])).summed(*flows)
    np.testing.assert_array_equal(found, found[:, move])
    close(found, each_flow(curves, *flows)[:, move], curves, flows)


def test_moves_beyond_all_bounds_and_cubic_curves_have_no_samples() -> None:
    wild = moved(LINEAR_ZERO, parallel, 1)
    wild.rates[:, 3] = 40.0
    assert samples(wild, 0, HORIZON, None, FLOWS, POSITIONS) is None
    assert samples(moved(MONOTONE_CUBIC_ZERO, parallel, 1), 0, HORIZON, None, FLOWS, POSITIONS) is None


def test_payments_of_tomorrow_alone_have_no_samples() -> None:
    assert samples(moved(LINEAR_ZERO, parallel, 1), 0, 1, None, FLOWS, POSITIONS) is None


def test_a_curve_of_a_pillar_a_day_is_not_looked_at_for_few_flows(monkeypatch: pytest.MonkeyPatch) -> None:
    daily, rates = np.arange(7_000), np.full((7_000, SCENARIOS), 0.03)
    curves = Curves(0, np.zeros(1), ("A",), np.array([LINEAR_ZERO]), np.array([0, 7_000]), daily, rates)
    monkeypatch.setattr(Curves, "at", None)
    assert samples(curves, 0, HORIZON, None, 5_000, 10) is None


@pytest.mark.parametrize(("flows", "scenarios"), [(FLOWS, 1), (20, SCENARIOS)])
def test_few_scenarios_or_flows_are_not_worth_samples(flows: int, scenarios: int) -> None:
    curves = moved(LINEAR_ZERO, parallel, 1).under(slice(scenarios))
    assert samples(curves, 0, HORIZON, None, flows, POSITIONS) is None


def test_an_amount_that_is_no_number_stays_with_its_position() -> None:
    curves, (amounts, ahead, bounds) = moved(LINEAR_ZERO, anyhow, 1), book(1)
    kept = sampled(curves).summed(amounts, ahead, bounds)
    amounts[bounds[3]] = np.nan
    found = sampled(curves).summed(amounts, ahead, bounds)
    assert np.isnan(found[3]).all()
    np.testing.assert_array_equal(np.delete(found, 3, axis=0), np.delete(kept, 3, axis=0))


PILLARS_OF_USD = list(CURVES["USD"])


def shock(kind: str, number: int) -> dict[str, Any]:
    """In the scenario of that number."""
    bp = 3.0 * (number % 11 - 3)
    match kind:
        case "nodes":
            return {"kind": "rate_node", "currency": "USD", "pillar": PILLARS_OF_USD[number % len(PILLARS_OF_USD)], "bp": bp}
        case "spreads":
            return {"kind": "credit_spread", "bp": bp}
        case _:
            return {"kind": "rate_parallel", "bp": bp}


def scenarios(kind: str, count: int) -> list[Scenario]:
    return [Scenario.model_validate({"id": f"s{number}", "shocks": [shock(kind, number)]}) for number in range(count)]


def whole_book(count: int) -> Portfolio:
    """Bonds paid month by month, and swaps whose fixed legs are."""
    monthly = BOND | {"frequency": 12, "credit_spread": 0.01, "currency": "USD"}
    ends = [{"maturity_date": f"{2030 + number % 20}-03-{1 + number % 28:02}"} for number in range(count)]
    terms = {"start_date": "2026-03-15", "index": "USD-TERM", "fixed_frequency": 12, "floating_frequency": 1}
    swaps = [SWAP | terms | {"position_id": f"r{number}"} | end for number, end in enumerate(ends)]
    return Portfolio.from_records([*(monthly | {"position_id": f"p{number}"} | end for number, end in enumerate(ends)), *swaps])


@dataclass
class Watched:
    """How many stretches there were whenever samples were asked for; 0 where there were none."""

    stretches: list[int] = field(default_factory=list)

    def __call__(self, *arguments: Any) -> Samples | None:
        found = samples(*arguments)
        self.stretches.append(0 if found is None else int(found.stretch[-1]) + 1)
        return found


@pytest.mark.parametrize(
    ("interpolation", "kind", "most"),
    [
        ("linear_zero", "parallel", 1),
        ("linear_zero", "nodes", 12),
        ("log_linear_df", "spreads", 1),
        ("flat_forward", "nodes", 12),
        ("monotone_cubic_zero", "parallel", 0),
    ],
)
def test_a_book_has_the_same_values_by_samples_and_without(
    interpolation: str, kind: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, portfolio, measures = market(interpolated_world(interpolation)), whole_book(200), ["PV", "DV01", "KRD", "THETA"]
    watched = Watched()
    monkeypatch.setattr(discounted, "samples", watched)
    run = price_run(portfolio, content, scenarios(kind, 100), measures, VALUATION)
    assert max(watched.stretches) <= most
    assert (max(watched.stretches) > 1) is (kind == "nodes")
    assert any(watched.stretches) is (interpolation != "monotone_cubic_zero")
    asked = len(watched.stretches)
    monkeypatch.setattr(discounted, "FEWEST_TERMS", 10**12)
    plain = price_run(portfolio, content, scenarios(kind, 100), measures, VALUATION)
    assert len(watched.stretches) == asked, "without samples"
    np.testing.assert_allclose(run.values, plain.values, rtol=1e-11, atol=1e-12 * BOND["notional"] * 100)


def test_a_large_book_that_is_paid_tomorrow_has_its_theta() -> None:
    tomorrow = {"maturity_date": (VALUATION + timedelta(1)).isoformat(), "currency": "USD"}
    book = Portfolio.from_records([ZERO_BOND | tomorrow | {"position_id": f"p{number}"} for number in range(6_000)])
    run = price_run(book, market(), scenarios("parallel", 500), ["PV", "THETA"], VALUATION)
    assert not run.errors
    assert np.isfinite(run.values).all()
