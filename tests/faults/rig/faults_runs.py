"""What is done to large runs amid their slices: they are cancelled, or their portfolio is no longer what was planned."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

from tests.faults.rig import large_runs
from tests.faults.rig.manifest import Asked
from tests.faults.rig.watch import AWAY
from tests.faults.rig.world import World

TRIES = 5  # a run may have ended before anybody could do anything to it; each next one is twice as long
PATIENCE = 120.0  # seconds in which nothing at all is finished
LOOK_AGAIN = 0.02

COUNTS = """
select status, slices, slices_done, (select count(*) from run_slices as each
    where each.run_id = runs.run_id and each.status = 'failed') as failed
from runs where run_id = $1
"""


async def run_cancelled(world: World) -> None:
    """The end of a run is asked for while slices of it are priced and others wait."""
    with world.fault("a run is cancelled amid its slices") as noted:
        for earlier in range(TRIES):
            asked = await amid(world, large_runs.long(world.author, 2**earlier))
            await world.publish([large_runs.cancel(world.author, asked)])
            run = await until_ended(world, asked)
            noted.told = f"{run['status']} after {run['slices_done']} of {run['slices']} slices"
            if run["status"] == "cancelled":
                return
    raise AssertionError(f"no run was cancelled: the last one was {noted.told}")


async def portfolio_changed(world: World) -> None:
    """Other bytes, as many as before, stand in the place of a portfolio that has been planned."""
    await _spoilt(world, "the portfolio of a run is changed", lambda content: content[::-1])


async def portfolio_cut(world: World) -> None:
    """Only the first half of a portfolio is left after it has been planned."""
    await _spoilt(world, "the portfolio of a run is cut in half", lambda content: content[: len(content) // 2])


async def portfolio_removed(world: World) -> None:
    """A portfolio is gone after it has been planned."""
    await _spoilt(world, "the portfolio of a run is removed", lambda _content: None)


async def _spoilt(world: World, name: str, spoilt: Callable[[bytes], bytes | None]) -> None:
    with world.fault(name) as noted:
        for earlier in range(TRIES):
            asked = await amid(world, large_runs.long(world.author, 2**earlier, is_spoilt=True))
            await asyncio.to_thread(partial(world.author.spoil, asked, spoilt))
            run = await until_ended(world, asked)
            noted.told = f"{run['failed']} of {run['slices']} slices failed"
            if run["failed"]:
                return
    raise AssertionError(f"no slice failed: of the last run {noted.told}")


async def published(world: World, record: Any) -> Asked:
    """Publishes a run and waits until it is planned."""
    await world.publish([record])
    asked: Asked = record.asked
    await _until(world, asked, lambda _run: True)
    return asked


async def amid(world: World, record: Any) -> Asked:
    """Publishes a run and waits until the first of its slices has ended."""
    asked = await published(world, record)
    await _until(world, asked, lambda run: run["slices_done"] or run["status"] != "planned")
    return asked


async def until_ended(world: World, asked: Asked) -> dict[str, Any]:
    """The row of a run, once it is planned no more."""
    return await _until(world, asked, lambda run: run["status"] != "planned")


async def _until(world: World, asked: Asked, holds: Any) -> dict[str, Any]:
    """The run's row and counts, once `holds` says so of them; a database that is away is asked again.

    The run may stand behind all that came while nobody worked, so it is waited for as long as workers get on, up to a bound.
    """
    finished, began = world.watch.finished, time.monotonic()
    since = began
    while (now := time.monotonic()) - since < PATIENCE and now - began < world.times.run:
        with suppress(*AWAY):
            rows = await world.sight.rows(COUNTS, UUID(asked.data["run_id"]))
            if rows and holds(rows[0]):
                return rows[0]
        if finished != world.watch.finished:
            finished, since = world.watch.finished, now
        await asyncio.sleep(LOOK_AGAIN)
    stood = f"{now - began:.0f} s, of which nothing moved in the last {now - since:.0f}"
    raise TimeoutError(f"run {asked.data['run_id']} was waited for in vain for {stood}")
