"""Several deaths of workers at once or by turns: each record that kills ends alone, and no innocent one with it."""

from __future__ import annotations

import asyncio
from random import Random, SystemRandom

from tests.support.accounts import all_is_finished
from tests.support.deaths import DEATHS_OF_ONE, PROGRESS, deaths_until, every_note_is_completed_once
from tests.support.notes import note
from tests.support.rig import Rig
from tests.support.worker_process import Workers


async def test_two_killing_events_in_one_partition_and_one_in_another_end_alone(rig: Rig, note_workers: Workers) -> None:
    keys = {b"a": range(40), b"b": range(100, 140), b"c": range(200, 240)}
    killing = {"n-3", "n-31", "n-120"}
    names = {key: [f"n-{number}" for number in numbers] for key, numbers in keys.items()}
    for key, those in names.items():
        await rig.publish_keyed([(key, note(name, behave="kill" if name in killing else "ok")) for name in those])

    await deaths_until(rig, note_workers, 120, 3 * DEATHS_OF_ONE + PROGRESS)

    await every_note_is_completed_once(rig, {name for those in names.values() for name in those} - killing, killing)
    assert {row["event_id"] for row in await rig.rows("select event_id from dead_letters")} == killing


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
