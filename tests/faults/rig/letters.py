"""Dead letters, in the table and on the topic: one for each record that must have one, none for any other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.faults.rig.fates import Fates
from tests.faults.rig.finding import Finding
from tests.faults.rig.manifest import Manifest, Place, Record
from tests.faults.rig.tail import Seen, Tail

Row = Mapping[str, Any]


def judge_letters(manifest: Manifest, tail: Tail, told: Fates, dead: Sequence[Row]) -> Iterator[Finding]:
    """Compares them with what must have become of the records, place by place."""
    rows: defaultdict[Place, list[Row]] = defaultdict(list)
    for row in dead:
        rows[row["topic"], row["partition"], row["offset"]].append(row)
    failing = {serial: key for key, serials in told.failing.items() for serial in serials}
    for record in manifest.published():
        places = tail.places[record.serial]
        # Of one that waited in `retries` and that the rig had to send again, one letter is left.
        once = record.kept_as is not None and any(rows.get(place) for place in places)
        for place in places:
            yield from _one_record(record, rows.get(place, []), told, may_fail=record.serial in failing, once=once)
    yield from _failing(tail, told, rows)
    places = {place for found in tail.places.values() for place in found}
    for place in rows.keys() - places:
        yield Finding("a dead letter of no record", f"{place}: {rows[place][0]['reason']}")
    yield from _on_the_topic(manifest, tail, rows)


def _one_record(record: Record, found: Sequence[Row], told: Fates, *, may_fail: bool, once: bool) -> Iterator[Finding]:
    reasons = [row["reason"] for row in found]
    wanted = told.letters.get(record.serial)
    if (wanted is None and (may_fail or not found)) or (once and not found):
        return
    if reasons != ([] if wanted is None else [wanted]):
        why = f"dead letters say {reasons}, and must say {[] if wanted is None else [wanted]}"
        yield Finding("another dead letter", f"{record.about}: {why}", (record.serial,))
    for row in found:
        if row["digest"] != record.digest or row["key"] != record.key:
            yield Finding("a dead letter with other bytes", record.about, (record.serial,))


def _failing(tail: Tail, told: Fates, rows: Mapping[Place, Sequence[Row]]) -> Iterator[Finding]:
    """An event that fails has one letter, at one of its records."""
    for key, serials in told.failing.items():
        reasons = [row["reason"] for serial in serials for place in tail.places[serial] for row in rows.get(place, [])]
        if reasons != [told.accepted[key].fails]:
            kind, why = "a failure without its letter", f"dead letters say {reasons}, and must say {told.accepted[key].fails}"
            yield Finding(kind, f"{told.accepted[key].id}: {why}", tuple(serials))


def _on_the_topic(manifest: Manifest, tail: Tail, rows: Mapping[Place, Sequence[Row]]) -> Iterator[Finding]:
    """Each row's record stands on the dead-letter topic as it came, and nothing else does."""
    said = set[Place]()
    for seen in tail.letters:
        place = _origin(seen)
        said.add(place)
        serial = tail.serials.get(place)
        if place not in rows or serial is None:
            yield Finding("a record on the dead-letter topic without its row", f"{seen.place} for {place}")
            continue
        record = manifest.records[serial]
        sent = tuple(record.all_headers())
        if seen.digest != record.digest or seen.key != record.key or seen.headers[: len(sent)] != sent:
            yield Finding("a dead letter that was changed", f"{record.about}, at {seen.place}", (serial,))
    for place in rows.keys() - said:
        serial = tail.serials.get(place)
        yield Finding("a dead letter that never left", f"{place}", () if serial is None else (serial,))


def _origin(seen: Seen) -> Place:
    headers = {name: (value or b"").decode() for name, value in seen.headers if name.startswith("dlq-")}
    return headers.get("dlq-topic", ""), int(headers.get("dlq-partition", -1)), int(headers.get("dlq-offset", -1))
