"""A worker that is killed leaves nothing undone, and nothing is done twice."""

from __future__ import annotations

from random import SystemRandom

from streams.publish import publish
from tests.support.accounts import all_is_finished, every_run_is_completed_once
from tests.support.deaths import killed_amid
from tests.support.rig import Rig
from tests.support.story import story
from tests.support.worker_process import Workers

KILLS = (200, 500, 900)
DAM = 1500


async def test_every_run_is_completed_once_although_the_worker_is_killed_three_times(
    runs_rig: Rig, run_workers: Workers
) -> None:
    seed = SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    told = story(runs_rig.spec.topic, seed)
    places = await publish(runs_rig.kafka, told.outgoing())

    await killed_amid(runs_rig, run_workers, "runs", KILLS, DAM, len(told.runs))
    await run_workers.start()
    await all_is_finished(runs_rig)

    await every_run_is_completed_once(runs_rig, told, places)
