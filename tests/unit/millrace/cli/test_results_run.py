"""A run on a screen: no value hidden by rounding, no table wider than anybody reads."""

from __future__ import annotations

from typing import Any

import pytest

from millrace.cli import output
from millrace.cli.results_run import MOST_SCENARIOS, MOST_TOTALS, print_run, value_in_words
from storage.runs import RunRow


@pytest.fixture(autouse=True)
def fresh_consoles() -> None:
    output.data.cache_clear()
    output.notes.cache_clear()


def a_run(scenarios: int = 2, **columns: Any) -> RunRow:
    row: dict[str, Any] = dict.fromkeys(RunRow._fields) | RunRow._field_defaults
    ids = [f"s{number}" for number in range(scenarios)]
    known = {"status": "completed", "scenario_ids": ids, "totals": {"PV": dict.fromkeys(ids, 1.0)}, "reporting_currency": "USD"}
    return RunRow(**row | known | {"positions": 1, "errors": 0, "input_sha256": b"i" * 32} | columns)


def a_row(values: list[float | None], measure: str = "PV", bucket: str = "", **columns: Any) -> dict[str, Any]:
    names = {"row_no": 0, "position_id": "p0", "measure": measure, "bucket": bucket, "values": values}
    return names | {"error": None, "error_detail": None} | columns


@pytest.mark.parametrize(
    ("measure", "value", "words"),
    [
        ("PV", 1234567.891, "1,234,567.89"),
        ("PV", 0.0, "0.00"),
        ("CS01", -0.00423, "-0.00423"),
        ("YTM", 0.0412345678, "0.041235"),
        ("Z_SPREAD", 0.0000012, "0.000001"),
        ("CLEAN_PRICE", 101.25, "101.2500"),
        ("MODIFIED_DURATION", 7.123456789, "7.1235"),
        ("CONVEXITY", 65.4321987, "65.4322"),
        ("GAMMA", 1234567.0, "1,234,567.00"),
    ],
)
def test_a_value_has_the_digits_that_its_measure_needs(measure: str, value: float, words: str) -> None:
    assert value_in_words(measure, value) == words


def test_buckets_are_shown_where_there_are_some(capsys: pytest.CaptureFixture[str]) -> None:
    buckets = ["2027-01-15", "EUR:2028-01-15", "USD-SOFR-3M:2027-01-15"]
    print_run(a_run(), [a_row([1.0, 2.0], "KRD", bucket) for bucket in buckets], errors_only=False)
    shown = capsys.readouterr().out
    assert all(bucket in shown for bucket in buckets)
    print_run(a_run(), [a_row([1.0, 2.0])], errors_only=False)
    assert "bucket" not in capsys.readouterr().out


def test_of_many_scenarios_the_first_are_shown_and_the_others_counted(capsys: pytest.CaptureFixture[str]) -> None:
    print_run(a_run(1000), [a_row([1.0] * 1000)], errors_only=False)
    shown = capsys.readouterr()
    assert f"and {1000 - MOST_TOTALS:,} more scenarios" in shown.err
    assert f"and {1000 - MOST_SCENARIOS:,} more scenarios: --json or --parquet FILE" in shown.err
    assert "s49" in shown.out
    assert "s50" not in shown.out


def test_a_missing_value_is_its_error_and_never_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    print_run(a_run(), [a_row([None, 5.0], error="MISSING_MARKET_DATA")], errors_only=False)
    shown = capsys.readouterr().out
    assert "MISSING_MARKET_DATA" in shown
    assert "5.00" in shown


def test_what_is_wrong_with_a_position_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    row = a_row([None, None], error="INVALID_TERMS", error_detail="not '\x1b[2J[red]'")
    print_run(a_run(errors=1), [row], errors_only=True)
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "[red]" in shown
