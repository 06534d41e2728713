"""Runs through the engine: stored once under their natural key, answered, failed for good with a reason."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import orjson
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from events.envelope import Envelope
from events.market import Market
from events.run import RunCompleted
from handlers.price.snapshots import canonical_market
from millrace.portfolios import enter, examine, store
from storage.markets import insert_market
from storage.portfolios import PortfolioRow, insert_portfolio
from tests.support.accounts import all_is_finished
from tests.support.patience import unhurry
from tests.support.rig import APPLICATION, Rig
from tests.support.runs import MARKET, expected_rows, run_data, run_event
from tests.support.worker import flow_named


@pytest.fixture
async def rig(kafka: str, database_url: str, redis_url: str, object_store_url: str, topic_prefix: str) -> AsyncIterator[Rig]:
    rig = Rig(flow_named("runs", topic_prefix), kafka, database_url, redis_url, object_store_url)
    await unhurry(rig)
    await rig.prepare()
    yield rig
    await rig.close()


def a_run(seed: int = 1, **changes: Any) -> dict[str, Any]:
    return run_data(Random(seed)) | changes


async def completions(rig: Rig, *events: bytes, at_least: int | None = None) -> dict[str, dict[str, Any]]:
    """What the events were answered, by their ids; each completion is as its schema says. None is left without an outcome."""
    async with rig.engine():
        await rig.publish(events)
        await all_is_finished(rig)  # what is refused has no completion to wait for
        found = await rig.completions(len(events) if at_least is None else at_least)
    for completion in found:
        Envelope[RunCompleted].model_validate(completion)
    return {completion["causationid"]: completion for completion in found}


async def test_a_run_is_priced_stored_and_answered(rig: Rig) -> None:
    run = a_run()
    answer = (await completions(rig, run_event("e-1", run)))["e-1"]
    rows = await rig.rows(
        "select row_no, position_id, values[1] as value from run_results where run_id = $1 order by row_no", UUID(run["run_id"])
    )
    stored = [(row["row_no"], row["position_id"], row["value"] and round(row["value"], 4)) for row in rows]
    assert stored == expected_rows(run)
    assert answer["subject"] == run["run_id"]
    assert answer["data"]["run_id"] == run["run_id"]
    assert answer["data"]["positions"] == len(run["portfolio"]["positions"])
    [traced] = await rig.rows("select worker, length(market_sha256) as digest, scenarios::text from runs")
    assert traced == {"worker": APPLICATION, "digest": 32, "scenarios": '[{"id": "base", "shocks": []}]'}
    priced = [value for _, _, value in expected_rows(run) if value is not None]
    assert answer["data"]["totals"]["PV"]["base"] == pytest.approx(sum(priced))


async def test_the_same_run_under_another_event_id_is_answered_from_what_is_stored(rig: Rig) -> None:
    run = a_run()
    first = await completions(rig, run_event("e-1", run))
    second = await completions(rig, run_event("e-2", run), run_event("e-3", run), at_least=3)
    assert {event: each["data"] for event, each in second.items()} == dict.fromkeys(("e-1", "e-2", "e-3"), first["e-1"]["data"])
    assert len({each["id"] for each in second.values()}) == 3
    assert await rig.rows("select count(*) from runs") == [{"count": 1}]
    assert await rig.rows("select count(*) from inbox") == [{"count": 3}]


async def test_twins_of_one_run_in_one_group_are_one_run(rig: Rig) -> None:
    run = a_run()
    answers = await completions(rig, *(run_event(f"e-{number}", run) for number in range(20)))
    assert len(answers) == 20
    assert await rig.rows("select count(*) from runs") == [{"count": 1}]
    assert await rig.rows("select count(*) from run_results") == [{"count": len(expected_rows(run))}]


@pytest.mark.parametrize("in_one_group", [True, False])
async def test_the_same_run_id_with_another_input_is_rejected(rig: Rig, in_one_group: bool) -> None:
    run, other = a_run(1), a_run(2) | {"run_id": a_run(1)["run_id"]}
    neighbour = a_run(3)
    events = [run_event("e-1", run), run_event("e-2", other), run_event("e-3", neighbour)]
    if in_one_group:
        answers = await completions(rig, *events, at_least=2)
    else:
        await completions(rig, events[0])
        answers = await completions(rig, *events[1:], at_least=2)
    [dead] = await rig.dead(1)
    accepted = {"e-1", "e-2"} & answers.keys()
    assert len(accepted) == 1
    assert "e-3" in answers
    assert dict(dead.headers)["dlq-reason"] == b"input_conflict"
    [letter] = await rig.rows("select event_id, reason, client_id from dead_letters")
    assert {letter["event_id"]} | accepted == {"e-1", "e-2"}
    assert await rig.rows("select count(*) from runs") == [{"count": 2}]
    assert await rig.rows("select count(*) from inbox") == [{"count": 2}]


async def test_another_clients_run_id_is_a_conflict_and_tells_nothing(rig: Rig) -> None:
    run = a_run()
    await completions(rig, run_event("e-1", run))
    theirs = orjson.dumps(orjson.loads(run_event("e-2", run)) | {"clientid": "rival"})
    await completions(rig, theirs, at_least=1)
    [dead] = await rig.dead(1)
    assert dict(dead.headers)["dlq-reason"] == b"input_conflict"
    assert b"PV" not in dict(dead.headers)["dlq-message"]  # type: ignore[operator]


async def test_objects_are_read_checked_and_part_of_the_input(rig: Rig) -> None:
    run = a_run()
    lines = b"\n".join(orjson.dumps(position) for position in run["portfolio"]["positions"])
    await rig.objects.put("books/desk.jsonl", lines)
    await rig.objects.put("markets/flat.json", orjson.dumps(MARKET))
    stored = run | {
        "portfolio": {"uri": "books/desk.jsonl", "sha256": sha256(lines).hexdigest()},
        "market": {"uri": "markets/flat.json"},
    }
    answer = (await completions(rig, run_event("e-1", stored)))["e-1"]
    assert answer["data"]["status"] in {"completed", "partial"}
    assert await rig.rows("select count(*) from run_results") == [{"count": len(expected_rows(run))}]
    [known] = await rig.rows("select market_sha256, portfolio_id, portfolio_sha256 from runs")
    content = canonical_market(Market.model_validate(MARKET))
    told = {"market_sha256": sha256(content).digest(), "portfolio_sha256": sha256(lines).digest()}
    assert known == told | {"portfolio_id": None}

    await rig.objects.put("markets/flat.json", orjson.dumps(MARKET | {"snapshot_id": "another"}))
    await completions(rig, run_event("e-2", stored), at_least=1)
    [dead] = await rig.dead(1)
    assert dict(dead.headers)["dlq-reason"] == b"input_conflict"


async def load_market(rig: Rig, snapshot_id: str, market: dict[str, Any], client: str = "acme") -> str:
    """The sha256 of its content."""
    content = canonical_market(Market.model_validate(market))
    async with rig.database.transaction() as connection:
        row, _ = await insert_market(connection, client, snapshot_id, date(2026, 1, 15), content)
    return row.content_sha256.hex()


async def load_portfolio(rig: Rig, portfolio_id: str, content: bytes, client: str = "acme") -> None:
    """Its content's sha256 is that of its bytes, which matters to nobody here."""
    digest, uri = sha256(content).digest(), f"portfolios/{client}/{portfolio_id}.jsonl"
    await rig.objects.put(uri, content)
    row = PortfolioRow(client, portfolio_id, digest, uri, digest, len(content), 1, {}, datetime.now(UTC))
    async with rig.database.transaction() as connection:
        await insert_portfolio(connection, row)


def lines_of(run: dict[str, Any]) -> bytes:
    return b"\n".join(orjson.dumps(position) for position in run["portfolio"]["positions"])


BY_ID = {"portfolio": {"portfolio_id": "desk"}, "market": {"snapshot_id": "flat"}}


async def test_a_run_that_names_a_market_and_a_portfolio_by_id_has_the_values_of_one_that_holds_them(rig: Rig) -> None:
    run = a_run()
    digest = await load_market(rig, "flat", MARKET)
    await load_portfolio(rig, "desk", lines_of(run))
    named = {"portfolio": {"portfolio_id": "desk"}, "market": {"snapshot_id": "flat", "sha256": digest}}
    answer = (await completions(rig, run_event("e-1", run | named)))["e-1"]
    rows = await rig.rows("select row_no, position_id, values[1] as value from run_results order by row_no")
    assert [(row["row_no"], row["position_id"], row["value"] and round(row["value"], 4)) for row in rows] == expected_rows(run)
    assert answer["data"]["status"] in {"completed", "partial"}
    [stored] = await rig.rows("select snapshot_id, market_sha256, portfolio_id, portfolio_sha256 from runs")
    assert (stored["snapshot_id"], stored["market_sha256"].hex()) == ("flat", digest)
    assert (stored["portfolio_id"], stored["portfolio_sha256"]) == ("desk", sha256(lines_of(run)).digest())


@pytest.mark.parametrize("name", ["book.parquet", "book.csv", "book.jsonl"])
async def test_a_file_that_was_loaded_is_priced_like_the_positions_in_it(rig: Rig, tmp_path: Path, name: str) -> None:
    run, path = a_run(4), tmp_path / name
    table = pa.Table.from_pylist(run["portfolio"]["positions"])
    write = {
        ".parquet": lambda: pyarrow.parquet.write_table(table, path),
        ".csv": lambda: pyarrow.csv.write_csv(table, path),
        ".jsonl": lambda: path.write_bytes(lines_of(run)),
    }
    write[path.suffix]()
    file = examine(path, lambda _: None)
    await store(rig.objects, file, file.row("acme", None))
    async with rig.database.transaction() as connection:
        row, _ = await enter(connection, file.row("acme", None))
    named = {"portfolio_id": row.portfolio_id, "sha256": row.content_sha256.hex()}
    answer = (await completions(rig, run_event("e-1", run | {"portfolio": named})))["e-1"]
    assert answer["data"]["positions"] == len(expected_rows(run))
    rows = await rig.rows("select row_no, position_id, values[1] as value from run_results order by row_no")
    assert [(row["row_no"], row["position_id"], row["value"] and round(row["value"], 4)) for row in rows] == expected_rows(run)


async def test_what_stands_behind_an_id_is_part_of_the_runs_input(rig: Rig) -> None:
    run = a_run()
    await load_market(rig, "flat", MARKET)
    await load_portfolio(rig, "desk", lines_of(run))
    await completions(rig, run_event("e-1", run | BY_ID))
    async with rig.database.connection() as connection:
        await connection.execute("delete from market_snapshots")
    await load_market(rig, "flat", MARKET | {"fx_spot": {"EURUSD": 1.5}})
    answers = await completions(rig, run_event("e-2", run | BY_ID), run_event("e-3", a_run(2) | BY_ID), at_least=2)
    [dead] = await rig.dead(1)
    assert dict(dead.headers)["dlq-reason"] == b"input_conflict"
    assert set(answers) == {"e-1", "e-3"}


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"market": {"snapshot_id": "none"}}, "market_not_found", "client acme has no market snapshot 'none': load it first"),
        ({"market": {"snapshot_id": "theirs"}}, "market_not_found", "client acme has no market snapshot 'theirs'"),
        ({"market": {"snapshot_id": "flat", "sha256": "0" * 64}}, "checksum_mismatch", "market snapshot 'flat' has sha256"),
        ({"portfolio": {"portfolio_id": "none"}}, "portfolio_not_found", "client acme has no portfolio 'none': load it first"),
        ({"portfolio": {"portfolio_id": "theirs"}}, "portfolio_not_found", "client acme has no portfolio 'theirs'"),
        ({"portfolio": {"portfolio_id": "desk", "sha256": "0" * 64}}, "checksum_mismatch", "portfolio 'desk' has sha256"),
        ({"portfolio": {"portfolio_id": "changed"}}, "checksum_mismatch", "'portfolios/acme/changed.jsonl' has sha256"),
        ({"portfolio": {"portfolio_id": "gone"}}, "portfolio_not_found", "'portfolios/acme/gone.jsonl' is not in"),
    ],
)
async def test_an_id_that_is_unknown_anothers_or_of_changed_content_fails_the_run_and_its_neighbour_is_priced(
    rig: Rig, object_store_url: str, changes: dict[str, Any], code: str, message: str
) -> None:
    run = a_run()
    await load_market(rig, "flat", MARKET)
    await load_market(rig, "theirs", MARKET, "rival")
    await load_portfolio(rig, "theirs", lines_of(run), "rival")
    for name in ("desk", "changed", "gone"):
        await load_portfolio(rig, name, lines_of(run))
    await rig.objects.put("portfolios/acme/changed.jsonl", lines_of(run) + b" ")
    (Path(urlsplit(object_store_url).path) / "portfolios/acme/gone.jsonl").unlink()
    answers = await completions(rig, run_event("e-1", run | BY_ID | changes), run_event("e-2", a_run(2) | BY_ID))
    assert answers["e-1"]["data"]["failure"]["code"] == code
    assert answers["e-1"]["data"]["failure"]["message"].startswith(message)
    assert answers["e-2"]["data"]["status"] in {"completed", "partial"}


PORTFOLIO = {"positions": []}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"portfolio": {"uri": "books/none.parquet"}}, "portfolio_not_found"),
        ({"portfolio": {"uri": "../secrets.csv"}}, "forbidden_uri"),
        ({"portfolio": {"uri": "books/broken.parquet"}}, "portfolio_unreadable"),
        ({"portfolio": {"uri": "books/broken.parquet", "sha256": "0" * 64}}, "checksum_mismatch"),
        ({"market": {"uri": "markets/none.json"}}, "market_unreadable"),
        ({"market": {"uri": "markets/broken.json"}}, "market_unreadable"),
    ],
)
async def test_a_run_that_cannot_be_priced_fails_for_good_and_says_why(rig: Rig, changes: dict[str, Any], code: str) -> None:
    await rig.objects.put("books/broken.parquet", b"PAR1 no such thing")
    await rig.objects.put("markets/broken.json", b'{"curves": {}}')
    run = a_run(1, **changes)
    answer = (await completions(rig, run_event("e-1", run)))["e-1"]
    [dead] = await rig.dead(1)
    assert (answer["data"]["status"], answer["data"]["failure"]["code"]) == ("failed", code)
    assert dict(dead.headers)["dlq-reason"] == code.encode()
    assert await rig.rows("select outcome from inbox") == [{"outcome": "failed"}]
    assert await rig.rows("select status, failure_code from runs") == [{"status": "failed", "failure_code": code}]
    assert await rig.rows("select count(*) from run_results") == [{"count": 0}]

    again = (await completions(rig, run_event("e-2", run), at_least=2))["e-2"]
    assert again["data"] == answer["data"]
    assert await rig.rows("select distinct outcome from inbox") == [{"outcome": "failed"}]


async def test_a_request_answered_from_a_failure_counts_as_failed_itself(rig: Rig) -> None:
    run = a_run(1, portfolio={"uri": "books/late.jsonl"})
    await completions(rig, run_event("e-1", run))
    await rig.objects.put("books/late.jsonl", b"\n".join(orjson.dumps(each) for each in a_run(1)["portfolio"]["positions"]))
    answers = await completions(rig, run_event("e-2", run), at_least=2)
    assert answers["e-2"]["data"]["failure"]["code"] == "portfolio_not_found"
    assert await rig.rows("select event_id, outcome from inbox order by event_id") == [
        {"event_id": "e-1", "outcome": "failed"},
        {"event_id": "e-2", "outcome": "failed"},
    ]
    assert len(await rig.dead(2)) == 2


async def test_a_request_whose_object_has_gone_is_answered_from_what_is_stored(rig: Rig, object_store_url: str) -> None:
    run = a_run(1, portfolio={"uri": "books/desk.jsonl"})
    await rig.objects.put("books/desk.jsonl", b"\n".join(orjson.dumps(each) for each in a_run(1)["portfolio"]["positions"]))
    first = await completions(rig, run_event("e-1", run))
    remove(Path(urlsplit(object_store_url).path, "books/desk.jsonl"))
    answers = await completions(rig, run_event("e-2", run), at_least=2)
    assert answers["e-2"]["data"] == first["e-1"]["data"]
    assert await rig.rows("select count(*) from dead_letters") == [{"count": 0}]


def remove(path: Path) -> None:
    path.unlink()
