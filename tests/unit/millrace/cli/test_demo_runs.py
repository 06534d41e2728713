from __future__ import annotations

from typing import Any

import pytest

from millrace.cli.demo_runs import show_run
from millrace.cli.output import data
from millrace.demo.outcome import Outcome
from tests.unit.millrace.demo.made_up import run


def shown(outcome: Outcome, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(data(), "width", 80)
    show_run(outcome)
    said: list[str] = capsys.readouterr().out.splitlines()
    return said


def test_totals_by_group_fit_into_eighty_columns(capsys: Any, monkeypatch: Any) -> None:
    lines = shown(run(), capsys, monkeypatch)
    assert max(map(len, lines)) <= 80
    words = [line.split() for line in lines]
    assert ["Totals", "in", "USD", "by", "desk,", "under", "base"] in words
    assert ["Credit", "131,107,150", "-35,875", "-9,876,543", "crash"] in words


def test_a_group_that_lacks_a_total_has_no_worst_scenario(capsys: Any, monkeypatch: Any) -> None:
    assert ["FX", "20", "-2", "-"] in [line.split() for line in shown(run(), capsys, monkeypatch)]


def test_the_slices_of_a_run_are_told(capsys: Any, monkeypatch: Any) -> None:
    assert "3 positions, 12 cells, in 2 slices, 0 rows with an error" in shown(run(), capsys, monkeypatch)


def test_a_run_without_groups_tells_none(capsys: Any, monkeypatch: Any) -> None:
    outcome = run()
    outcome.group_totals = []
    assert "by desk" not in " ".join(shown(outcome, capsys, monkeypatch))


def test_of_each_error_rows_and_a_few_positions_are_told_with_the_reason(capsys: Any, monkeypatch: Any) -> None:
    outcome = run()
    outcome.error_rows = [
        {"error": "UNSUPPORTED", "measure": "VEGA", "position_id": f"LOAN-{number}", "error_detail": "LOAN has no [VEGA]"}
        for number in range(5)
    ]
    outcome.error_rows.append(
        {"error": "INVALID_TERMS", "measure": "PV", "position_id": "BOND", "error_detail": "rate: " + "must be small " * 9}
    )
    lines = shown(outcome, capsys, monkeypatch)
    said = " ".join(" ".join(lines).split())
    assert "UNSUPPORTED 5 rows: VEGA of LOAN-0, LOAN-1, LOAN-2 and 2 more LOAN has no [VEGA]" in said
    assert "INVALID_TERMS 1 row: PV of BOND rate: must be small" in said
    assert max(map(len, lines)) <= 80
