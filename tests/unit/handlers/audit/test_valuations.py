from __future__ import annotations

from typing import Any
from uuid import UUID

from handlers.audit.quotes import holds
from handlers.audit.valuations import run_passage
from storage.evidence import RunErrors
from storage.runs import RunRow
from tests.support.run_rows import run_row

RUN_ID = UUID(int=7)


def run(**changes: Any) -> RunRow:
    return run_row(**{"run_id": RUN_ID, "measures": ["PV", "KRD"], "status": "partial", "positions": 30, "errors": 2} | changes)


def test_a_run_tells_its_status_totals_and_errors() -> None:
    passage = run_passage(run(), [RunErrors(RUN_ID, "MISSING_MARKET_DATA", 2, ["p3", "p7"])])
    assert (passage.chunk_id, passage.document_id, passage.page) == (RUN_ID, RUN_ID, None)
    for quote in (
        "status partial, valuation date 2026-01-15",
        "Positions: 30. Rows with an error: 2",
        "Total PV in USD by scenario: base 979673.65; up100 cannot be told",
        "KRD has no totals",
        "Error MISSING_MARKET_DATA in 2 rows, such as of the positions p3, p7",
    ):
        assert holds(quote, passage.text), quote


def test_of_many_scenarios_the_first_the_lowest_and_the_highest_are_told() -> None:
    names = [f"s{number}" for number in range(10_000)]
    totals = {name: float((number * 7919) % 10_007) for number, name in enumerate(names)}
    passage = run_passage(run(scenario_ids=names, measures=["PV"], totals={"PV": totals}), [])
    rest = {name: totals[name] for name in names[20:]}
    for name in ("s0", "s19", min(rest, key=rest.__getitem__), max(rest, key=rest.__getitem__)):
        assert f"{name} {totals[name]:.2f}" in passage.text
    assert "the 9978 other scenarios" in passage.text
    assert passage.tokens < 1_000


def test_a_total_that_is_null_everywhere_is_told_as_such() -> None:
    names = [f"s{number}" for number in range(25)]
    passage = run_passage(run(scenario_ids=names, measures=["PV"], totals={"PV": dict.fromkeys(names)}), [])
    assert "s0 cannot be told" in passage.text
    assert "the 5 other scenarios" in passage.text
