"""A record that kills its worker ends as a dead letter after a bounded number of deaths, and takes no neighbour with it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from random import Random, SystemRandom
from uuid import uuid4

import orjson

from events.event import decode
from storage import retries
from storage.keys import as_uuid
from storage.retries import RetryRow
from tests.support.accounts import all_is_finished
from tests.support.notes import note
from tests.support.rig import Rig
from tests.support.worker_process import Workers

# Three starts without progress, then three deaths with the record alone in hand.
DEATHS_OF_ONE = 6
# A fetch before the record's own may still be finished by one of the first workers, which counts as progress.
PROGRESS = 3
# One with all that were leased together, three with it alone in hand.
DEATHS_OF_A_RETRY = 4
OUTCOMES = "(select count(*) from inbox) + (select count(*) from dead_letters where event_id is null)"
# As they do by themselves after a minute.
LEASES_END = "update retries set leased_until = now() - interval '1 second' where leased_until is not null"


async def deaths_until(rig: Rig, crew: Workers, outcomes: int, most: int) -> int:
    """Starts a worker for each that dies, until so many records have their outcome; how many have died."""
    deaths, worker = 0, await crew.start()
    while (await rig.rows(f"select {OUTCOMES} as number"))[0]["number"] < outcomes:
        if not worker.is_running():
            deaths += 1
            assert deaths <= most, f"{deaths} workers have died"
            await rig.rows(LEASES_END)
            worker = await crew.start()
        await asyncio.sleep(0.1)
    await all_is_finished(rig)
    assert worker.is_running()
    return deaths


async def every_note_is_completed_once(rig: Rig, ids: Iterable[str], killing: Iterable[str] = ()) -> None:
    """All but the killing ones have completed, and those have failed; a completion that is repeated has the same id."""
    expected = dict.fromkeys(ids, "completed") | dict.fromkeys(killing, "failed")
    told, completion_ids = dict[str, str](), defaultdict[str, set[str]](set)
    for record in await rig.published(rig.spec.completed_topic, len(expected)):
        completion = orjson.loads(record.value or b"")
        told[completion["causationid"]] = completion["data"]["status"]
        completion_ids[completion["causationid"]].add(completion["id"])
    assert told == expected
    assert {len(each) for each in completion_ids.values()} == {1}
    done = [event_id for event_id, status in expected.items() if status == "completed"]
    assert sorted(row["event_id"] for row in await rig.rows("select event_id from notes")) == sorted(done)


async def test_an_event_whose_work_kills_is_dead_lettered_and_its_neighbours_are_completed(
    rig: Rig, note_workers: Workers
) -> None:
    neighbours = [f"n-{number}" for number in range(60)]
    values = {name: note(name) for name in neighbours} | {"n-25": note("n-25", behave="kill")}
    await rig.publish_keyed([(b"same", values[name]) for name in neighbours])
    elsewhere = [f"e-{number}" for number in range(30)]
    await rig.publish([note(name) for name in elsewhere])

    deaths = await deaths_until(rig, note_workers, 90, DEATHS_OF_ONE + PROGRESS)

    neighbours.remove("n-25")
    await every_note_is_completed_once(rig, neighbours + elsewhere, ["n-25"])
    [letter] = await rig.rows("select event_id, client_id, reason, message, attempts from dead_letters")
    assert letter == {
        "event_id": "n-25",
        "client_id": "acme",
        "reason": "kills_worker",
        "message": "3 workers died while they had this event, and nothing else, in hand",
        "attempts": 1,
    }
    [dead] = await rig.dead(1)
    assert dead.value == values["n-25"]
    assert deaths >= DEATHS_OF_ONE, "it was given up without certainty"


async def test_a_record_whose_decoding_kills_is_rejected_unread(rig: Rig, note_workers: Workers) -> None:
    neighbours = [f"n-{number}" for number in range(40)]
    fatal = note("n-13", behave="abort")
    await rig.publish_keyed([(b"same", fatal if name == "n-13" else note(name)) for name in neighbours])

    await deaths_until(rig, note_workers, 40, DEATHS_OF_ONE + PROGRESS)

    neighbours.remove("n-13")
    await every_note_is_completed_once(rig, neighbours)
    [letter] = await rig.rows('select event_id, reason, "offset", value from dead_letters')
    assert letter == {"event_id": None, "reason": "kills_worker", "offset": 13, "value": fatal}


async def test_two_killing_events_in_one_partition_and_one_in_another_end_alone(rig: Rig, note_workers: Workers) -> None:
    keys = {b"a": range(40), b"b": range(100, 140), b"c": range(200, 240)}
    killing = {"n-3", "n-31", "n-120"}
    names = {key: [f"n-{number}" for number in numbers] for key, numbers in keys.items()}
    for key, those in names.items():
        await rig.publish_keyed([(key, note(name, behave="kill" if name in killing else "ok")) for name in those])

    await deaths_until(rig, note_workers, 120, 3 * DEATHS_OF_ONE + PROGRESS)

    await every_note_is_completed_once(rig, {name for those in names.values() for name in those} - killing, killing)
    assert {row["event_id"] for row in await rig.rows("select event_id from dead_letters")} == killing


async def test_an_event_that_kills_when_it_is_retried_takes_no_attempt_from_its_neighbours(
    rig: Rig, note_workers: Workers
) -> None:
    """They are leased together, and only the first death is of them all."""
    names = [f"n-{number}" for number in range(30)]
    waiting = [waits(rig, place, note(name, behave="kill" if name == "n-11" else "ok")) for place, name in enumerate(names)]
    async with rig.database.connection() as connection:
        await retries.keep(connection, waiting, uuid4())

    assert await deaths_until(rig, note_workers, 30, DEATHS_OF_A_RETRY) == DEATHS_OF_A_RETRY

    names.remove("n-11")
    await every_note_is_completed_once(rig, names, ["n-11"])
    [letter] = await rig.rows("select event_id, reason, attempts from dead_letters")
    assert letter == {"event_id": "n-11", "reason": "kills_worker", "attempts": 2}


def waits(rig: Rig, place: int, value: bytes) -> RetryRow:
    """An event that has failed once and is due."""
    event = decode(value, "notes", rig.spec.models)
    who = as_uuid(event.key), "notes", event.source, event.id, 0, event.client_id, event.payload_sha256
    record = rig.spec.topic, 0, place, None, value, None
    return RetryRow(*who, *record, 1, timedelta(0), error_class="Transient", last_error="later")


async def test_five_kills_at_random_send_no_innocent_record_to_the_dead_letters(rig: Rig, note_workers: Workers) -> None:
    seed = SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    names = [f"n-{number}" for number in range(400)]
    await rig.publish([note(name, behave="sleep:0.05") for name in names])
    chance = Random(seed)
    for _ in range(5):
        worker = await note_workers.start()
        await asyncio.sleep(chance.uniform(0, 8))
        await worker.kill()
    await note_workers.start()
    await rig.until("select count(*) from inbox", len(names))
    await all_is_finished(rig)

    await every_note_is_completed_once(rig, names)
    assert await rig.count("dead_letters") == 0
