"""The pure parts of the rig's judge of large runs: what it takes for well, and what it would complain of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.faults.rig import formulas, large_runs, slices
from tests.faults.rig.author import Author
from tests.faults.rig.manifest import SLICES_TOPIC, Asked
from tests.faults.rig.portfolios import FILES, is_sliced
from tests.faults.rig.pricing import totals_of, valued
from tests.faults.rig.slices import Planned
from tests.faults.rig.tail import Seen

Stored = tuple[Planned, list[dict[str, Any]], list[dict[str, Any]], dict[str, Any]]
INPUT = b"\x01" * 32


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    """A run of some hundred positions in a file."""
    records = Author(1, tmp_path, 0).take(400)
    return next(each.asked for each in records if each.asked and each.about == "a large run of a .csv")


def stored(asked: Asked, *statuses: str, status: str | None = None) -> Stored:
    """The run's row and slices, its rows of values and of groups, and its completion, as they must be."""
    data, worth = asked.whole, valued(asked.whole)
    positions = len(data["portfolio"]["positions"])
    each = -(-positions // len(statuses))
    parts = [
        {"slice_no": number, "status": told, "first_row": number * each, "positions": min(each, positions - number * each)}
        | {"failure_code": "checksum_mismatch", "failure_message": "", "client_id": asked.client}
        for number, told in enumerate(statuses)
    ]
    rows, results = [], []
    for part in parts:
        own = [row for row in worth.rows if part["first_row"] <= row.row_no < part["first_row"] + part["positions"]]
        if part["status"] == "failed":
            own = [slices._failed(row) for row in own]
        part["errors"] = sum(row.error is not None for row in own)
        rows += own if part["status"] != "planned" else []
    for row in rows:
        told = {"row_no": row.row_no, "position_id": row.position_id, "measure": row.measure, "values": list(row.values)}
        results.append(told | {"error": row.error, "client_id": asked.client})
    said = {
        "status": status or ("partial" if any(row.error for row in rows) else "completed"),
        "positions": sum(part["positions"] for part in parts if part["status"] != "planned"),
        "errors": sum(row.error is not None for row in rows),
        "totals": {} if status == "cancelled" else totals_of(data, rows),
    }
    groups = [] if status == "cancelled" else _groups(data, rows)
    ended = sum(told != "planned" for told in statuses)
    run = {"scenario_ids": [each["id"] for each in data["scenarios"]], "client_id": asked.client, "slices": len(parts)}
    run |= {"slices_done": ended, "event_id": asked.id, "run_id": UUID(data["run_id"]), "input_sha256": INPUT}
    return Planned(asked, said | run, parts), results, groups, said


def _groups(data: dict[str, Any], rows: Sequence[Any]) -> list[dict[str, Any]]:
    desks = [each["desk"] for each in data["portfolio"]["positions"]]
    return [
        {"group_values": [desk], "measure": measure, "values": list(totals.values())}
        for desk in sorted({desks[row.row_no] for row in rows if row.position_id})
        for measure, totals in totals_of(data, [row for row in rows if row.position_id and desks[row.row_no] == desk]).items()
    ]


def complaints(told: Stored, *, may_be_cancelled: bool = False) -> list[str]:
    return list(slices.of_a_large_run(*told, may_be_cancelled=may_be_cancelled))


def with_run(told: Stored, **changes: Any) -> Stored:
    return replace(told[0], run={**told[0].run, **changes}), *told[1:]


def with_slice(told: Stored, number: int, **changes: Any) -> Stored:
    parts = [{**each, **changes} if each["slice_no"] == number else each for each in told[0].slices]
    return replace(told[0], slices=parts), *told[1:]


def test_a_large_run_as_it_must_be_is_well(asked: Asked) -> None:
    assert complaints(stored(asked, "done", "done", "done")) == []


def test_a_slice_that_is_counted_twice_is_found(asked: Asked) -> None:
    told = stored(asked, "done", "done", "done")
    assert complaints(with_run(told, slices_done=4)) == ["slices that are counted: 4, not 3"]
    early = stored(asked, "done", "done", "planned")
    assert "slices that are counted: 3, not 2" in complaints(with_run(early, slices_done=3))
    assert any("with 2 of 3 slices ended" in each for each in complaints(early))


def test_slices_that_overlap_or_leave_something_out_are_found(asked: Asked) -> None:
    told = stored(asked, "done", "done", "done")
    assert any("first row of slice 1" in each for each in complaints(with_slice(told, 1, first_row=1)))
    assert any("first row of slice 2" in each for each in complaints(with_slice(told, 1, positions=1)))
    assert any("errors of slice 0" in each for each in complaints(with_slice(told, 0, errors=99)))
    assert any("slices in runs" in each for each in complaints(with_run(told, slices=5)))


def test_rows_and_totals_that_are_missing_doubled_or_wrong_are_found(asked: Asked) -> None:
    planned, results, groups, said = stored(asked, "done", "done", "done")
    assert len(complaints((planned, results[1:], groups, said))) == 1
    assert len(complaints((planned, [*results, results[0]], groups, said))) == 1
    assert complaints((planned, results, groups[1:], said))
    assert complaints((planned, results, [groups[0] | {"values": [1e12] * len(groups[0]["values"])}, *groups[1:]], said))
    assert len(complaints((planned, results, groups, said | {"positions": 1}))) == 1


def test_a_slice_may_fail_only_where_the_portfolio_was_spoilt_and_its_cells_say_so(asked: Asked) -> None:
    spoilt = replace(asked, is_spoilt=True)
    assert complaints(stored(spoilt, "done", "failed", "done")) == []
    assert any("slice 1 failed" in each for each in complaints(stored(asked, "done", "failed", "done")))
    assert any(
        "slice 1 failed" in each
        for each in complaints(with_slice(stored(spoilt, "done", "failed"), 1, failure_code="internal"))
    )
    _, priced, _, _ = stored(spoilt, "done", "done", "done")
    planned, _, groups, said = stored(spoilt, "done", "failed", "done")
    assert complaints((planned, priced, groups, said))


def test_a_run_may_be_cancelled_only_if_somebody_asked_for_it_and_keeps_what_it_has_come_to(asked: Asked) -> None:
    told = stored(asked, "done", "planned", "planned", status="cancelled")
    assert complaints(told, may_be_cancelled=True) == []
    assert complaints(told) == ["it is cancelled, though nobody asked for that"]
    assert complaints(stored(asked, "done", "done", status="cancelled"), may_be_cancelled=True)
    assert list(slices.of_a_cancel(told[0].run, told[3])) == []
    assert len(list(slices.of_a_cancel(told[0].run, told[3] | {"status": "completed"}))) == 1


def request(planned: Planned, slice_no: int, **changes: Any) -> Seen:
    asked, run = planned.asked, planned.run
    data = {"run_id": str(run["run_id"]), "generation": 0, "slice_no": slice_no, "input_sha256": INPUT.hex()}
    told = {"source": "/millrace", "type": formulas.SLICE_REQUESTED, "clientid": asked.client, "causationid": asked.id}
    told |= {"id": str(formulas.request_id(asked.source, asked.id, slice_no)), "data": data} | changes
    return Seen((SLICES_TOPIC, 0, slice_no), 0, b"", formulas.compact(told), b"", ())


def row(seen: Seen, **changes: Any) -> dict[str, Any]:
    told = json.loads(seen.value or b"")
    key = formulas.event_key("slices", "/millrace", told["id"])
    payload = formulas.payload_sha256(told["type"], told["clientid"], told["data"])
    return {"event_key": key, "outcome": "completed", "payload_sha256": payload, "client_id": told["clientid"]} | changes


def test_each_slice_is_asked_for_in_the_same_words_and_has_one_outcome(asked: Asked) -> None:
    planned = stored(asked, "done", "done")[0]
    seen = [request(planned, number) for number in range(2)]
    inbox = [row(each) for each in seen]

    def kinds(requests: Sequence[Seen], rows: Sequence[dict[str, Any]]) -> list[str]:
        return [finding.kind for finding in slices.judge_requests([planned], requests, rows)]

    assert kinds([*seen, seen[0]], inbox) == []
    assert kinds([*seen, request(planned, 0, time="later")], inbox) == ["one request, two contents"]
    assert kinds(seen[:1], inbox) == ["no request", "another outcome"]
    assert kinds([*seen, request(planned, 7)], inbox) == ["a request for no slice"]
    assert kinds([seen[0], request(planned, 1, clientid="another")], [inbox[0]]) == ["another request", "no outcome"]
    assert kinds(seen, [*inbox, inbox[0]]) == ["more than one outcome"]
    assert kinds(seen, [inbox[0], row(seen[1], outcome="failed")]) == ["another outcome"]
    assert kinds(seen, [*inbox, row(request(planned, 7))]) == ["an event nobody published"]


def test_a_manifest_holds_large_runs_of_every_kind_and_small_ones_are_not_sliced(tmp_path: Path) -> None:
    told = Author(1, tmp_path, 0).take(len(large_runs.KINDS) * 130)
    abouts = {record.about for record in told}
    assert abouts >= {f"a large run of a .{ending}" for ending in FILES}
    assert abouts >= {"a large run that holds its positions", "a large run that is cancelled", "a request to end a run"}
    runs = [record.asked for record in told if record.asked and record.asked.flow == "runs" and not record.asked.cancels]
    assert {is_sliced(each.whole) for each in runs if each.book} == {True}
    assert not any(is_sliced(each.whole) for each in runs if each.fails is None and len(each.packed) < 1_000 and not each.book)
