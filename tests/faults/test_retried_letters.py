"""What died is worked on again when an operator asks for it: once for each time it was asked for, whatever dies meanwhile."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from events.failures import Outage
from ops.retrying import Retried
from storage.faults import fault_of
from storage.outbox import OutboxRow
from streams.publish import Outgoing, publish
from streams.publisher import Publisher, Refused
from tests.faults.conftest import SHORT_CLAIM
from tests.support.deaths import dammed
from tests.support.operators import operator, start_retry
from tests.support.rig import Rig
from tests.support.runs import run_data, run_event

LATE = "books/late.jsonl"


def late_run(seed: int = 1) -> dict[str, Any]:
    """A run whose portfolio is not there yet."""
    return run_data(Random(seed)) | {"portfolio": {"uri": LATE}}


async def portfolio_appears(rig: Rig) -> None:
    positions = run_data(Random(1))["portfolio"]["positions"]
    await rig.objects.put(LATE, b"\n".join(orjson.dumps(each) for each in positions))


async def fail(rig: Rig, number: int = 1) -> list[UUID]:
    """Runs that fail because their portfolio is missing; their letters, in the order of the events."""
    async with rig.engine():
        await rig.publish([run_event(f"e-{seed}", late_run(seed)) for seed in range(1, number + 1)])
        await rig.until("select count(*) from dead_letters", number)
        await rig.idle()
    return [row["id"] for row in await rig.rows("select id from dead_letters order by length(event_id), event_id")]


async def retry(rig: Rig, letters: Sequence[UUID]) -> list[Retried]:
    async with operator(rig) as one:
        return await one.retry(letters)


async def generations_answered(rig: Rig, at_least: int) -> Counter[tuple[str, int, str]]:
    """Completions by event, generation and status; a repeated publication has the same id and counts once."""
    found = {each["id"]: each for each in await rig.completions(at_least)}
    return Counter((each["causationid"], each["generation"], each["data"]["status"]) for each in found.values())


async def test_a_failed_run_is_retried_and_completes_in_its_next_generation(runs_rig: Rig) -> None:
    rig, run = runs_rig, late_run()
    headers = [("trace", b"\xff1"), ("null", None)]
    async with rig.engine():
        await publish(rig.kafka, [Outgoing(rig.spec.topic, b"key", run_event("e-1", run), headers)])  # type: ignore[arg-type]
        await rig.completions(1)
    [letter] = await rig.rows("select id from dead_letters")
    await portfolio_appears(rig)

    [retried] = await retry(rig, [letter["id"]])
    async with rig.engine():
        answered = await generations_answered(rig, 2)
        await rig.idle()

    assert (retried.refused, retried.generation) == (None, 1)
    assert answered == {("e-1", 0, "failed"): 1, ("e-1", 1, "completed"): 1}
    assert await rig.rows("select generation, outcome from inbox order by generation") == [
        {"generation": 0, "outcome": "failed"},
        {"generation": 1, "outcome": "completed"},
    ]
    assert await rig.rows("select status, generation, event_id from runs") == [
        {"status": "completed", "generation": 1, "event_id": "e-1"}
    ]
    [values] = await rig.rows("select count(*) from run_values where run_id = $1", UUID(run["run_id"]))
    assert values["count"] > 0
    assert await rig.rows("select status from dead_letters") == [{"status": "replayed"}]
    [allotted] = await rig.rows("select generation, dead_letter_id, requested_by, replay_id from generations")
    assert (allotted["generation"], allotted["dead_letter_id"], allotted["requested_by"]) == (1, letter["id"], "me@here")
    first, second = await rig.published(rig.spec.topic, 2)
    assert (second.key, list(second.headers)) == (first.key, headers)
    said = orjson.loads(second.value or b"")
    assert said == orjson.loads(first.value or b"") | {"generation": 1, "replayid": allotted["replay_id"]}


async def test_a_retry_that_fails_again_leaves_a_letter_of_its_generation_which_can_be_retried_too(runs_rig: Rig) -> None:
    rig = runs_rig
    [letter] = await fail(rig)
    await retry(rig, [letter])
    async with rig.engine():
        await rig.until("select count(*) from dead_letters", 2)
    [second] = await rig.rows("select id, generation from dead_letters where status = 'dead'")
    assert second["generation"] == 1
    assert await rig.rows("select status, generation from runs") == [{"status": "failed", "generation": 1}]
    await portfolio_appears(rig)

    [retried] = await retry(rig, [second["id"]])
    async with rig.engine():
        answered = await generations_answered(rig, 3)

    assert retried.generation == 2
    assert answered == {("e-1", 0, "failed"): 1, ("e-1", 1, "failed"): 1, ("e-1", 2, "completed"): 1}
    assert await rig.rows("select distinct generation from run_results") == [{"generation": 2}]


async def test_of_two_operators_at_once_one_retries_a_letter_and_the_other_is_refused(runs_rig: Rig) -> None:
    rig = runs_rig
    letters = await fail(rig, 20)
    await portfolio_appears(rig)

    async with rig.engine():
        answers = await asyncio.gather(retry(rig, letters), retry(rig, letters[::-1]), retry(rig, letters))
        answered = await generations_answered(rig, 40)
        await rig.idle()

    found = Counter((each.letter_id, each.refused) for some in answers for each in some)
    assert found == Counter(
        {(each, None): 1 for each in letters} | {(each, "it has been replayed already"): 2 for each in letters}
    )
    assert {count for (_, generation, _), count in answered.items() if generation == 1} == {1}
    assert sum(1 for _, _, status in answered if status == "completed") == 20
    assert await rig.rows("select count(*) from generations") == [{"count": 20}]
    assert await rig.rows("select status, generation, count(*) from runs group by 1, 2") == [
        {"status": "completed", "generation": 1, "count": 20}
    ]


async def test_two_events_of_one_run_are_retried_and_priced_once(runs_rig: Rig) -> None:
    rig, run = runs_rig, late_run()
    async with rig.engine():
        await rig.publish([run_event("e-1", run), run_event("e-2", run)])
        await rig.until("select count(*) from dead_letters", 2)
    await portfolio_appears(rig)

    await retry(rig, [row["id"] for row in await rig.rows("select id from dead_letters")])
    async with rig.engine():
        answered = await generations_answered(rig, 4)

    assert {key for key in answered if key[1] == 1} == {("e-1", 1, "completed"), ("e-2", 1, "completed")}
    assert await rig.rows("select status, generation from runs") == [{"status": "completed", "generation": 1}]


class Silent(Publisher):
    """Kafka never answers; `asked` once it has been asked."""

    async def publish(self, rows: Sequence[OutboxRow]) -> tuple[set[UUID], list[Refused]]:
        self.asked.set()
        await asyncio.Event().wait()
        return set(), []


async def test_a_retry_that_is_cut_off_after_its_decision_leaves_through_a_workers_relay(runs_rig: Rig) -> None:
    rig = runs_rig
    [letter] = await fail(rig)
    await portfolio_appears(rig)
    await rig.rows(SHORT_CLAIM)
    async with operator(rig) as one:
        one.publisher = silent = Silent(rig.kafka)
        silent.asked = asyncio.Event()  # type: ignore[attr-defined]
        cut_off = asyncio.create_task(one.retry([letter]))
        await silent.asked.wait()  # type: ignore[attr-defined]
        cut_off.cancel()
        await asyncio.gather(cut_off, return_exceptions=True)

    async with rig.engine():
        answered = await generations_answered(rig, 2)
        await rig.idle()

    assert answered[("e-1", 1, "completed")] == 1


class Away(Publisher):
    """Kafka has just gone away."""

    async def publish(self, rows: Sequence[OutboxRow]) -> tuple[set[UUID], list[Refused]]:
        raise TimeoutError


async def test_kafka_that_goes_away_after_the_decision_is_an_outage_and_the_decision_holds(runs_rig: Rig) -> None:
    rig = runs_rig
    [letter] = await fail(rig)
    async with operator(rig) as one:
        one.publisher = Away(rig.kafka)
        with pytest.raises(Outage) as caught:
            await one.retry([letter])

    assert fault_of(caught.value) is None, "it looks like an error of the database"
    assert await rig.rows("select status from dead_letters") == [{"status": "replayed"}]
    assert await rig.rows("select id from outbox") == [{"id": letter}]


async def test_a_retried_record_that_is_published_twice_takes_effect_once(runs_rig: Rig) -> None:
    rig = runs_rig
    [letter] = await fail(rig)
    await portfolio_appears(rig)
    await retry(rig, [letter])
    _, sent = await rig.published(rig.spec.topic, 2)
    await publish(rig.kafka, [Outgoing(sent.topic, sent.key, sent.value), Outgoing(sent.topic, b"another", sent.value)])

    async with rig.engine():
        answered = await generations_answered(rig, 2)
        await rig.idle()

    assert answered == {("e-1", 0, "failed"): 1, ("e-1", 1, "completed"): 1}
    assert await rig.rows("select count(*) from inbox where generation = 1") == [{"count": 1}]


async def test_a_retry_that_is_killed_is_taken_up_by_the_next_and_every_run_completes_once(runs_rig: Rig) -> None:
    rig, number = runs_rig, 1500
    await fail(rig, number)
    await portfolio_appears(rig)
    await rig.rows(SHORT_CLAIM)

    async with rig.engine():
        async with dammed(rig, "dead_letters", number // 2, "status = 'replayed'"):
            first = await start_retry(rig, "--all", "--yes")
            await rig.until("select count(*) >= 200 from dead_letters where status = 'replayed'", expected=True)
            first.kill()
            await first.communicate()
        [left] = await rig.rows("select count(*) from dead_letters where status = 'dead'")
        second = await start_retry(rig, "--all", "--yes", "--json")
        said, errors = await second.communicate()
        answered = await generations_answered(rig, 2 * number)
        await rig.idle()

    assert 0 < left["count"] <= number - 200, "the kill did not land in the middle"
    assert second.returncode == 0, errors
    assert [orjson.loads(line)["status"] for line in said.splitlines()] == ["retried"] * left["count"]
    events = [f"e-{each}" for each in range(1, number + 1)]
    assert answered == Counter([(each, 0, "failed") for each in events] + [(each, 1, "completed") for each in events])
    assert await rig.rows("select generation, count(*) from generations group by 1") == [{"generation": 1, "count": number}]
    assert await rig.rows("select status, generation, count(*) from runs group by 1, 2") == [
        {"status": "completed", "generation": 1, "count": number}
    ]


async def test_garbage_goes_again_byte_for_byte_and_leaves_a_letter_of_its_own(rig: Rig) -> None:
    value, headers = b"{\xff\x00", [("bytes", b"\xff"), ("dlq-reason", b"by hand")]
    async with rig.engine():
        await publish(rig.kafka, [Outgoing(rig.spec.topic, b"\xffkey", value, headers)])
        await rig.until("select count(*) from dead_letters", 1)
        [first] = await rig.rows("select id from dead_letters")
        [retried] = await retry(rig, [first["id"]])
        await rig.until("select count(*) from dead_letters", 2)
        await rig.idle()

    assert (retried.refused, retried.generation) == (None, None)
    _, again = await rig.published(rig.spec.topic, 2)
    assert (again.key, again.value, list(again.headers)) == (b"\xffkey", value, headers[:1])
    assert Counter(row["status"] for row in await rig.rows("select status from dead_letters")) == {"replayed": 1, "dead": 1}
    assert await rig.rows("select count(*) from generations") == [{"count": 0}]


async def test_a_conflict_is_refused_and_stays_dead(runs_rig: Rig) -> None:
    rig = runs_rig
    async with rig.engine():
        await rig.publish([run_event("e-1", run_data(Random(1)))])
        await rig.completions(1)
        await rig.publish([run_event("e-1", run_data(Random(2)))])
        await rig.until("select count(*) from dead_letters", 1)
    [letter] = await rig.rows("select id from dead_letters")

    [answer] = await retry(rig, [letter["id"]])

    assert answer.refused is not None
    assert answer.refused.startswith("payload_conflict")
    assert await rig.rows("select status from dead_letters") == [{"status": "dead"}]
    assert await rig.rows("select count(*) from outbox") == [{"count": 0}]


async def test_what_is_not_allotted_in_every_particular_is_rejected_beside_what_is(runs_rig: Rig) -> None:
    rig = runs_rig
    [letter] = await fail(rig)
    await portfolio_appears(rig)
    await retry(rig, [letter])
    _, sent = await rig.published(rig.spec.topic, 2)
    right = orjson.loads(sent.value or b"")
    forged = [{"replayid": str(uuid4())}, {"generation": 2}, {"id": "e-2"}, {"source": "/other"}, {"replayid": None}]

    async with rig.engine():
        await rig.publish([orjson.dumps(right | changes) for changes in forged])
        await rig.until("select count(*) from dead_letters", 1 + len(forged))
        answered = await generations_answered(rig, 2)
        await rig.idle()

    assert answered == {("e-1", 0, "failed"): 1, ("e-1", 1, "completed"): 1}
    reasons = await rig.rows("select reason, event_id, generation from dead_letters where status = 'dead'")
    assert {row["reason"] for row in reasons} == {"generation_not_allotted"}
    assert Counter((row["event_id"], row["generation"]) for row in reasons) == {("e-1", 1): 3, ("e-1", 2): 1, ("e-2", 1): 1}
    assert await rig.rows("select count(*) from inbox") == [{"count": 2}]
