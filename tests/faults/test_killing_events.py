"""A record that kills its worker ends as a dead letter after a bounded number of deaths, and takes no neighbour with it."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from events.event import decode
from storage import retries
from storage.keys import as_uuid
from storage.retries import RetryRow
from tests.support.deaths import DEATHS_OF_ONE, PROGRESS, deaths_until, every_note_is_completed_once
from tests.support.notes import note
from tests.support.rig import Rig
from tests.support.worker_process import Workers

# One with all that were leased together, three with it alone in hand.
DEATHS_OF_A_RETRY = 4


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
