"""What operators do while events flow."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from tests.faults.rig import large_runs
from tests.faults.rig.crew import CHECKOUT
from tests.faults.rig.faults_runs import amid
from tests.faults.rig.manifest import SLICES_TOPIC, TOPIC_OF
from tests.faults.rig.world import World

TRIES = 20
PAUSE = 2.0
SOME = 40
LAST = "20s"  # replays are on the topic too, so each selects what the ones before it have published
LAST_SLICES = "120s"  # few, and none but those that Millrace asked for
RATE = "400"


async def replayed(world: World) -> None:
    """What came in the last moments is published once more: workers skip what is done, and judge the rest as ever."""
    # Nothing comes in by itself while workers are too far behind.
    await _replayed(world, TOPIC_OF["runs"], LAST, lambda: world.publish(world.author.take(SOME)))


async def slices_replayed(world: World) -> None:
    """The same for what Millrace asked itself for: slices that have ended end no second time."""
    await _replayed(world, SLICES_TOPIC, LAST_SLICES, lambda: amid(world, large_runs.long(world.author)))


async def _replayed(world: World, topic: str, since: str, something_comes: Callable[[], Awaitable[object]]) -> None:
    """By a slow machine's plan all that came may be too long ago, or a server away: then something comes once more."""
    with world.fault(f"{topic} is replayed") as noted:
        for _ in range(TRIES):
            await something_comes()
            planned, noted.told = await _once(world, "replay", "plan", "--topic", topic, "--since", since)
            if planned is None:
                await asyncio.sleep(PAUSE)
                continue
            applied = await _millrace(world, "replay", "apply", planned["id"], "--rate", RATE)
            noted.told = f"{applied['published']} published, {applied['skipped']} left out"
            if applied["published"]:
                return
    raise AssertionError(f"nothing was replayed: {noted.told}")


async def _millrace(world: World, *arguments: str) -> dict[str, Any]:
    """What a command says in JSON, once the servers that it needs are there."""
    for _ in range(TRIES):
        told, errors = await _once(world, *arguments)
        if told is not None:
            return told
        await asyncio.sleep(PAUSE)
    raise AssertionError(f"millrace {' '.join(arguments)}: {errors}")


async def _once(world: World, *arguments: str) -> tuple[dict[str, Any] | None, str]:
    """What a command says in JSON, None if it fails; and what it complains of."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "millrace", *arguments, "--json"),
        cwd=CHECKOUT,
        env=os.environ | world.crew.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, errors = await process.communicate()
    return (json.loads(said) if process.returncode == 0 else None), errors.decode()
