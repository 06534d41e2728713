"""Whether what is stored of an event, and said of it, is what must come of it. Pure: rows in, complaints out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.faults.rig.manifest import Asked
from tests.faults.rig.pricing import Valued, valued

Row = Mapping[str, Any]
DIMENSIONS = 1536
SHOWN = 3


def of_a_run(asked: Asked, run: Row | None, results: Sequence[Row], said: Row) -> Iterator[str]:
    """The run's row, its rows of values and its completion beside what the formulas give."""
    if run is None:
        yield "there is no row in runs"
        return
    if asked.fails is not None:
        yield from differs("status", run["status"], "failed")
        yield from differs("failure_code", run["failure_code"], asked.fails)
        yield from differs("rows of values", len(results), 0)
        yield from _failed(asked, said)
        return
    data = asked.whole
    expected = valued(data)
    status = "partial" if expected.errors else "completed"
    yield from of_priced(asked, data, run, results, said, expected, status, len(data["portfolio"]["positions"]))
    yield from differs("slices", run["slices"], 0)


def of_priced(
    asked: Asked,
    data: Mapping[str, Any],
    run: Row,
    results: Sequence[Row],
    said: Row,
    expected: Valued,
    status: str,
    positions: int,
) -> Iterator[str]:
    """The same of a run that has come to `expected`, with so many positions, and to that status."""
    scenarios = [each["id"] for each in data.get("scenarios") or [{"id": "base"}]]
    for name, found in (("runs", run), ("the completion", said)):
        yield from differs(f"status in {name}", found.get("status"), status)
        yield from differs(f"positions in {name}", found.get("positions"), positions)
        yield from differs(f"errors in {name}", found.get("errors"), expected.errors)
        yield from of_totals(name, found.get("totals") or {}, expected.totals)
    yield from differs("scenario_ids", list(run["scenario_ids"]), scenarios)
    yield from differs("client_id", run["client_id"], asked.client)
    notional = max((abs(each["notional"]) for each in data["portfolio"]["positions"]), default=0)
    yield from _rows(asked, results, expected, notional)


def _rows(asked: Asked, results: Sequence[Row], expected: Valued, notional: float) -> Iterator[str]:
    wanted = {(row.row_no, row.measure): row for row in expected.rows}
    found = [(row["row_no"], row["measure"]) for row in results]
    if len(found) != len(set(found)) or set(found) != wanted.keys():
        yield f"run_results has {len(found)} rows, {len(set(found))} of them distinct, for {len(wanted)} expected"
        return
    wrong = 0
    for row in results:
        want = wanted[row["row_no"], row["measure"]]
        same = row["position_id"] == want.position_id and row["error"] == want.error and row["client_id"] == asked.client
        if not same or not _alike(row["values"], want.values, notional):
            wrong += 1
            if wrong <= SHOWN:
                yield f"row {row['row_no']} {row['measure']} is {dict(row)}, not {want}"


def _alike(found: Sequence[float | None], wanted: Sequence[float | None], notional: float) -> bool:
    return len(found) == len(wanted) and all(
        one is other if one is None or other is None else math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-8 * notional)
        for one, other in zip(found, wanted, strict=True)
    )


def of_totals(name: str, found: Mapping[str, Any], expected: Mapping[str, Mapping[str, float | None]]) -> Iterator[str]:
    """Totals by measure and scenario."""
    for measure, wanted in expected.items():
        told = found.get(measure, {})
        values = [told.get(scenario) for scenario in wanted]
        if told.keys() != wanted.keys() or not _alike(values, list(wanted.values()), 1e6 * 10):
            yield f"totals of {measure} in {name} are {told}, not {wanted}"


def of_a_document(asked: Asked, versions: Sequence[Row], chunks: Sequence[Row], said: Row) -> Iterator[str]:
    """The row of this version, its chunks, and that the newest readable version is the current one."""
    row = next((each for each in versions if each["version"] == asked.data["version"]), None)
    if row is None:
        yield "there is no row in documents"
        return
    if asked.fails is not None:
        yield from differs("failure_code", row["failure_code"], asked.fails)
        yield from _failed(asked, said)
        return
    if row["status"] not in asked.statuses or said.get("status") not in asked.statuses:
        yield f"status is {row['status']} and {said.get('status')}, not one of {sorted(asked.statuses)}"
    readable = [each["version"] for each in versions if each["chunks_version"] is not None]
    current = [each["version"] for each in versions if each["is_current"]]
    yield from differs("the current version", current, [max(readable)] if readable else [])
    if row["status"] == "embedded":
        own = [each for each in chunks if each["version"] == row["chunks_version"]]
        yield from differs("chunks", len(own), row["chunks"])
        yield from _chunks(asked.text, own)


def _chunks(text: str, chunks: Sequence[Row]) -> Iterator[str]:
    yield from differs("ordinals", [each["ordinal"] for each in chunks], list(range(len(chunks))))
    covered = set[int]()
    for each in chunks:
        start, end = each["start_char"], each["end_char"]
        covered |= set(range(start, end))
        if each["content"] != text[start:end] or each["dimensions"] != DIMENSIONS:
            yield f"chunk {each['ordinal']} is not what stands at {start} to {end}"
    missing = [place for place, letter in enumerate(text) if not letter.isspace() and place not in covered]
    if missing:
        yield f"{len(missing)} characters are in no chunk, the first at {missing[0]}"


def of_an_audit(asked: Asked, audit: Row | None, findings: Sequence[Row], said: Row) -> Iterator[str]:
    """The audit's row, its findings, and that each quote stands in the evidence."""
    if audit is None:
        yield "there is no row in audits"
        return
    if audit["status"] not in asked.statuses or said.get("status") != audit["status"]:
        yield f"status is {audit['status']} and {said.get('status')}, not one of {sorted(asked.statuses)}"
    if asked.fails is not None:
        yield from differs("failure_code", audit["failure_code"], asked.fails)
        yield from _failed(asked, said)
    told = said.get("findings") or []
    yield from differs("findings", [each["title"] for each in findings], [each["title"] for each in told])
    if "completed" in asked.statuses and not findings:
        yield "there are no findings"
    for finding in findings:
        for citation in finding["citations"]:
            if citation["quote"] not in asked.text or citation["document_id"] not in asked.data["document_ids"]:
                yield f"the evidence does not say {citation['quote']!r}"


def _failed(asked: Asked, said: Row) -> Iterator[str]:
    yield from differs("status in the completion", said.get("status"), "failed")
    yield from differs("the completion's failure", (said.get("failure") or {}).get("code"), asked.fails)


def differs(name: str, found: Any, wanted: Any) -> Iterator[str]:
    """A complaint, unless the two are equal."""
    if found != wanted:
        yield f"{name}: {found!r}, not {wanted!r}"
