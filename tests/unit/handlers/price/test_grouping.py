"""Totals by group: additive, whatever the slices, equal to the sums of the cells."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.market import Market
from events.scenario import Scenario
from handlers.price import grouping
from handlers.price.engine import price_run
from handlers.price.grouping import Grouping, GroupSums, GroupTotals
from handlers.price.portfolio import Portfolio
from handlers.price.sheet import PricedRun
from handlers.price.stored import total_rows
from tests.support.run_rows import run_row
from tests.unit.handlers.price.books import BOND, FORWARD, LOAN, VALUATION, market

MEASURES = ("PV", "ACCRUED", "DV01")
SCENARIOS = [
    Scenario(id="base"),
    Scenario.model_validate({"id": "up", "shocks": [{"kind": "rate_parallel", "bp": 100}]}),
    Scenario.model_validate({"id": "fx", "shocks": [{"kind": "fx", "pair": "EURUSD", "relative": 0.1}]}),
]
KINDS = [BOND, LOAN, FORWARD, BOND | {"notional": None}, BOND | {"product_type": "NO_SUCH_THING"}]
POSITIONS = st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from(["a", "b", ""]), st.integers(-3, 3)), max_size=20)


def book(drawn: list[Any]) -> list[dict[str, Any]]:
    return [
        kind | {"position_id": f"p{place}", "desk": desk, "notional": kind["notional"] and size * 1e6}
        for place, (kind, desk, size) in enumerate(drawn)
    ]


def priced(positions: list[dict[str, Any]], group_by: list[str], of: Market | None = None) -> PricedRun:
    return price_run(Portfolio.from_records(positions, group_by), of or market(), SCENARIOS, MEASURES, VALUATION, "GBP")


def totals(run: PricedRun) -> GroupTotals:
    assert run.group_totals is not None
    return run.group_totals


def by_name(found: GroupTotals) -> dict[Any, Any]:
    """The totals of each group and measure by scenario, None where they are null."""
    return {
        (tuple(values), measure): [number if np.isfinite(number) else None for number in row]
        for measure, sums in found.sums.items()
        for values, row in zip(found.values, sums.tolist(), strict=True)
    }


def stored(found: GroupTotals, scenarios: int = len(SCENARIOS)) -> GroupTotals:
    """As they come back from a slice's row."""
    groups, sums = found.packed()
    return GroupTotals.unpacked(orjson.loads(orjson.dumps(groups)), sums, scenarios)


@settings(max_examples=40)
@given(POSITIONS)
def test_the_groups_of_a_run_add_up_to_its_totals(drawn: list[Any]) -> None:
    run = priced(book(drawn), ["desk", "currency"])
    for measure, sums in totals(run).sums.items():
        assert sums.sum(axis=0) == pytest.approx(np.array(list(run.totals[measure].values()), dtype=float), rel=1e-9, abs=1e-6)


@settings(max_examples=40)
@given(POSITIONS)
def test_a_group_comes_to_what_its_positions_come_to_alone(drawn: list[Any]) -> None:
    positions = book(drawn)
    found = by_name(totals(priced(positions, ["desk"])))
    assert {values[0] for values, _ in found} == {position["desk"] for position in positions}
    for desk in {position["desk"] for position in positions}:
        alone = priced([position for position in positions if position["desk"] == desk], [])
        for measure in MEASURES:
            assert found[(desk,), measure] == pytest.approx(list(alone.totals[measure].values()), rel=1e-9, abs=1e-6)


@settings(max_examples=40)
@given(POSITIONS, st.integers(1, 7))
def test_the_group_totals_of_slices_add_up_to_those_of_the_whole(drawn: list[Any], size: int) -> None:
    positions, sums = book(drawn), GroupSums(MEASURES, len(SCENARIOS))
    for first in range(0, len(positions), size):
        sums.add(stored(totals(priced(positions[first : first + size], ["desk", "currency"]))))
    wanted = by_name(totals(priced(positions, ["desk", "currency"])))
    found = by_name(sums.totals())
    assert found.keys() == wanted.keys()
    for key, row in wanted.items():
        assert found[key] == pytest.approx(row, rel=1e-9, abs=1e-6)


def test_a_group_is_null_where_a_conversion_is_missing_and_the_others_are_not() -> None:
    content = market().model_copy(update={"fx_spot": {"GBPUSD": 1.27}})
    positions = book([(BOND, "dollars", 1), (LOAN, "euros", 1)])
    found = by_name(totals(priced(positions, ["desk"], content)))
    assert found[("euros",), "PV"][0] is None
    assert found[("dollars",), "PV"][0] is not None


def test_a_spot_that_is_no_number_makes_null_only_what_needs_it() -> None:
    shock = {"kind": "fx", "pair": "EURUSD", "absolute": -99.0}
    scenarios = [SCENARIOS[0], Scenario.model_validate({"id": "gone", "shocks": [shock]})]
    cash = {"product_type": "CASH", "position_id": "c"}
    held = [("a", "USD", 5.0), ("b", "EUR", 7.0), ("c", "EUR", 0.0)]
    positions = [cash | {"desk": desk, "currency": currency, "notional": units} for desk, currency, units in held]
    run = price_run(Portfolio.from_records(positions, ["desk"]), market(), scenarios, ["PV", "ACCRUED"], VALUATION, "USD")
    assert run.totals["PV"]["gone"] is None
    assert run.totals["ACCRUED"] == {"base": 0.0, "gone": 0.0}
    found = by_name(totals(run))
    assert [found[(desk,), "PV"][1] for desk in "abc"] == [5.0, None, 0.0]
    assert [found[(desk,), "ACCRUED"][1] for desk in "abc"] == [0.0, 0.0, 0.0]


def test_a_null_of_one_slice_is_a_null_of_the_run() -> None:
    sums = GroupSums(["PV"], 2)
    sums.add(stored(GroupTotals([("a",), ("b",)], {"PV": np.array([[1.0, np.nan], [2.0, 3.0]])}), 2))
    sums.add(GroupTotals.unpacked({}, b"", 2))
    sums.add(stored(GroupTotals([("b",), ("a",), ("c",)], {"PV": np.array([[1.0, 1.0], [1.0, 1.0], [5.0, 5.0]])}), 2))
    assert by_name(sums.totals()) == {(("a",), "PV"): [2.0, None], (("b",), "PV"): [3.0, 4.0], (("c",), "PV"): [5.0, 5.0]}


def summed(runs: list[PricedRun], measures: Sequence[str] = MEASURES, scenarios: int = len(SCENARIOS)) -> GroupTotals:
    sums = GroupSums(measures, scenarios)
    for run in runs:
        sums.add(stored(totals(run), scenarios))
    return sums.totals()


def test_groups_beyond_the_bound_are_summed_under_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "MAX_GROUPS", 3)
    run = priced(book([(BOND, str(place), 1) for place in range(6)]), ["desk"])
    found = summed([run])
    assert found.values == [("0",), ("1",), ("*",)]
    assert by_name(found)[("*",), "PV"] == pytest.approx([4 * each for each in by_name(found)[("0",), "PV"]], rel=1e-12)
    twice = summed([run, run])
    assert twice.values == found.values
    for key, row in by_name(found).items():
        assert by_name(twice)[key] == pytest.approx([2 * each for each in row], rel=1e-12)


def test_a_group_whose_name_is_that_of_the_others_is_one_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "MAX_GROUPS", 3)
    found = summed([priced(book([(BOND, desk, 1) for desk in ("*", "a", "b", "c", "a")]), ["desk"])])
    assert found.values == [("*",), ("a",)]
    assert by_name(found)[("*",), "PV"] == pytest.approx([1.5 * each for each in by_name(found)[("a",), "PV"]], rel=1e-12)


def test_of_many_scenarios_fewer_groups_are_kept_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "MAX_GROUP_CELLS", 3 * len(MEASURES) * len(SCENARIOS))
    found = summed([priced(book([(BOND, str(place), 1) for place in range(6)]), ["desk"])])
    assert found.values == [("0",), ("1",), ("*",)]
    monkeypatch.setattr(grouping, "MAX_GROUP_CELLS", 1)
    assert summed([priced(book([(BOND, "a", 1), (BOND, "b", 1)]), ["desk"])]).values == [("*",)]


def test_which_groups_are_kept_apart_does_not_depend_on_the_slices() -> None:
    cash = {"product_type": "CASH", "currency": "GBP"}
    desks = [*range(12_000), *reversed(range(12_000))]
    positions = [cash | {"position_id": str(place), "desk": str(desk), "notional": desk} for place, desk in enumerate(desks)]

    def one(part: list[dict[str, Any]]) -> PricedRun:
        return price_run(Portfolio.from_records(part, ["desk"]), market(), SCENARIOS[:1], ["PV"], VALUATION, "GBP")

    run = one(positions)
    [rows] = total_rows(run_row(scenario_ids=run.scenario_ids), run)
    at_once = by_name(GroupTotals([tuple(each) for each in rows.group_values], rows.sums))
    assert at_once[("5000",), "PV"] == [10_000.0]
    assert at_once[("*",), "PV"] == [2.0 * sum(range(9_999, 12_000))]
    assert len(at_once) == 10_000
    for cut in (12_000, 3_000, 18_000):
        assert by_name(summed([one(positions[:cut]), one(positions[cut:])], ["PV"], 1)) == at_once


@pytest.mark.parametrize(
    ("column", "labels"),
    [
        (pa.array(["rates", None, "x" * 70]), ["rates", "", "x" * 63 + "…"]),
        (pa.array([1, 2, None]), ["1", "2", ""]),
        (pa.array([True, False, True]), ["True", "False", "True"]),
    ],
)
def test_what_positions_say_in_a_column_is_text_and_short(column: pa.Array, labels: list[str]) -> None:
    positions = book([(BOND, "", 1)] * 3)
    names = [name for name in BOND if name != "notional"]
    table = pa.table({name: [each[name] for each in positions] for name in names}).append_column("desk", column)
    data = io.BytesIO()
    pq.write_table(table, data)
    portfolio = Portfolio.from_bytes(data.getvalue(), "b.parquet", group_by=["desk", "nowhere"])
    assert portfolio.grouping is not None
    assert [portfolio.grouping.values[place] for place in portfolio.grouping.place] == [(each, "") for each in labels]


def test_without_columns_there_are_no_groups() -> None:
    assert priced(book([(BOND, "a", 1)]), []).group_totals is None
    assert Grouping.of([[], []]).values == []
