"""Events that fail: each alone, in the way that its failure asks for."""

from __future__ import annotations

from collections import Counter
from typing import Any

import orjson

from streams.publish import Outgoing, publish
from tests.support.notes import NotesFlow, note
from tests.support.rig import Rig


async def outcome_of(rig: Rig, event_id: str, completions: list[dict[str, Any]]) -> str:
    """What the one completion of the event says."""
    [completion] = [each for each in completions if each["causationid"] == event_id]
    status: str = completion["data"]["status"]
    return status


async def test_a_permanent_failure_is_a_failed_completion_and_a_dead_letter_with_the_record_as_it_came(rig: Rig) -> None:
    value, headers = note("n-1", behave="permanent"), [("trace", b"\xff1"), ("null", None)]
    async with rig.engine():
        [(partition, offset)] = await publish(rig.kafka, [Outgoing(rig.spec.topic, b"key", value, headers)])  # type: ignore[arg-type]
        [completion] = await rig.completions(1)
        [dead] = await rig.dead(1)
        await rig.idle()

    assert completion["data"] == {"status": "failed", "code": "internal"}
    assert (dead.key, dead.value, list(dead.headers[:2])) == (b"key", value, headers)
    assert dict(dead.headers[2:]) == {
        "dlq-reason": b"internal",
        "dlq-error-class": b"Permanent",
        "dlq-message": b"told to fail",
        "dlq-attempts": b"1",
        "dlq-topic": rig.spec.topic.encode(),
        "dlq-partition": str(partition).encode(),
        "dlq-offset": str(offset).encode(),
    }
    assert await rig.rows("select outcome from inbox") == [{"outcome": "failed"}]
    [row] = await rig.rows("select source, event_id, client_id, value, reason, attempts, status from dead_letters")
    assert row == {
        "source": "/tests",
        "event_id": "n-1",
        "client_id": "acme",
        "value": value,
        "reason": "internal",
        "attempts": 1,
        "status": "dead",
    }


async def test_a_transient_failure_succeeds_on_a_later_attempt(rig: Rig) -> None:
    async with rig.engine():
        await rig.publish([note("n-1", behave="transient:2"), note("n-2")])
        completions = await rig.completions(2)
        await rig.idle()

    assert await outcome_of(rig, "n-1", completions) == "completed"
    assert NotesFlow.worked == {"n-1": 3, "n-2": 1}
    assert await rig.rows("select count(*) from retries") == [{"count": 0}]
    assert await rig.rows("select count(*) from dead_letters") == [{"count": 0}]


async def test_an_event_whose_attempts_are_exhausted_fails(rig: Rig) -> None:
    async with rig.engine():
        await rig.publish([note("n-1", behave="transient:99")])
        [completion] = await rig.completions(1)
        [dead] = await rig.dead(1)
        await rig.idle()

    assert completion["data"]["status"] == "failed"
    assert NotesFlow.worked["n-1"] == rig.config.retry.max_attempts
    assert dict(dead.headers)["dlq-attempts"] == str(rig.config.retry.max_attempts).encode()
    assert await rig.rows("select count(*) from retries") == [{"count": 0}]


async def test_a_bug_in_the_handler_does_not_harm_the_neighbours(rig: Rig) -> None:
    values = [note(f"n-{number}", behave="bug" if number == 7 else "ok") for number in range(50)]
    await rig.publish(values)
    async with rig.engine():
        completions = await rig.completions(50)
        await rig.dead(1)
        await rig.idle()

    found = Counter((each["causationid"], each["data"]["status"]) for each in completions)
    assert found == Counter((f"n-{number}", "failed" if number == 7 else "completed") for number in range(50))
    [row] = await rig.rows("select event_id, message, attempts from dead_letters")
    assert row == {"event_id": "n-7", "message": "ValueError: told to have a bug", "attempts": 3}


async def test_an_outcome_that_cannot_be_stored_fails_alone(rig: Rig) -> None:
    values = [note(f"n-{number}", behave="unstorable" if number == 42 else "ok") for number in range(100)]
    await rig.publish(values)
    async with rig.engine():
        completions = await rig.completions(100)
        [dead] = await rig.dead(1)
        await rig.idle()

    found = Counter((each["causationid"], each["data"]["status"]) for each in completions)
    assert found == Counter((f"n-{number}", "failed" if number == 42 else "completed") for number in range(100))
    assert await rig.rows("select count(*) from notes") == [{"count": 99}]
    assert orjson.loads(dead.value or b"")["id"] == "n-42"
    assert set(NotesFlow.worked.values()) == {1}, "work was done again only to store it"
