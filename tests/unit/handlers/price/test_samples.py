"""Sums by samples are those of every flow's own discount factor, by whatever scenarios the curve moves."""

from __future__ import annotations

from collections.abc import Callable
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
from handlers.price.interpolation import FLAT_FORWARD, INTERPOLATIONS, LINEAR_ZERO, LOG_LINEAR_DF, MONOTONE_CUBIC_ZERO
from handlers.price.keyrates import segment_product
from handlers.price.portfolio import Portfolio
from handlers.price.samples import TOLERANCE, Samples, missed, samples
from tests.unit.handlers.price.books import BOND, CURVES, VALUATION, interpolated_world, market

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


def most_missed(linear: float, square: float, count: int) -> float:
    [found] = missed(np.array([linear]), np.array([square]), [count])
    return float(found[0])


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


@given(
    linear=st.floats(-2.0, 2.0),
    square=st.floats(-2.0, 2.0),
    count=st.integers(3, 12),
)
def test_a_polynomial_misses_no_more_than_is_said_before(linear: float, square: float, count: int) -> None:
    bound = most_missed(abs(linear), abs(square), count)
    points, x = -np.cos(np.pi * np.arange(count) / (count - 1)), np.linspace(-1.0, 1.0, 101)
    values, expected = (np.exp(-(linear * at + square * at * at)) for at in (points, x))
    fitted = np.polynomial.chebyshev.Chebyshev.fit(points, values, count - 1)
    assert (np.abs(fitted(x) / expected - 1.0) <= bound + 1e-12).all()


def test_the_bound_is_not_so_wide_that_samples_never_do() -> None:
    assert most_missed(0.1, 0.0, 6) > 1e-12
    assert most_missed(0.1, 0.0, 10) < TOLERANCE


def test_moves_beyond_all_bounds_and_cubic_curves_have_no_samples() -> None:
    wild = moved(LINEAR_ZERO, parallel, 1)
    wild.rates[:, 3] = 40.0
    assert samples(wild, 0, HORIZON, None, FLOWS, POSITIONS) is None
    assert samples(moved(MONOTONE_CUBIC_ZERO, parallel, 1), 0, HORIZON, None, FLOWS, POSITIONS) is None


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


SHOCKS: dict[str, list[dict[str, Any]]] = {
    "parallel": [{"kind": "rate_parallel", "bp": 1.0}],
    "spread": [{"kind": "credit_spread", "bp": 2.0}],
    "nodes": [{"kind": "rate_node", "currency": "USD", "pillar": pillar, "bp": 1.0} for pillar in CURVES["USD"]],
}
MEASURES = ["PV", "DV01", "KRD"]


def scenarios(kind: str, count: int) -> list[Scenario]:
    return [
        Scenario.model_validate(
            {"id": f"s{number}", "shocks": [shock | {"bp": shock["bp"] * (number % 9 - 3)} for shock in SHOCKS[kind]]}
        )
        for number in range(count)
    ]


@pytest.mark.parametrize(("interpolation", "kind"), list(zip(INTERPOLATIONS, [*SHOCKS, "parallel"], strict=True)))
def test_a_book_has_the_same_values_by_samples_and_without(
    interpolation: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monthly = BOND | {"frequency": 12, "credit_spread": 0.01, "currency": "USD"}
    records = [
        monthly | {"position_id": f"p{number}", "maturity_date": f"{2030 + number % 20}-03-{1 + number % 28:02}"}
        for number in range(200)
    ]
    taken: list[bool] = []

    def watched(*arguments: Any) -> Samples | None:
        found = samples(*arguments)
        taken.append(found is not None)
        return found

    monkeypatch.setattr(discounted, "samples", watched)
    content = market(interpolated_world(interpolation))
    run = price_run(Portfolio.from_records(records), content, scenarios(kind, 100), MEASURES, VALUATION)
    assert any(taken) is (interpolation != "monotone_cubic_zero")
    monkeypatch.setattr(discounted, "FEWEST_TERMS", 10**12)
    count = len(taken)
    plain = price_run(Portfolio.from_records(records), content, scenarios(kind, 100), MEASURES, VALUATION)
    assert len(taken) == count, "without samples"
    np.testing.assert_allclose(run.values, plain.values, rtol=1e-11, atol=1e-9)
