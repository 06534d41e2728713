"""The workers of the rig: starting, killing, pausing and ending them, and how much memory they ever took."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from tests.faults.rig.worker import Orders

CHECKOUT = Path(__file__).resolve().parents[3]
RUNS = b'"worker_runs"'
END_SECONDS = 60.0


class Worker:
    """One worker process; `name` is its place in the crew and how often that was taken."""

    def __init__(self, process: asyncio.subprocess.Process, name: str, orders: Orders, log: Path, port: int) -> None:
        self.process, self.name, self.orders, self.log, self.port = process, name, orders, log, port
        self.peak_kib, self.asked_to_end = 0, False

    @property
    def is_alive(self) -> bool:
        return self.process.returncode is None

    async def until_running(self, seconds: float = 60.0) -> bool:
        """Waits until it consumes; False when it died before, or its servers are away so long."""
        deadline = time.monotonic() + seconds
        while self.is_alive and time.monotonic() < deadline:
            if RUNS in await asyncio.to_thread(self.log.read_bytes):
                return True
            await asyncio.sleep(0.1)
        return False

    def signal(self, number: int) -> None:
        if self.is_alive:
            with suppress(ProcessLookupError):
                self.process.send_signal(number)

    async def kill(self) -> None:
        """SIGKILL."""
        self.asked_to_end = True
        self.signal(signal.SIGKILL)
        await self.process.wait()

    async def terminate(self) -> int:
        """SIGTERM; its exit code. One that does not end within a minute is killed, and AssertionError raised."""
        self.asked_to_end = True
        self.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(END_SECONDS):
                return await self.process.wait()
        except TimeoutError:
            await self.kill()
            raise AssertionError(f"worker {self.name} did not end within {END_SECONDS:g} s of SIGTERM: {self.log}") from None

    def look(self) -> None:
        """Notes the most memory it has ever held."""
        with suppress(OSError):
            status = Path(f"/proc/{self.process.pid}/status").read_text()
            found = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")]
            self.peak_kib = max([self.peak_kib, *found])


class Crew:
    """All workers of one rig, those that have ended too."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self.environment, self.folder = environment, folder
        self.workers: list[Worker] = []

    async def start(self, orders: Orders, *, wait: bool = True, **settings: str) -> Worker:
        """A new worker, once it consumes (or at once). `settings` replace those of the crew."""
        name, port = f"w{len(self.workers) + 1}", _free_port()
        log = self.folder / f"{name}.log"
        with log.open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.faults.rig.worker", json.dumps(asdict(orders))),
                cwd=CHECKOUT,
                env=os.environ | self.environment | settings | {"HTTP_PORT": str(port)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
            )
        worker = Worker(process, name, orders, log, port)
        self.workers.append(worker)
        if wait:
            await worker.until_running()
        return worker

    @property
    def alive(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.is_alive]

    def unexpected_ends(self) -> list[Worker]:
        """Those that have ended though nobody asked them to."""
        return [each for each in self.workers if not each.is_alive and not each.asked_to_end and each.orders.kill is None]

    def look(self) -> None:
        for worker in self.alive:
            worker.look()

    async def end(self) -> None:
        """Kills whatever is left."""
        for worker in self.alive:
            worker.signal(signal.SIGCONT)
            await worker.kill()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port
