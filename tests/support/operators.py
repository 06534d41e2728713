"""Operators who retry dead letters and replay topics: in this process, or by the command line."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from tempfile import TemporaryFile
from typing import IO, Any
from uuid import UUID

from ops.replay.applying import Applying, Ending, Pace, Watcher
from ops.replay.planning import Planned, Planning
from ops.replay.selection import Selection
from ops.retrying import Retrying
from storage import replays
from storage.replays import Replay
from streams.publisher import Publisher
from tests.support.command_line import KEPT
from tests.support.databases import PATIENT
from tests.support.forked import CHECKOUT, Forked, nursery
from tests.support.patience import unhurry
from tests.support.rig import Rig


async def unhurried(rig: Rig) -> None:
    """Lets the rig's processes outlast a machine that stands still, for tests in which nobody dies and nothing is away."""
    await unhurry(rig, PATIENT)
    rig.kafka = replace(rig.kafka, request_timeout=60.0)
    rig.config = replace(rig.config, lane=replace(rig.config.lane, drain=60.0))


@asynccontextmanager
async def operator(rig: Rig) -> AsyncIterator[Retrying]:
    """One who retries letters on the rig's servers."""
    publisher = Publisher(rig.kafka)
    try:
        yield Retrying(rig.database, publisher, await publisher.topics(), "me@here")
    finally:
        await publisher.close()


class Command:
    """`millrace` at work on the rig's servers, as a process."""

    def __init__(self, process: Forked, out: IO[bytes], err: IO[bytes]) -> None:
        self._process, self._streams = process, (out, err)
        self.pid, self.kill, self.send_signal = process.pid, process.kill, process.send_signal

    @property
    def returncode(self) -> int | None:
        return self._process.poll()

    async def communicate(self) -> tuple[bytes, bytes]:
        """What it said on stdout and stderr, once it has ended."""
        while self.returncode is None:  # noqa: ASYNC110 - nothing tells of another process' end
            await asyncio.sleep(0.01)
        said = []
        for stream in self._streams:
            with stream:
                stream.seek(0)
                said.append(stream.read())
        return said[0], said[1]


async def start_retry(rig: Rig, *arguments: str) -> Command:
    """`millrace dlq retry` as a process on the rig's servers."""
    return await start_command(rig, "dlq", "retry", *arguments)


async def start_command(rig: Rig, *arguments: str) -> Command:
    """`millrace` as a process on the rig's servers."""
    nest = await asyncio.to_thread(nursery)
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    servers = {"DATABASE_URL": rig.database_url, "KAFKA_BOOTSTRAP_SERVERS": rig.kafka.bootstrap_servers}
    env = kept | servers | {"ENVIRONMENT": "test", "PYTHONPATH": str(CHECKOUT)}
    out, err = TemporaryFile(), TemporaryFile()  # noqa: SIM115 - closed when they have been read
    return Command(nest.bear("millrace", arguments, (None, out, err), env=env, cwd=CHECKOUT), out, err)


async def plan(rig: Rig, **chosen: Any) -> Planned:
    """A plan of the rig's topic."""
    planning = Planning(rig.database, rig.kafka, rig.spec, f"{rig.spec.topic}.{rig.spec.name}", "me@here")
    return await planning.plan(Selection(rig.spec.topic, **chosen))


async def planned(rig: Rig, **chosen: Any) -> UUID:
    """The id of a plan that is not empty."""
    found = await plan(rig, **chosen)
    assert found.replay_id is not None, found
    return found.replay_id


async def replay_of(rig: Rig, plan_id: UUID) -> Replay:
    """A replay as it is stored."""
    async with rig.database.connection() as connection:
        found = await replays.one(connection, plan_id)
    assert found is not None
    return found


async def applying(
    rig: Rig, plan_id: UUID, pace: Pace | None = None, stop: asyncio.Event | None = None, watcher: Watcher | None = None
) -> Applying:
    """One who is about to apply a plan on the rig's servers."""
    replay, pace = await replay_of(rig, plan_id), pace or Pace(rate=100_000)
    return Applying(rig.database, rig.kafka, rig.spec, replay, pace, "you@there", stop or asyncio.Event(), watcher or Watcher())


async def apply(rig: Rig, plan_id: UUID, pace: Pace | None = None) -> Ending:
    """Applies a plan to its end."""
    return await (await applying(rig, plan_id, pace)).run()
