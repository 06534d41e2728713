"""The story of an event that came out wrong: everything that topics, tables and the rig's own book know about it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from tests.faults.rig.finding import Finding
from tests.faults.rig.manifest import Asked, Place, Record
from tests.faults.rig.world import Caused, World

STORIES = 5
AROUND = 5.0  # seconds before and after the event's own times
LONGEST = 300  # characters of one value
ROWS = 30  # of one table

BY_KEY = ("inbox", "retries")
EFFECTS = {
    "runs": ("runs", "run_slices", "run_totals", "run_results"),
    "documents": ("documents", "document_chunks"),
    "audits": ("audits", "audit_findings"),
}
KEY_OF = {"runs": "run_id", "documents": "document_id", "audits": "audit_id"}
LEFT_OUT = frozenset({"value", "embedding", "headers", "key", "content"})


async def stories(world: World, findings: Sequence[Finding]) -> list[str]:
    """The first few findings with their stories, and how many there are."""
    lines = [f"{len(findings)} findings; the first {min(STORIES, len(findings))} of them, each with what is known:"]
    for finding in findings[:STORIES]:
        lines += ["", f"■ {finding.kind}: {finding.told}"]
        for serial in finding.serials[:3]:
            lines += [f"  {line}" async for line in _story(world, world.manifest.records[serial])]
    return lines


async def _story(world: World, record: Record) -> Any:
    """Lines about one record, its event, and the faults around."""
    asked = record.asked
    yield f"record {record.serial}: {record.about}"
    times = [world.manifest.sent[record.serial]] if record.serial in world.manifest.sent else []
    for place in world.tail.places[record.serial]:
        yield f"  published {_clock(times[0]) if times else '?'} at {_at(place)}, key {record.key!r}"
    for row in await _letters(world, world.tail.places[record.serial]):
        yield f"  dead_letters: {_told(row)}"
    if asked is not None:
        yield f"  event {asked.flow} {asked.source} {asked.id} of {asked.client}, for {asked.natural_key}"
        async for line in _event(world, asked, times):
            yield f"  {line}"
    for line in _faults(world.caused, times):
        yield f"  {line}"


async def _event(world: World, asked: Asked, times: list[float]) -> Any:
    for table in BY_KEY:
        for row in await world.sight.rows(f"select * from {table} where event_key = $1", asked.key):
            yield f"{table}: {_told(row)}"
    for row in await world.sight.rows("select * from outbox where id = $1", asked.completion):
        yield f"outbox: {_told(row)}"
    for table in EFFECTS[asked.flow]:
        name = KEY_OF[asked.flow]
        for row in await world.sight.rows(f"select * from {table} where {name} = $1 limit {ROWS}", UUID(asked.data[name])):
            yield f"{table}: {_told(row)}"
    for seen in world.tail.completions:
        said = json.loads(seen.value or b"null") or {}
        if said.get("id") == str(asked.completion) or said.get("causationid") == asked.id:
            times.append(seen.timestamp_ms / 1000)
            yield f"completion {said.get('id')} {_clock(times[-1])} at {_at(seen.place)}: {said.get('data', {}).get('status')}"


async def _letters(world: World, places: Sequence[Place]) -> list[dict[str, Any]]:
    rows = []
    for place in places:
        query = 'select * from dead_letters where topic = $1 and partition = $2 and "offset" = $3'
        rows += await world.sight.rows(query, *place)
    return rows


def _faults(caused: Sequence[Caused], times: Sequence[float]) -> Iterator[str]:
    if not times:
        return
    first, last = min(times) - AROUND, max(times) + AROUND
    for fault in caused:
        if fault.began <= last and (fault.ended is None or fault.ended >= first):
            ended = "…" if fault.ended is None else _clock(fault.ended)
            yield f"fault {_clock(fault.began)} to {ended}: {fault.name} {fault.told}"


def _told(row: dict[str, Any]) -> str:
    shown = {name: _plain(value) for name, value in row.items() if name not in LEFT_OUT and value is not None}
    return " ".join(f"{name}={value}" for name, value in shown.items())


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return _clock(value.timestamp())
    text = value.hex() if isinstance(value, bytes) else str(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def _at(place: Place) -> str:
    return f"{place[0]}[{place[1]}]@{place[2]}"


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S.%f")[:-3]
