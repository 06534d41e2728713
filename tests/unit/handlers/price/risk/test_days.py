from __future__ import annotations

from typing import Any

import orjson
import pytest

from events.failures import Permanent
from events.run import RunRequested
from events.scenario import Scenario
from handlers.price.risk import days as reader
from handlers.price.risk.days import read_days, with_days

CSV = """date,rate:USD,rate:EUR:1Y,rate:EUR:10Y,credit,credit:rating:BBB,credit:issuer:A:B,fx:EURUSD,vol:*,equity:AAPL
2025-03-03,1.5,2,-3,,4,5,-0.01,0.1,0.02
2025-03-04,,,,7,,,,,

2025-03-05,,,1e1,,,,,,
"""


def test_a_row_of_csv_is_a_day_and_its_columns_are_shocks() -> None:
    first, second, third = read_days(CSV.encode("utf-8-sig"), "moves.CSV")
    assert first == Scenario.model_validate(
        {
            "id": "2025-03-03",
            "shocks": [
                {"kind": "rate_parallel", "currency": "USD", "bp": 1.5},
                {"kind": "credit_spread", "rating": "BBB", "bp": 4},
                {"kind": "credit_spread", "issuer": "A:B", "bp": 5},
                {"kind": "fx", "pair": "EURUSD", "relative": -0.01},
                {"kind": "vol", "pair": "*", "relative": 0.1},
                {"kind": "equity", "name": "AAPL", "relative": 0.02},
                {"kind": "rate_tenors", "currency": "EUR", "bp": {"1Y": 2, "10Y": -3}},
            ],
        }
    )
    assert second == Scenario.model_validate({"id": "2025-03-04", "shocks": [{"kind": "credit_spread", "bp": 7}]})
    assert third.shocks[0].model_dump() == {"kind": "rate_tenors", "currency": "EUR", "bp": {"10Y": 10.0}}


@pytest.mark.parametrize("ending", ["jsonl", "ndjson"])
def test_a_line_of_json_is_a_scenario(ending: str) -> None:
    lines: list[dict[str, Any]] = [
        {"id": "2025-03-03", "shocks": [{"kind": "fx", "pair": "EURUSD", "absolute": -0.01}]},
        {"id": "2025-03-04"},
    ]
    content = b"\n\n".join(map(orjson.dumps, lines)) + b"\n"
    assert read_days(content, f"days.{ending}") == [Scenario.model_validate(line) for line in lines]


WRONG = [
    ("moves.parquet", "", "'moves.parquet' does not end in one of .csv, .jsonl, .ndjson"),
    ("moves", "", "'moves' does not end in one of .csv, .jsonl, .ndjson"),
    ("m.csv", "", "the first column of 'm.csv' must be date"),
    ("m.csv", "day,rate:USD\n", "the first column of 'm.csv' must be date"),
    ("m.csv", "date,rate:USD\n", "'m.csv' has no days"),
    ("m.csv", "date,rate:USD,rate:USD\n", "'m.csv' has more than one column rate:USD"),
    ("m.csv", "date,gold\n", "'m.csv' has a column 'gold', which names no move such as rate:USD:5Y, fx:EURUSD or credit"),
    ("m.csv", "date,credit:desk:A\n", "'m.csv' has a column 'credit:desk:A', which names no move"),
    ("m.csv", "date,rate:usd\n", "column 'rate:usd' of 'm.csv': shocks[0].currency: "),
    ("m.csv", "date,rate:USD:5X\n", "column 'rate:USD:5X' of 'm.csv': shocks[0].bp.5X: must be a tenor such as"),
    ("m.csv", "date,fx:EURUSD\na,0.1\nb,x\n", "line 3 of 'm.csv': fx:EURUSD must be a number"),
    ("m.csv", "date,fx:EURUSD\na,nan\n", "line 2 of 'm.csv': shocks[0].relative: "),
    ("m.csv", "date,fx:EURUSD\na,-1\n", "line 2 of 'm.csv': shocks[0].relative: input should be greater than -1"),
    ("m.csv", "date,rate:USD\na\n", "line 2 of 'm.csv' has 1 cells, the header 2"),
    ("m.csv", "date,rate:USD\na,1\na,2\n", "'m.csv' has the day a more than once"),
    ("m.csv", "date,rate:USD\n,1\n", "line 2 of 'm.csv': id: "),
    ("m.csv", 'date,rate:USD\n"a"b,1\n', "line 2 of 'm.csv' is not CSV: "),
    ("m.csv", "date,rate:EUR:1Y,rate:EUR:12M\na,1,2\n", "line 2 of 'm.csv': shocks[0].bp: must not have one tenor twice"),
    ("m.jsonl", "", "'m.jsonl' has no days"),
    ("m.jsonl", '{"id": "a"}\n{', "line 2 of 'm.jsonl' is not JSON: "),
    ("m.jsonl", "[]", "line 1 of 'm.jsonl': must be an object"),
    ("m.jsonl", '{"id": "a", "shocks": [{"kind": "rho"}]}', "line 1 of 'm.jsonl': shocks[0]: input tag 'rho' found"),
]


@pytest.mark.parametrize(("name", "content", "message"), WRONG)
def test_what_is_no_file_of_moves_is_told_with_its_place(name: str, content: str, message: str) -> None:
    with pytest.raises(Permanent) as caught:
        read_days(content.encode(), name)
    assert caught.value.code == "moves_unreadable"
    assert caught.value.message.startswith(message)


def test_bytes_that_are_no_text_are_told() -> None:
    with pytest.raises(Permanent, match=r"'m\.csv' is not UTF-8: byte 5"):
        read_days(b"date,\xff", "m.csv")


def test_the_number_of_days_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_SCENARIOS", 2)
    with pytest.raises(Permanent, match=r"'m\.csv' has more than 2 days"):
        read_days(b"date,credit\na,1\nb,1\nc,1\n", "m.csv")
    assert len(read_days(b"date,credit\na,1\nb,1\n", "m.csv")) == 2


def run(moves: dict[str, Any] | None) -> RunRequested:
    data = {
        "run_id": "01970000-0000-7000-8000-00000000000a",
        "valuation_date": "2026-01-15",
        "portfolio": {"positions": []},
        "market": {"uri": "eod.json"},
        "scenarios": [{"id": "today"}, {"id": "up", "shocks": [{"kind": "credit_spread", "bp": 1}]}],
        "measures": ["PV"],
    }
    return RunRequested.model_validate(data | ({} if moves is None else {"tail_risk": {"moves": moves, "levels": [0.99]}}))


def test_days_follow_the_scenarios_of_their_run_which_then_asks_for_no_more() -> None:
    for moves in ({"days": [{"id": "a"}, {"id": "b"}]}, {"uri": "m.csv"}):
        found = with_days(run(moves), b"date,credit\na,\nb,\n")
        assert [scenario.id for scenario in found.scenarios] == ["today", "up", "a", "b"]
        assert found.tail_risk is None
    plain = run(None)
    assert with_days(plain, b"") is plain


def test_days_that_have_the_id_of_a_scenario_or_are_too_many_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Permanent, match="a day and a scenario, or two days, have the same id"):
        with_days(run({"days": [{"id": "up"}]}), b"")
    monkeypatch.setattr(reader, "MAX_SCENARIOS", 3)
    with pytest.raises(Permanent, match="4 scenarios and days are more than 3"):
        with_days(run({"days": [{"id": "a"}, {"id": "b"}]}), b"")
