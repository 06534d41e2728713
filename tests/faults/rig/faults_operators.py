"""What operators do while events flow."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from tests.faults.rig import large_runs
from tests.faults.rig.crew import CHECKOUT
from tests.faults.rig.faults_runs import published
from tests.faults.rig.manifest import SLICES_TOPIC, TOPIC_OF
from tests.faults.rig.world import World

TRIES = 20
PAUSE = 2.0
LAST = "20s"  # replays are on the topic too, so each selects what the ones before it have published
LAST_SLICES = "120s"  # few, and none but those that Millrace asked for
RATE = "400"


async def replayed(world: World) -> None:
    """What came in the last moments is published once more: workers skip what is done, and judge the rest as ever."""
    await _replayed(world, TOPIC_OF["runs"], LAST)


async def slices_replayed(world: World) -> None:
    """The same for what Millrace asked itself for: slices that have ended end no second time."""
    await published(world, large_runs.long(world.author))
    await _replayed(world, SLICES_TOPIC, LAST_SLICES)


async def _replayed(world: World, topic: str, since: str) -> None:
    with world.fault(f"{topic} is replayed") as noted:
        planned = await _millrace(world, "replay", "plan", "--topic", topic, "--since", since)
        applied = await _millrace(world, "replay", "apply", planned["id"], "--rate", RATE)
        noted.told = f"{applied['published']} published, {applied['skipped']} left out"
        assert applied["published"], "nothing was replayed"


async def _millrace(world: World, *arguments: str) -> dict[str, Any]:
    """What a command says in JSON, once the servers that it needs are there."""
    for _ in range(TRIES):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "millrace", *arguments, "--json"),
            cwd=CHECKOUT,
            env=os.environ | world.crew.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, errors = await process.communicate()
        if process.returncode == 0:
            told: dict[str, Any] = json.loads(said)
            return told
        await asyncio.sleep(PAUSE)
    raise AssertionError(f"millrace {' '.join(arguments)}: {errors.decode()}")
