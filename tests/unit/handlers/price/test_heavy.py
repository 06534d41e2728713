from __future__ import annotations

from typing import Any

import pytest

from events.run import RunRequested
from handlers.price.flow import LIGHT_CELLS, is_heavy

PILLARS = ["2027-01-15", "2031-01-15"]
CURVE = {"interpolation": "linear_zero", "compounding": "continuous", "day_count": "ACT/365F", "pillars": PILLARS}
SNAPSHOT = {"snapshot_id": "x", "as_of": "2026-01-15", "curves": {"USD": {**CURVE, "zero_rates": [0.03, 0.04]}}, "fx_spot": {}}


def run(positions: int, **changes: Any) -> RunRequested:
    data = {
        "run_id": "0199f3a2-7c1f-7d10-8a55-51d1b1f5c0de",
        "valuation_date": "2026-01-15",
        "portfolio": {"positions": [{"position_id": str(place)} for place in range(positions)]},
        "market": {"snapshot": SNAPSHOT},
        "measures": ["PV"],
    }
    return RunRequested.model_validate(data | changes)


@pytest.mark.parametrize(
    ("positions", "measures"), [(LIGHT_CELLS, ["PV"]), (LIGHT_CELLS // 2, ["PV", "DV01"]), (LIGHT_CELLS // 2, ["KRD"])]
)
def test_a_run_is_heavy_from_so_many_cells_on_key_rates_counted_by_pillar(positions: int, measures: list[str]) -> None:
    assert not is_heavy(run(positions, measures=measures))
    assert is_heavy(run(positions + 1, measures=measures))


@pytest.mark.parametrize("part", ["portfolio", "market"])
def test_a_run_that_refers_to_an_object_is_heavy_whatever_the_event_says(part: str) -> None:
    assert is_heavy(run(1, **{part: {"uri": "somewhere.parquet"}}))


def test_days_of_the_past_count_as_scenarios_and_those_in_an_object_make_any_run_heavy() -> None:
    days = {"moves": {"days": [{"id": "a"}, {"id": "b"}, {"id": "c"}]}, "levels": [0.99]}
    assert not is_heavy(run(LIGHT_CELLS // 4, tail_risk=days))
    assert is_heavy(run(LIGHT_CELLS // 4 + 1, tail_risk=days))
    assert is_heavy(run(1, tail_risk={"moves": {"uri": "moves.csv"}, "levels": [0.99]}))
