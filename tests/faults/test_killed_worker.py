"""A worker that is killed leaves nothing undone, and nothing is done twice."""

from __future__ import annotations

from random import SystemRandom

from streams.publish import publish
from tests.support.accounts import all_is_finished, every_run_is_completed_once
from tests.support.deaths import dammed
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

    async with dammed(runs_rig, "runs", DAM):
        for kill_at in KILLS:
            worker = await run_workers.start()
            await runs_rig.until(f"select count(*) >= {kill_at} from runs", expected=True)
            await worker.kill()
            [stored] = await runs_rig.rows("select count(*) from runs")
            assert kill_at <= stored["count"] < len(told.runs), "the kill did not land in the middle"
    await run_workers.start()
    await all_is_finished(runs_rig)

    await every_run_is_completed_once(runs_rig, told, places)
