"""Starting, killing and ending worker processes from a test."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

import orjson

from tests.support.forked import CHECKOUT, Forked, nursery
from tests.support.rig import Rig
from tests.support.worker import Orders

READY = b"ready\n"
START_SECONDS = 180.0
END_SECONDS = 120.0


class WorkerProcess:
    """One running worker."""

    def __init__(self, process: Forked, log: Path) -> None:
        self.process, self.log = process, log

    async def kill(self) -> None:
        """SIGKILL; returns when it is dead."""
        self.process.kill()
        await self._end()

    async def terminate(self) -> int:
        """SIGTERM; returns its exit code."""
        self.process.terminate()
        async with asyncio.timeout(END_SECONDS):
            return await self._end()

    def is_running(self) -> bool:
        return self.process.poll() is None

    async def until_it_ends(self) -> int:
        """Its exit code, once it has ended by itself."""
        async with asyncio.timeout(END_SECONDS):
            return await self._end()

    async def _end(self) -> int:
        while (code := self.process.poll()) is None:  # noqa: ASYNC110 - nothing tells of another process' end
            await asyncio.sleep(0.01)
        return code


class Workers:
    """The workers of one test, all on its rig."""

    def __init__(self, orders: Orders, folder: Path) -> None:
        self.orders, self.folder = orders, folder
        self.started: list[WorkerProcess] = []

    async def start(self) -> WorkerProcess:
        """A new worker, once it consumes; one that is killed before that is dead already."""
        name = f"worker-{len(self.started)}"
        log, said = self.folder / f"{name}.log", self.folder / f"{name}.said"
        with log.open("wb") as errors, said.open("wb") as output:
            arguments = [orjson.dumps(asdict(self.orders)).decode()]
            process = nursery().bear("worker", arguments, (None, output, errors), env=os.environ, cwd=CHECKOUT)
        worker = WorkerProcess(process, log)
        self.started.append(worker)
        async with asyncio.timeout(START_SECONDS):
            while not _is_ready(worker, said):  # noqa: ASYNC110 - another process is waited for
                await asyncio.sleep(0.02)
        return worker


def _is_ready(worker: WorkerProcess, said: Path) -> bool:
    """Whether it consumes, or was killed before; AssertionError if it ended otherwise."""
    if READY in said.read_bytes():
        return True
    code = worker.process.poll()
    assert code is None or code < 0, f"the worker did not start: {said.read_bytes()!r} {worker.log.read_text()[-4000:]}"
    return code is not None


@asynccontextmanager
async def workers(rig: Rig, flow: str, prefix: str, folder: Path) -> AsyncIterator[Workers]:
    """Workers on the rig's own servers; those that still run in the end are killed."""
    orders = Orders(
        flow=flow,
        prefix=prefix,
        kafka=rig.kafka.bootstrap_servers,
        database_url=rig.database_url,
        redis_url=rig.redis_url,
        object_store_url=rig.object_store_url,
        openai_url=rig.openai_url,
        beside=[spec.name for spec in rig.beside],
        slice_cells=rig.slice_cells,
    )
    crew = Workers(orders, folder)
    # It takes seconds, in which an engine of the test's own loop has to go on.
    await asyncio.to_thread(nursery)
    try:
        yield crew
    finally:
        for worker in crew.started:
            if worker.is_running():
                await worker.kill()
