"""What became of a story, counted from topics and tables alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import orjson

from streams.read import Incoming
from tests.support.offsets import remaining
from tests.support.rig import Rig, eventually
from tests.support.runs import expected_rows
from tests.support.story import ACCEPTED, Story

Place = tuple[int, int]


async def all_is_finished(rig: Rig) -> None:
    """Waits until every record has its outcome, and every outcome has left."""
    group = f"{rig.config.group_prefix}.{rig.spec.name}"
    await eventually(lambda: remaining(rig.kafka, group, rig.spec.topic), 0)
    await rig.until("select count(*) from outbox", 0)
    await rig.until("select count(*) from retries", 0)


async def every_run_is_completed_once(rig: Rig, told: Story, places: Sequence[Place]) -> None:
    """Compares runs, rows, inbox, completions and dead letters with the story, each exactly."""
    completed = set(told.completed)
    inputs = dict(told.runs)
    lost = set[str]()
    run_of = {row["event_id"]: row for row in await rig.rows("select event_id, run_id::text, status, positions from runs")}
    for first, (second, first_input, second_input) in told.rivals.items():
        winner, loser = (second, first) if second in run_of else (first, second)
        completed.add(winner)
        lost.add(loser)
        inputs[winner] = second_input if winner == second else first_input
    await _runs(rig, told, inputs, run_of)
    await _inbox(rig, completed)
    await _completions(rig, completed)
    await _dead_letters(rig, told, lost, places)


async def _runs(rig: Rig, told: Story, inputs: dict[str, dict[str, Any]], run_of: dict[str, dict[str, Any]]) -> None:
    # An echo may have come before the event that it repeats.
    asked = {told.echoes.get(event_id, event_id) for event_id in run_of}
    assert asked == inputs.keys()
    assert {row["run_id"] for row in run_of.values()} == {data["run_id"] for data in inputs.values()}
    assert len(run_of) == len(inputs)
    found: defaultdict[str, list[tuple[int, str, float | None]]] = defaultdict(list)
    for row in await rig.rows('select run_id::text, row_no, position_id, "values" from run_results order by row_no'):
        value = row["values"][0]
        found[row["run_id"]].append((row["row_no"], row["position_id"], None if value is None else round(value, 4)))
    assert found == {data["run_id"]: expected_rows(data) for data in inputs.values()}


async def _inbox(rig: Rig, completed: set[str]) -> None:
    rows = await rig.rows("select event_id, outcome from inbox")
    assert Counter(row["event_id"] for row in rows) == Counter(completed)
    assert {row["outcome"] for row in rows} == {"completed"}


async def _completions(rig: Rig, completed: set[str]) -> None:
    """One logical completion an event: a repetition has the same id."""
    ids = defaultdict(set)
    for record in await rig.published(rig.spec.completed_topic, len(completed)):
        completion = orjson.loads(record.value or b"")
        ids[completion["causationid"]].add(completion["id"])
    assert ids.keys() == completed
    assert {len(each) for each in ids.values()} == {1}


async def _dead_letters(rig: Rig, told: Story, lost: set[str], places: Sequence[Place]) -> None:
    """One letter a bad record, in the table and on the topic, where the record stood."""
    expected = Counter(
        (place, said) for place, (_, _, said) in zip(places, told.records, strict=True) if said not in {ACCEPTED, None}
    )
    rows = await rig.rows('select partition, "offset", reason, event_id, value from dead_letters')
    conflicts = [row for row in rows if row["reason"] == "input_conflict"]
    others = Counter(((row["partition"], row["offset"]), row["reason"]) for row in rows if row not in conflicts)
    assert others == expected
    assert Counter(row["event_id"] for row in conflicts) == Counter(lost)
    assert sorted(set(map(_origin, await rig.dead(len(rows))))) == sorted((row["partition"], row["offset"]) for row in rows)


def _origin(record: Incoming) -> Place:
    headers = dict(record.headers)
    return int(headers["dlq-partition"] or b""), int(headers["dlq-offset"] or b"")
