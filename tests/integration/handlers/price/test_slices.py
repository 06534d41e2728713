"""Large runs on real servers: planned, priced slice by slice, completed once, whatever becomes of a slice."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from events.envelope import Envelope
from events.event import decode
from events.failures import Conflict
from events.run import RunCompleted, RunRequested
from events.slices import SliceRequested
from handlers.price import cancelling, loading, slices
from handlers.price.engine import PRICER_VERSION, price_run
from handlers.price.portfolio import Portfolio
from handlers.price.sheet import PricedRun
from handlers.price.snapshots import canonical_market
from storage.database import Connection, Database
from storage.plans import cancel_run
from storage.result_views import read_results
from storage.results import ResultRows
from storage.runs import RunRow
from streams.group import GroupSaver, Saved
from streams.item import Item
from streams.publish import Outgoing, publish
from tests.support.patience import unhurry
from tests.support.rig import APPLICATION, Rig
from tests.support.runs import run_event
from tests.support.worker import flow_named
from tests.unit.handlers.price.books import BOND, FORWARD, LOAN, VALUATION, market

SCENARIOS = [
    {"id": "base"},
    {"id": "up", "shocks": [{"kind": "rate_parallel", "bp": 100}]},
    {"id": "none", "shocks": [{"kind": "rate_parallel", "bp": 1, "currency": "XXX"}]},
]
BAD = {"product_type": "NO_SUCH_THING"}
MEASURES = ["PV", "KRD", "DV01"]


def book(count: int = 23) -> list[dict[str, Any]]:
    kinds = [BOND, FORWARD, LOAN, BOND | BAD, BOND | {"notional": None}]
    return [kinds[number % 5] | {"position_id": f"p{number}"} for number in range(count)]


def a_run(positions: Any = None, **changes: Any) -> dict[str, Any]:
    portfolio = {"positions": book()} if positions is None else positions
    return {
        "run_id": str(uuid4()),
        "valuation_date": VALUATION.isoformat(),
        "portfolio": portfolio,
        "market": {"snapshot": orjson.loads(orjson.dumps(market().model_dump()))},
        "scenarios": SCENARIOS,
        "measures": MEASURES,
    } | changes


def at_once(run: dict[str, Any], positions: list[dict[str, Any]]) -> PricedRun:
    asked = RunRequested.model_validate(run)
    portfolio = Portfolio.from_records(positions, asked.group_by)
    return price_run(portfolio, market(), asked.scenarios, asked.measures, asked.valuation_date, None)


@pytest.fixture
async def rig(kafka: str, database_url: str, redis_url: str, object_store_url: str, topic_prefix: str) -> AsyncIterator[Rig]:
    """Runs in slices of four positions or so."""
    flows = flow_named("runs", topic_prefix), flow_named("slices", topic_prefix)
    rig = Rig(flows[0], kafka, database_url, redis_url, object_store_url, beside=flows[1:], slice_cells=4 * 3 * 7)
    await unhurry(rig)
    await rig.prepare()
    yield rig
    await rig.close()


PLANNED = "select count(*) from runs"
WAITING = "select count(*) from retries where waiting_since is not null"


async def runs_alone(rig: Rig, *events: bytes, until: str = PLANNED) -> None:
    """A worker that plans, and does no slice, until there is one of these."""
    beside, rig.beside = rig.beside, ()
    async with rig.engine():
        await rig.publish(events)
        await rig.until(until, 1)
        await rig.idle()
    rig.beside = beside


async def completed(rig: Rig, *events: bytes, at_least: int = 1, ended: int = 0) -> dict[str, dict[str, Any]]:
    """All completions, once there are so many, and so many slices have `ended` without one."""
    async with rig.engine():
        if events:
            await rig.publish(events)
        if ended:
            await rig.until("select count(*) from inbox where flow = 'slices' and outcome = 'completed'", ended)
        found = await rig.completions(at_least)
        await rig.idle()
    for completion in found:
        Envelope[RunCompleted].model_validate(completion)
    assert len({each["id"] for each in found}) == len(found) == len({each["causationid"] for each in found})
    return {completion["causationid"]: completion for completion in found}


def close(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert found.keys() == wanted.keys()
    for measure, totals in wanted.items():
        assert found[measure] == {name: total and pytest.approx(total, rel=1e-12) for name, total in totals.items()}


async def the_rows_are_those_of(rig: Rig, run: dict[str, Any], priced: PricedRun, failed: Sequence[int] = ()) -> None:
    """But for the positions whose slice has failed."""
    rows = await rig.rows(
        'select row_no, position_id, measure, bucket, "values", error, error_detail from run_results where run_id = $1',
        UUID(run["run_id"]),
    )
    stored = {(row["row_no"], row["measure"], row["bucket"]): row for row in rows if row["row_no"] not in failed}
    assert len(rows) == len({(row["row_no"], row["measure"], row["bucket"]) for row in rows})
    wanted = zip(
        priced.row_no.tolist(), priced.measure, priced.bucket, priced.values, priced.error, priced.position_id, strict=True
    )
    expected = {(row_no, *names): rest for row_no, *names, values, error, name in wanted if (rest := (values, error, name))}
    expected = {key: rest for key, rest in expected.items() if key[0] not in failed}
    assert stored.keys() == expected.keys()
    for key, (values, error, position) in expected.items():
        found = stored[key]
        assert (found["position_id"], found["error"]) == (position, error)
        numbers = np.array([np.nan if value is None else value for value in found["values"]], dtype=float)
        assert np.array_equal(numbers, values, equal_nan=True), key


def parquet(positions: list[dict[str, Any]]) -> bytes:
    names = list(dict.fromkeys(name for position in positions for name in position))
    data = io.BytesIO()
    pq.write_table(pa.table({name: [each.get(name) for each in positions] for name in names}), data, row_group_size=9)
    return data.getvalue()


def csv(positions: list[dict[str, Any]]) -> bytes:
    names = list(dict.fromkeys(name for position in positions for name in position))
    rows = [",".join("" if each.get(name) is None else str(each[name]) for name in names) for each in positions]
    return "\n".join([",".join(names), *rows]).encode()


def json_lines(positions: list[dict[str, Any]]) -> bytes:
    return b"\n".join(map(orjson.dumps, positions))


GROUPED = [
    position | {"desk": ["rates", "credit", None][place % 3], "lot": place // 9} for place, position in enumerate(book())
]


async def the_group_totals_are_those_of(rig: Rig, run: dict[str, Any], priced: PricedRun) -> None:
    """Each group's, and their sum is the run's."""
    rows = await rig.rows('select group_values, measure, "values" from run_totals where run_id = $1', UUID(run["run_id"]))
    found = {(*row["group_values"], row["measure"]): row["values"] for row in rows}
    assert priced.group_totals is not None
    wanted = {
        (*values, measure): [number if np.isfinite(number) else None for number in totals]
        for measure, sums in priced.group_totals.sums.items()
        for values, totals in zip(priced.group_totals.values, sums.tolist(), strict=True)
    }
    assert len(rows) == len(found)
    assert found.keys() == wanted.keys()
    for key, totals in wanted.items():
        assert found[key] == [total and pytest.approx(total, rel=1e-9, abs=1e-9) for total in totals], key
    [row] = await rig.rows("select totals::text, group_by from runs where run_id = $1", UUID(run["run_id"]))
    assert row["group_by"] == ["desk", "lot"]
    for measure, totals in orjson.loads(row["totals"]).items():
        shares = [values[0] for key, values in found.items() if key[-1] == measure]
        assert sum(shares) == pytest.approx(totals["base"], rel=1e-9)


@pytest.mark.parametrize(("name", "write"), [("b.jsonl", json_lines), ("b.csv", csv), ("b.parquet", parquet), ("", None)])
async def test_totals_by_group_are_the_same_in_slices_and_at_once(rig: Rig, name: str, write: Any) -> None:
    if write is not None:
        await rig.objects.put(name, write(GROUPED))
    run = a_run({"uri": name} if write else {"positions": GROUPED}, group_by=["desk", "lot"])
    few = a_run({"positions": GROUPED[:3]}, group_by=["desk", "lot"])
    await completed(rig, run_event("e-1", run), run_event("e-2", few), at_least=2)
    await the_group_totals_are_those_of(rig, run, at_once(run, GROUPED))
    await the_group_totals_are_those_of(rig, few, at_once(few, GROUPED[:3]))
    assert [row["slices"] > 1 for row in await rig.rows("select slices from runs order by positions")] == [False, True]


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(("name", "write"), [("b.jsonl", json_lines), ("b.csv", csv), ("b.parquet", parquet)])
async def test_a_large_run_of_a_file_comes_to_what_it_comes_to_at_once(
    rig: Rig, name: str, write: Any, whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not whole:
        monkeypatch.setattr(loading, "WHOLE_BYTES", 10)
    await rig.objects.put(name, write(book()))
    run = a_run({"uri": name})
    answer = (await completed(rig, run_event("e-1", run)))["e-1"]

    priced = at_once(run, book())
    assert answer["data"]["status"] == "partial"
    assert (answer["data"]["positions"], answer["data"]["errors"]) == (23, priced.errors)
    close(answer["data"]["totals"], priced.totals)
    await the_rows_are_those_of(rig, run, priced)
    [row] = await rig.rows("select status, slices, slices_done, positions, errors, totals::text from runs")
    assert (row["status"], row["positions"], row["errors"]) == ("partial", 23, priced.errors)
    assert row["slices"] == row["slices_done"] >= 6
    close(orjson.loads(row["totals"]), priced.totals)
    [traced] = await rig.rows("select worker, market_sha256, snapshot_id, scenarios::text from runs")
    assert (traced["worker"], traced["snapshot_id"]) == (APPLICATION, "eod")
    assert traced["market_sha256"] == sha256(canonical_market(market())).digest()
    assert [each["id"] for each in orjson.loads(traced["scenarios"])] == ["base", "up", "none"]
    [told] = await rig.rows(
        "select count(*), sum(positions) as positions, count(distinct worker) as workers from run_slices where status = 'done'"
    )
    assert (told["count"], told["positions"], told["workers"]) == (row["slices"], 23, 1)
    slices_told = await rig.rows(
        "select slice.pricer_version, slice.started_at, finished_at, run.started_at as planned_at"
        " from run_slices as slice join runs as run using (run_id, generation)"
    )
    assert len(slices_told) == row["slices"]
    for each in slices_told:
        assert each["pricer_version"] == PRICER_VERSION
        assert each["planned_at"] <= each["started_at"] <= each["finished_at"]


async def test_a_large_run_in_its_event_is_answered_as_its_event_asks(rig: Rig) -> None:
    run = a_run()
    asked = orjson.loads(run_event("e-1", run)) | {"correlationid": "c-1", "subject": "desk 7", "traceparent": "00-ab-cd-01"}
    answer = (await completed(rig, orjson.dumps(asked)))["e-1"]
    assert (answer["correlationid"], answer["subject"], answer["traceparent"]) == ("c-1", "desk 7", "00-ab-cd-01")
    await the_rows_are_those_of(rig, run, at_once(run, book()))
    requests = [orjson.loads(each.value or b"") for each in await rig.published(rig.beside[0].topic, 6)]
    assert {each["causationid"] for each in requests} == {"e-1"}
    assert {(each["correlationid"], each["traceparent"]) for each in requests} == {("c-1", "00-ab-cd-01")}
    for each in requests:
        Envelope[SliceRequested].model_validate(each)
    assert await rig.rows("select count(*) from inbox where flow = 'slices' and outcome = 'completed'") == [{"count": 6}]


async def test_another_event_for_a_planned_run_waits_for_its_end_and_spends_no_attempt(rig: Rig) -> None:
    run = a_run()
    await runs_alone(rig, run_event("e-1", run), run_event("e-2", run), until=WAITING)
    answers = await completed(rig, at_least=2)
    assert answers["e-1"]["data"] == answers["e-2"]["data"]
    assert await rig.rows("select count(*) from runs") == [{"count": 1}]
    assert await rig.rows("select count(*) from dead_letters") == [{"count": 0}]


async def test_another_event_does_not_read_a_large_portfolio_that_is_planned_already(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "WHOLE_BYTES", 10)
    await rig.objects.put("b.jsonl", json_lines(book()))
    run = a_run({"uri": "b.jsonl"})
    await runs_alone(rig, run_event("e-1", run))
    monkeypatch.setattr(loading, "plan_object", None)
    await runs_alone(rig, run_event("e-2", run), until=WAITING)


async def test_another_input_for_a_planned_run_is_a_conflict(rig: Rig) -> None:
    run = a_run()
    await runs_alone(
        rig, run_event("e-1", run), run_event("e-2", run | {"measures": ["PV"]}), until="select count(*) from dead_letters"
    )
    [dead] = await rig.dead(1)
    assert dict(dead.headers)["dlq-reason"] == b"input_conflict"
    await completed(rig)


async def test_nothing_of_a_run_is_in_the_view_before_its_last_slice_and_its_rows_can_be_read_as_they_come(
    rig: Rig, database: Database
) -> None:
    run = a_run()
    await runs_alone(rig, run_event("e-1", run))
    requests = await rig.published(rig.beside[0].topic, 6)
    await rig.rows("update run_slices set status = 'done', finished_at = now() where slice_no = 5")
    async with rig.engine():
        await rig.until("select slices_done from runs", 5)
    assert len(requests) == 6
    assert await rig.rows("select count(*) from run_values") == [{"count": 0}]
    async with database.connection() as connection:
        rows = await read_results(connection, UUID(run["run_id"]), 0, limit=1000)
    assert {row["row_no"] for row in rows} == set(range(20))


async def planned_file(rig: Rig, positions: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    return await planned_content(rig, "b.jsonl", json_lines(positions), **changes)


async def planned_content(rig: Rig, name: str, content: bytes, **changes: Any) -> dict[str, Any]:
    await rig.objects.put(name, content)
    run = a_run({"uri": name}, **changes)
    await runs_alone(rig, run_event("e-1", run))
    return run


async def test_a_slice_whose_bytes_have_changed_marks_its_cells_and_the_run_ends_without_them(rig: Rig) -> None:
    run = await planned_file(rig, book())
    changed = json_lines(book()).replace(b'"p9"', b'"x9"')
    await rig.objects.put("b.jsonl", changed)
    answer = (await completed(rig))["e-1"]

    lost, rest = range(8, 12), [BOND | BAD if 8 <= place < 12 else position for place, position in enumerate(book())]
    priced = at_once(run, rest)
    assert answer["data"]["status"] == "partial"
    assert answer["data"]["errors"] == priced.errors
    close(answer["data"]["totals"], priced.totals)
    await the_rows_are_those_of(rig, run, at_once(run, book()), failed=lost)
    rows = await rig.rows("select * from run_results where row_no between 8 and 11")
    assert {row["position_id"] for row in rows} == {""}
    assert Counter(row["measure"] for row in rows) == dict.fromkeys(MEASURES, 4)
    assert {row["error"] for row in rows} == {"CALCULATION_FAILED"}
    assert {row["error_detail"].split(":")[1].strip() for row in rows} == {"checksum_mismatch"}
    assert await rig.rows("select slice_no, failure_code from run_slices where status = 'failed'") == [
        {"slice_no": 2, "failure_code": "checksum_mismatch"}
    ]
    assert await rig.rows("select count(*) from dead_letters") == [{"count": 0}]


@pytest.mark.parametrize(("name", "write", "kept"), [("b.jsonl", json_lines, 8), ("b.csv", csv, 8), ("b.parquet", parquet, 0)])
async def test_a_slice_whose_bytes_are_no_longer_there_ends_at_once(
    rig: Rig, name: str, write: Callable[[list[dict[str, Any]]], bytes], kept: int
) -> None:
    """Another try would not bring them back, and nobody has to look at a dead letter."""
    content = write(book())
    run = await planned_content(rig, name, content)
    await rig.objects.put(name, content[: len(content) // 2])
    answer = (await completed(rig))["e-1"]

    assert answer["data"]["status"] == "partial"
    failed = await rig.rows(
        "select first_row, positions, failure_code, failure_message from run_slices where status = 'failed' order by 1"
    )
    lost = [row for each in failed for row in range(each["first_row"], each["first_row"] + each["positions"])]
    assert lost == list(range(kept, 23))  # all of a Parquet file, whose footer came last
    assert {each["failure_code"] for each in failed} == {"checksum_mismatch"}
    assert f"{name}' has {len(content) // 2} bytes" in failed[-1]["failure_message"]
    await the_rows_are_those_of(rig, run, at_once(run, book()), failed=lost)
    for table in ("dead_letters", "retries"):
        assert await rig.rows(f"select count(*) from {table}") == [{"count": 0}]


async def test_a_slice_whose_market_has_changed_names_its_positions_all_the_same(rig: Rig) -> None:
    snapshot = orjson.dumps(market().model_dump())
    await rig.objects.put("m.json", snapshot)
    run = await planned_file(rig, book(), market={"uri": "m.json"})
    await rig.objects.put("m.json", snapshot + b" ")
    answer = (await completed(rig))["e-1"]
    assert answer["data"]["errors"] == 23 * len(MEASURES)
    rows = await rig.rows("select row_no, position_id, error_detail from run_results where run_id = $1", UUID(run["run_id"]))
    assert {(row["row_no"], row["position_id"]) for row in rows} == {(number, f"p{number}") for number in range(23)}
    assert {row["error_detail"].split(":")[1].strip() for row in rows} == {"checksum_mismatch"}


async def test_a_run_all_of_whose_slices_fail_is_partial_and_its_totals_are_zero(rig: Rig, object_store_url: str) -> None:
    run = await planned_file(rig, book())
    await rig.objects.put("b.jsonl", b"gone")
    answer = (await completed(rig))["e-1"]
    assert (answer["data"]["status"], answer["data"]["errors"]) == ("partial", 23 * len(MEASURES))
    assert answer["data"]["totals"] == {name: {"base": 0.0, "up": 0.0, "none": 0.0} for name in ("PV", "DV01")}
    assert await rig.rows("select count(*) from run_results where run_id = $1", UUID(run["run_id"])) == [{"count": 69}]


async def test_a_slice_that_fails_unexpectedly_is_a_dead_letter_and_counts(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(portfolio: Portfolio, *arguments: Any) -> PricedRun:
        if "p4" in portfolio.position_ids:
            raise ZeroDivisionError("no reason")
        return price_run(portfolio, *arguments)

    monkeypatch.setattr(slices, "price_run", failing)
    run = a_run()
    answer = (await completed(rig, run_event("e-1", run)))["e-1"]
    assert answer["data"]["status"] == "partial"
    await the_rows_are_those_of(rig, run, at_once(run, book()), failed=range(4, 8))
    lost = await rig.rows("select distinct row_no, position_id from run_results where row_no between 4 and 7 order by row_no")
    assert lost == [{"row_no": number, "position_id": f"p{number}"} for number in range(4, 8)]
    [letter] = await rig.rows("select flow, reason, message, attempts from dead_letters")
    assert (letter["flow"], letter["reason"], letter["attempts"]) == ("slices", "internal", 3)
    assert await rig.rows("select outcome from inbox where flow = 'slices' order by outcome") == [
        *[{"outcome": "completed"}] * 5,
        {"outcome": "failed"},
    ]


async def test_slices_that_come_again_change_nothing(rig: Rig) -> None:
    run = a_run()
    answer = (await completed(rig, run_event("e-1", run)))["e-1"]
    asked = await rig.published(rig.beside[0].topic, 6)
    others = [orjson.dumps(orjson.loads(each.value or b"") | {"id": f"other-{number}"}) for number, each in enumerate(asked)]
    records = [Outgoing(rig.beside[0].topic, each.key, value) for each, value in zip(asked, others, strict=True)]
    await publish(rig.kafka, [*records, *(Outgoing(rig.beside[0].topic, each.key, each.value) for each in asked)])
    async with rig.engine():
        await rig.until("select count(*) from inbox where flow = 'slices'", 12)
        [only] = await rig.completions(1)
        await rig.idle()
    assert only == answer
    await the_rows_are_those_of(rig, run, at_once(run, book()))
    assert await rig.rows("select slices_done, positions from runs") == [{"slices_done": 6, "positions": 23}]


async def test_a_slice_of_a_run_that_nobody_planned_is_a_dead_letter(rig: Rig) -> None:
    data = {"run_id": str(uuid4()), "generation": 0, "slice_no": 0, "input_sha256": "0" * 64}
    forged = orjson.loads(run_event("s-1", data)) | {"type": "run.slice.requested.v1"}
    await publish(rig.kafka, [Outgoing(rig.beside[0].topic, b"k", orjson.dumps(forged))])
    async with rig.engine():
        await rig.until("select reason from dead_letters", "unknown_slice")
        await rig.idle()
    assert await rig.published(rig.spec.completed_topic, 0) == []


@pytest.mark.parametrize("wrong", [{"input_sha256": "0" * 64}, {"clientid": "somebody-else"}])
async def test_a_slice_that_is_asked_for_otherwise_than_it_was_planned_is_rejected_and_does_not_end(
    rig: Rig, wrong: dict[str, str]
) -> None:
    run, spec = a_run(), rig.beside[0]
    await runs_alone(rig, run_event("e-1", run))
    asked = orjson.loads((await rig.published(spec.topic, 6))[0].value or b"")
    data = {name: wrong.get(name, told) for name, told in asked["data"].items()}
    forged = asked | {"id": "forged", "clientid": wrong.get("clientid", "acme"), "data": data}
    flow = spec.build(rig._resources(rig.database))
    [loaded] = await flow.load([decode(orjson.dumps(forged), spec.name, spec.models)])
    assert isinstance(loaded, Conflict), "nothing of a rejected event is stored, so its slice does not end"
    assert (loaded.code, run["run_id"] in loaded.message) == ("input_conflict", True)


def cancel_event(event_id: str, run: dict[str, Any], client: str = "acme") -> bytes:
    envelope = orjson.loads(run_event(event_id, {"run_id": run["run_id"]}))
    return orjson.dumps(envelope | {"type": "run.cancel.requested.v1", "clientid": client})


async def test_a_cancelled_run_ends_at_once_and_its_slices_end_without_work(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    run = a_run()
    await runs_alone(rig, run_event("e-1", run), run_event("e-2", run), until=WAITING)
    await runs_alone(rig, cancel_event("c-1", run), until="select count(*) from runs where status = 'cancelled'")
    monkeypatch.setattr(slices, "price_run", None)
    answers = await completed(rig, at_least=3, ended=6)
    assert answers.keys() == {"e-1", "e-2", "c-1"}
    assert {answer["data"]["status"] for answer in answers.values()} == {"cancelled"}
    assert {(answer["data"]["positions"], str(answer["data"]["totals"])) for answer in answers.values()} == {(0, "{}")}
    assert await rig.rows("select count(*) from run_results") == [{"count": 0}]
    assert await rig.rows("select count(*) from dead_letters") == [{"count": 0}]


async def test_a_run_that_is_cancelled_while_it_is_priced_ends_once_either_way(rig: Rig) -> None:
    runs = [a_run() for _ in range(8)]
    events = [run_event(f"e-{number}", run) for number, run in enumerate(runs)]
    cancels = [cancel_event(f"c-{number}", run) for number, run in enumerate(runs)]
    answers = await completed(rig, *events, *cancels, at_least=16)
    for number, run in enumerate(runs):
        told, asked = answers[f"e-{number}"]["data"], answers[f"c-{number}"]["data"]
        assert told == asked
        [stored] = await rig.rows("select status, positions from runs where run_id = $1", UUID(run["run_id"]))
        assert stored == {"status": told["status"], "positions": told["positions"]}
        assert told["status"] in {"cancelled", "partial"}


async def test_of_a_slice_whose_run_is_cancelled_while_it_is_stored_no_row_stays(
    rig: Rig, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelled, kept = a_run(), a_run()
    copied = slices.copy_results

    async def cancelling_first(connection: Connection, rows: Iterable[ResultRows]) -> None:
        await copied(connection, rows)
        async with database.transaction() as other:
            await cancel_run(other, UUID(cancelled["run_id"]), "acme", datetime.now(UTC))

    monkeypatch.setattr(slices, "copy_results", cancelling_first)
    async with rig.engine():
        await rig.publish([run_event("e-1", cancelled), run_event("e-2", kept)])
        await rig.until("select count(*) from inbox where flow = 'slices' and outcome = 'completed'", 12)
        await rig.idle()
    await the_rows_are_those_of(rig, kept, at_once(kept, book()))
    [run] = await rig.rows("select status, positions, slices_done from runs where run_id = $1", UUID(cancelled["run_id"]))
    stored = await rig.rows("select count(distinct row_no) from run_results where run_id = $1", UUID(cancelled["run_id"]))
    ended = await rig.rows("select count(*) from run_slices where run_id = $1 and status = 'done'", UUID(cancelled["run_id"]))
    assert run["status"] == "cancelled"
    assert stored == [{"count": run["positions"]}]
    assert ended == [{"count": run["slices_done"]}]
    assert run["slices_done"] < 6


async def test_a_run_that_has_ended_is_not_cancelled_and_the_request_is_told_how_it_ended(rig: Rig) -> None:
    run, failed = a_run(), a_run({"uri": "none.csv"})
    await completed(rig, run_event("e-1", run), run_event("e-2", failed), at_least=2)
    answers = await completed(rig, cancel_event("c-1", run), cancel_event("c-2", failed), at_least=4)
    assert answers["c-1"]["data"] == answers["e-1"]["data"]
    assert answers["c-2"]["data"] == answers["e-2"]["data"]
    assert await rig.rows("select event_id from dead_letters") == [{"event_id": "e-2"}]


async def test_a_run_that_is_planned_anew_while_it_is_cancelled_is_cancelled_all_the_same(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, looked = a_run(), []

    async def too_early(connection: Connection, run_id: UUID, client_id: str, now: datetime) -> RunRow | None:
        looked.append(run_id)
        return None if len(looked) == 1 else await cancel_run(connection, run_id, client_id, now)

    monkeypatch.setattr(cancelling, "cancel_run", too_early)
    await runs_alone(rig, run_event("e-1", run))
    await runs_alone(rig, cancel_event("c-1", run), until="select count(*) from runs where status = 'cancelled'")
    answers = await completed(rig, at_least=2)
    assert {answer["data"]["status"] for answer in answers.values()} == {"cancelled"}
    assert len(looked) == 2


@pytest.mark.parametrize("client", ["acme", "rival"])
async def test_a_run_that_the_client_does_not_have_is_waited_for_and_then_not_found(
    rig: Rig, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancelling, "UNKNOWN_SECONDS", 0.2)
    run = a_run()
    if client == "rival":
        await runs_alone(rig, run_event("e-1", run))
    beside, rig.beside = rig.beside, ()
    answers = await completed(rig, cancel_event("c-1", run, client))
    rig.beside = beside
    assert answers["c-1"]["data"]["failure"]["code"] == "run_not_found"
    assert await rig.rows("select event_id, reason from dead_letters") == [{"event_id": "c-1", "reason": "run_not_found"}]
    assert await rig.rows("select count(*) from runs where status = 'cancelled'") == [{"count": 0}]


class Treacherous(GroupSaver):
    """Loses the answer of each flow's first commit: it is applied all the same."""

    done: set[str] = set()  # noqa: RUF012 - emptied by its test

    async def _transaction(self, items: Sequence[Item], *, careful: bool, after_break: bool) -> Saved:
        saved = await super()._transaction(items, careful=careful, after_break=after_break)
        if self.spec.name not in Treacherous.done and saved.outbox:
            Treacherous.done.add(self.spec.name)
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
        return saved


async def test_what_a_commit_without_an_answer_has_said_is_published_promptly(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.app.GroupSaver", Treacherous)
    Treacherous.done.clear()
    await rig.rows("alter table outbox alter column claimed_until set default now() + interval '1 hour'")
    run = a_run()
    answers = await completed(rig, run_event("e-1", run))
    assert Treacherous.done == {"runs", "slices"}
    assert answers.keys() == {"e-1"}
    await the_rows_are_those_of(rig, run, at_once(run, book()))


async def test_a_run_of_no_more_cells_than_a_slice_is_priced_at_once(rig: Rig) -> None:
    run = a_run({"positions": book(4)})
    await completed(rig, run_event("e-1", run))
    assert await rig.rows("select slices from runs") == [{"slices": 0}]
    assert await rig.rows("select count(*) from run_plans") == [{"count": 0}]
    assert await rig.published(rig.beside[0].topic, 0) == []
