"""Tail risk of runs on real servers: the same from the event, from a file and in slices, and told again as it was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from events.envelope import Envelope
from events.run import RunCompleted
from tests.support.patience import unhurry
from tests.support.rig import Rig
from tests.support.runs import CURVE, MARKET, SPOT, run_event
from tests.support.worker import flow_named

LEVELS = [0.75, 0.99]
RETURNS = [-0.04, 0.01, -0.02, 0.03, -0.01, 0.0, 0.02, 0.05]
DAYS = [
    {"id": f"2025-03-{number:02}", "shocks": [{"kind": "fx", "pair": "EURUSD", "relative": move}]}
    for number, move in enumerate(RETURNS, start=1)
]
CSV = "date,fx:EURUSD\n" + "".join(f"{day['id']},{move}\n" for day, move in zip(DAYS, RETURNS, strict=True))
# Two forwards that together buy 300 euros, in a market without interest: a move of r makes 300 · 1.25 · r dollars.
BOOK = [
    {
        "position_id": f"p{notional}",
        "product_type": "FX_FWD",
        "base_currency": "EUR",
        "quote_currency": "USD",
        "notional": notional,
        "strike": 1.2,
        "maturity_date": "2027-01-15",
    }
    for notional in (500.0, -200.0)
]
# Eight days of which two, or in part one, are in the tail.
EXPECTED = {
    "days": 8,
    "value_at_risk": {"0.75": pytest.approx(300 * SPOT * 0.01), "0.99": pytest.approx(300 * SPOT * 0.04)},
    "expected_shortfall": {"0.75": pytest.approx(300 * SPOT * 0.03), "0.99": pytest.approx(300 * SPOT * 0.04)},
}


@pytest.fixture
async def rig(kafka: str, database_url: str, redis_url: str, object_store_url: str, topic_prefix: str) -> AsyncIterator[Rig]:
    flows = flow_named("runs", topic_prefix), flow_named("slices", topic_prefix)
    rig = Rig(flows[0], kafka, database_url, redis_url, object_store_url, beside=flows[1:], slice_cells=10)
    await unhurry(rig)
    await rig.prepare()
    yield rig
    await rig.close()


def a_run(moves: dict[str, Any], positions: list[dict[str, Any]] = BOOK, **changes: Any) -> dict[str, Any]:
    return {
        "run_id": str(uuid4()),
        "valuation_date": "2026-01-15",
        "portfolio": {"positions": positions},
        "market": {"snapshot": MARKET | {"fixings": {"SOFR": {"2026-01-02": 0.04}}}},
        "measures": ["PV"],
        "tail_risk": {"moves": moves, "levels": LEVELS},
    } | changes


async def completed(rig: Rig, *events: bytes, at_least: int) -> dict[str, Any]:
    async with rig.engine():
        await rig.publish(events)
        found = await rig.completions(at_least)
        await rig.idle()
    for completion in found:
        Envelope[RunCompleted].model_validate(completion)
    return {completion["causationid"]: completion["data"] for completion in found}


async def test_days_from_the_event_and_from_a_file_say_the_same_in_one_piece_and_in_slices(rig: Rig) -> None:
    """Ten cells are one position under nine scenarios, so two positions are two slices."""
    await rig.objects.put("moves/spring.csv", CSV.encode())
    await rig.objects.put("moves/spring.jsonl", b"\n".join(map(orjson.dumps, DAYS)))
    one = [BOOK[0] | {"notional": 300.0}]
    runs = {
        "inline": a_run({"days": DAYS}, one),
        "csv": a_run({"uri": "moves/spring.csv"}, one),
        "sliced": a_run({"days": DAYS}),
        "sliced-jsonl": a_run({"uri": "moves/spring.jsonl"}),
    }
    answers = await completed(rig, *(run_event(name, run) for name, run in runs.items()), at_least=4)
    for name, answer in answers.items():
        assert answer["tail_risk"] == EXPECTED, name
        assert answer["scenarios"] == ["base", *(day["id"] for day in DAYS)], name
    planned = await rig.rows("select run_id, slices from runs where slices > 0")
    assert {row["run_id"] for row in planned} == {UUID(runs[name]["run_id"]) for name in ("sliced", "sliced-jsonl")}


async def test_the_same_event_again_is_told_the_same_and_another_file_is_another_input(rig: Rig) -> None:
    await rig.objects.put("moves/spring.csv", CSV.encode())
    run = a_run({"uri": "moves/spring.csv"}, BOOK[:1])
    first = (await completed(rig, run_event("e-1", run), at_least=1))["e-1"]
    again = await completed(rig, run_event("e-2", run), at_least=2)
    assert again["e-2"]["tail_risk"] == first["tail_risk"]
    await rig.objects.put("moves/spring.csv", CSV.replace("0.05", "0.06").encode())
    other = await completed(rig, run_event("e-3", run | {"run_id": str(uuid4())}), at_least=3)
    assert other["e-3"]["input_sha256"] != first["input_sha256"]


async def test_a_run_without_the_question_has_no_answer_to_it(rig: Rig) -> None:
    run = a_run({"days": DAYS}, BOOK[:1])
    del run["tail_risk"]
    assert (await completed(rig, run_event("e-1", run), at_least=1))["e-1"].get("tail_risk") is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.csv", None, "moves/gone.csv"),
        ("moves.txt", "", "'moves/moves.txt' does not end in one of .csv, .jsonl, .ndjson"),
        ("moves.csv", "date,gold\n", "'moves/moves.csv' has a column 'gold', which names no move"),
        ("moves.csv", "date,credit\nbase,1\n", "a day and a scenario, or two days, have the same id"),
    ],
)
async def test_moves_that_cannot_be_read_fail_the_run(rig: Rig, name: str, content: str | None, message: str) -> None:
    if content is not None:
        await rig.objects.put(f"moves/{name}", content.encode())
    run = a_run({"uri": f"moves/{name}"})
    answer = (await completed(rig, run_event("e-1", run), at_least=1))["e-1"]
    assert (answer["status"], answer["failure"]["code"], answer["totals"]) == ("failed", "moves_unreadable", {})
    assert message in answer["failure"]["message"]
    assert answer.get("tail_risk") is None


async def test_a_day_that_the_market_cannot_make_leaves_the_risk_unknown(rig: Rig) -> None:
    yen = {"id": "2025-04-01", "shocks": [{"kind": "fx", "pair": "USDJPY", "relative": 0.01}]}
    market = MARKET | {"curves": {"USD": CURVE, "EUR": CURVE}}
    run = a_run({"days": [*DAYS[:7], yen]}, BOOK[:1], market={"snapshot": market})
    answer = (await completed(rig, run_event("e-1", run), at_least=1))["e-1"]
    assert answer["totals"]["PV"]["2025-04-01"] is None
    unknown = dict.fromkeys(("0.75", "0.99"))
    assert answer["tail_risk"] == {"days": 8, "value_at_risk": unknown, "expected_shortfall": unknown}
    [stored] = await rig.rows("select tail_days, tail_levels, valuation_date from runs")
    assert (stored["tail_days"], stored["tail_levels"], stored["valuation_date"]) == (8, LEVELS, date(2026, 1, 15))
