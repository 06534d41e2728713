"""Whether a large run is what its slices say, and its slices what the formulas give. Pure: rows in, complaints out."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tests.faults.rig import effects
from tests.faults.rig.effects import Row, differs
from tests.faults.rig.finding import Finding
from tests.faults.rig.formulas import SLICE_REQUESTED, event_key, payload_sha256, request_id
from tests.faults.rig.manifest import SLICES, Asked
from tests.faults.rig.pricing import Cells, Valued, totals_of, valued
from tests.faults.rig.tail import Seen

# Why a slice may fail whose run's portfolio was spoilt.
SPOILT = frozenset({"checksum_mismatch", "portfolio_not_found"})
SOURCE = "/millrace"


@dataclass(frozen=True, slots=True)
class Planned:
    """A run that was planned, the event it answers, and its slices in their order."""

    asked: Asked
    run: Row
    slices: Sequence[Row]

    @property
    def ended(self) -> Sequence[Row]:
        return [each for each in self.slices if each["status"] != "planned"]

    @property
    def failed(self) -> Sequence[Row]:
        return [each for each in self.slices if each["status"] == "failed"]


def of_a_large_run(
    planned: Planned, results: Sequence[Row], groups: Sequence[Row], said: Row, *, may_be_cancelled: bool
) -> Iterator[str]:
    """Its slices, its count of them, its rows, its totals and its completion beside what the formulas give.

    Which slices failed of a run that was spoilt, and how far one had come that was cancelled, is for the tables to say;
    everything else follows from that.
    """
    asked, run, data = planned.asked, planned.run, planned.asked.whole
    yield from _plan(planned, len(data["portfolio"]["positions"]))
    yield from _ends(planned, may_be_cancelled=may_be_cancelled)
    worth = _come_to(planned, data)
    yield from _counts(planned, worth)
    status = "cancelled" if run["status"] == "cancelled" else "partial" if worth.errors else "completed"
    positions = sum(each["positions"] for each in planned.ended)
    yield from effects.of_priced(asked, data, run, results, said, worth, status, positions)
    yield from _groups(planned, data, worth, groups)


def of_a_cancel(run: Row | None, said: Row) -> Iterator[str]:
    """A request to end a run is answered with how that run has ended."""
    if run is None:
        yield "there is no row in runs"
        return
    for name in ("status", "positions", "errors", "totals"):
        yield from differs(f"{name} in the completion", said.get(name), run[name])


def _plan(planned: Planned, positions: int) -> Iterator[str]:
    """The slices are numbered from 0, and hold each position once."""
    yield from differs("slice numbers", [each["slice_no"] for each in planned.slices], list(range(len(planned.slices))))
    yield from differs("slices in runs", planned.run["slices"], len(planned.slices))
    if len(planned.slices) < 2:
        yield "it was not cut into slices"
    end = 0
    for each in planned.slices:
        yield from differs(f"the first row of slice {each['slice_no']}", each["first_row"], end)
        end += each["positions"]
    yield from differs("positions of all slices", end, positions)


def _ends(planned: Planned, *, may_be_cancelled: bool) -> Iterator[str]:
    """All have ended, but for those of a run that was cancelled; none has failed, but for those of one that was spoilt."""
    asked, run = planned.asked, planned.run
    yield from differs("slices that are counted", run["slices_done"], len(planned.ended))
    all_ended = len(planned.ended) == len(planned.slices)
    if run["status"] == "cancelled" and not may_be_cancelled:
        yield "it is cancelled, though nobody asked for that"
    if all_ended == (run["status"] == "cancelled"):
        yield f"it is {run['status']}, with {len(planned.ended)} of {len(planned.slices)} slices ended"
    for each in planned.failed:
        if not asked.is_spoilt or each["failure_code"] not in SPOILT:
            yield f"slice {each['slice_no']} failed: {each['failure_code']} {each['failure_message']}"


def _come_to(planned: Planned, data: Mapping[str, Any]) -> Valued:
    """What the ended slices must have come to: their rows by the formulas, or the error where one failed."""
    priced = defaultdict(list)
    for row in valued(data).rows:
        priced[row.row_no].append(row)
    rows = list[Cells]()
    for each in planned.ended:
        for row_no in range(each["first_row"], each["first_row"] + each["positions"]):
            rows += map(_failed, priced[row_no]) if each["status"] == "failed" else priced[row_no]
    return Valued(tuple(rows), {} if planned.run["status"] == "cancelled" else totals_of(data, rows))


def _failed(row: Cells) -> Cells:
    """Of a position that was not read nothing is known but its place."""
    return Cells(row.row_no, "", row.measure, (None,) * len(row.values), "CALCULATION_FAILED")


def _counts(planned: Planned, worth: Valued) -> Iterator[str]:
    for each in planned.ended:
        rows = range(each["first_row"], each["first_row"] + each["positions"])
        errors = sum(row.error is not None for row in worth.rows if row.row_no in rows)
        yield from differs(f"errors of slice {each['slice_no']}", each["errors"], errors)
        yield from differs(f"client_id of slice {each['slice_no']}", each["client_id"], planned.asked.client)


def _groups(planned: Planned, data: Mapping[str, Any], worth: Valued, found: Sequence[Row]) -> Iterator[str]:
    """The totals of each desk, from those of its positions that were read."""
    by_desk: defaultdict[str, list[Cells]] = defaultdict(list)
    if data.get("group_by") and planned.run["status"] != "cancelled":
        for row in worth.rows:
            if row.position_id:
                by_desk[data["portfolio"]["positions"][row.row_no]["desk"]].append(row)
    told: defaultdict[str, dict[str, dict[str, float | None]]] = defaultdict(dict)
    for row in found:
        [desk] = row["group_values"]
        told[desk][row["measure"]] = dict(zip(planned.run["scenario_ids"], row["values"], strict=True))
    yield from differs("desks in run_totals", sorted(told), sorted(by_desk))
    yield from differs("rows in run_totals", len(found), sum(map(len, told.values())))
    for desk, rows in by_desk.items():
        yield from effects.of_totals(f"run_totals of {desk}", told[desk], totals_of(data, rows))


def judge_requests(runs: Sequence[Planned], requests: Sequence[Seen], inbox: Sequence[Row]) -> Iterator[Finding]:
    """Each slice of a planned run was asked for under one id, in the same words however often, and has one outcome."""
    wanted = {
        str(request_id(planned.asked.source, planned.asked.id, each["slice_no"])): (planned, each["slice_no"])
        for planned in runs
        for each in planned.slices
    }
    said = dict[str, bytes]()
    for seen in requests:
        told = json.loads(seen.value or b"null") or {}
        name = str(told.get("id"))
        if said.setdefault(name, seen.value or b"") != seen.value:
            yield Finding("one request, two contents", name)
        if name not in wanted:
            yield Finding("a request for no slice", f"{name} at {seen.place}")
        else:
            yield from _request(*wanted[name], told)
    for name in wanted.keys() - said.keys():
        planned, slice_no = wanted[name]
        yield Finding("no request", f"for slice {slice_no} of run {planned.run['run_id']} of {planned.asked.id}")
    yield from _outcomes(wanted, said, inbox)


def _request(planned: Planned, slice_no: int, told: Mapping[str, Any]) -> Iterator[Finding]:
    run, asked = planned.run, planned.asked
    data = {"run_id": str(run["run_id"]), "generation": 0, "slice_no": slice_no, "input_sha256": run["input_sha256"].hex()}
    wanted = {"source": SOURCE, "type": SLICE_REQUESTED, "clientid": asked.client, "causationid": asked.id, "data": data}
    found = {name: told.get(name) for name in wanted}
    if found != wanted:
        yield Finding("another request", f"{asked.id}: it says {found}, not {wanted}")


def _outcomes(wanted: Mapping[str, tuple[Planned, int]], said: Mapping[str, bytes], inbox: Sequence[Row]) -> Iterator[Finding]:
    by_key: defaultdict[UUID, list[Row]] = defaultdict(list)
    for row in inbox:
        by_key[row["event_key"]].append(row)
    for name, (planned, slice_no) in wanted.items():
        rows = by_key.pop(event_key(SLICES, SOURCE, name), [])
        about = f"slice {slice_no} of run {planned.run['run_id']} of {planned.asked.id}"
        if len(rows) != 1:
            yield Finding("no outcome" if not rows else "more than one outcome", f"{about}: the inbox has {len(rows)} rows")
            continue
        told = json.loads(said.get(name, b"{}"))
        payload = payload_sha256(SLICE_REQUESTED, planned.asked.client, told.get("data"))
        stored = rows[0]["outcome"], rows[0]["payload_sha256"], rows[0]["client_id"]
        if stored != ("completed", payload, planned.asked.client):
            yield Finding("another outcome", f"{about}: the inbox says {stored}")
    for key in by_key:
        yield Finding("an event nobody published", f"the inbox has {key} among the slices")
