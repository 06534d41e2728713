"""Starting, killing and ending worker processes from a test."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

import orjson

from tests.support.rig import Rig
from tests.support.worker import Orders

CHECKOUT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0
END_SECONDS = 30.0


class WorkerProcess:
    """One running worker."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process, self.log = process, log
        self.reading: asyncio.Task[bytes] | None = None

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
        return self.process.returncode is None

    async def _end(self) -> int:
        if self.reading is not None:
            await self.reading
        return await self.process.wait()


class Workers:
    """The workers of one test, all on its rig."""

    def __init__(self, orders: Orders, folder: Path) -> None:
        self.orders, self.folder = orders, folder
        self.started: list[WorkerProcess] = []

    async def start(self) -> WorkerProcess:
        """A new worker, once it consumes; one that is killed before that is dead already."""
        log = self.folder / f"worker-{len(self.started)}.log"
        with log.open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.support.worker", orjson.dumps(asdict(self.orders)).decode()),
                cwd=CHECKOUT,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
            )
        worker = WorkerProcess(process, log)
        self.started.append(worker)
        await self._ready(worker)
        return worker

    async def _ready(self, worker: WorkerProcess) -> None:
        assert worker.process.stdout is not None
        said: list[bytes] = []
        async with asyncio.timeout(START_SECONDS):
            async for line in worker.process.stdout:
                said.append(line)
                if line.strip() == b"ready":
                    # What comes later has to be read too, or the worker would wait for room in the pipe.
                    worker.reading = asyncio.create_task(worker.process.stdout.read())
                    return
            if await worker.process.wait() < 0:
                return
        raise AssertionError(f"the worker did not start: {b''.join(said)!r} {worker.log.read_text()[-4000:]}")


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
    try:
        yield crew
    finally:
        for worker in crew.started:
            if worker.is_running():
                await worker.kill()
