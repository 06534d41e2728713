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
# How long a busy machine may take for a birth, and for what follows until a worker consumes; and for its end.
BIRTH_SECONDS, START_SECONDS, END_SECONDS = 180.0, 180.0, 120.0


class Worker:
    """One worker process; `exit_code` is negative for a signal, None as long as it lives."""

    def __init__(self, pid: int, name: str, orders: Orders, log: Path, port: int) -> None:
        self.pid, self.name, self.orders, self.log, self.port = pid, name, orders, log, port
        self.peak_kib, self.asked_to_end = 0, False
        self.exit_code: int | None = None
        self._gone = asyncio.Event()

    @property
    def is_alive(self) -> bool:
        return self.exit_code is None

    async def wait(self) -> int:
        """Its exit code, once it has ended."""
        await self._gone.wait()
        assert self.exit_code is not None
        return self.exit_code

    async def until_running(self, seconds: float = START_SECONDS) -> bool:
        """Waits until it consumes; False when it died before, or its servers are away so long."""
        deadline = time.monotonic() + seconds
        while self.is_alive and time.monotonic() < deadline:
            if self.log.exists() and RUNS in self.log.read_bytes():
                return True
            await asyncio.sleep(0.1)
        return False

    def signal(self, number: int) -> None:
        if self.is_alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def kill(self) -> None:
        """SIGKILL."""
        self.asked_to_end = True
        self.signal(signal.SIGKILL)
        await self.wait()

    async def terminate(self) -> int:
        """SIGTERM; its exit code. One that does not end within END_SECONDS is killed, and AssertionError raised."""
        self.asked_to_end = True
        self.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(END_SECONDS):
                return await self.wait()
        except TimeoutError:
            await self.kill()
            raise AssertionError(f"worker {self.name} did not end within {END_SECONDS:g} s of SIGTERM: {self.log}") from None

    def look(self) -> None:
        """Notes the most memory it has ever held."""
        with suppress(OSError):
            status = Path(f"/proc/{self.pid}/status").read_text()
            found = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")]
            self.peak_kib = max([self.peak_kib, *found])

    def ended(self, code: int) -> None:
        self.exit_code = code
        self._gone.set()


class Crew:
    """All workers of one rig, those that have ended too, and the nursery that they come from."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self.environment, self.folder = environment, folder
        self.workers: list[Worker] = []
        self._nursery: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._one_birth = asyncio.Lock()
        self._births: asyncio.Queue[int] = asyncio.Queue()

    async def open(self) -> None:
        """Starts the nursery."""
        with (self.folder / "nursery.log").open("wb") as errors:
            self._nursery = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.faults.rig.nursery"),
                cwd=CHECKOUT,
                env=os.environ | self.environment,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
            )
        self._listening = asyncio.create_task(self._listen())

    async def start(self, orders: Orders) -> Worker:
        """A new worker, once it consumes."""
        assert self._nursery is not None
        assert self._nursery.stdin is not None
        async with self._one_birth:
            name, port = f"w{len(self.workers) + 1}", _free_port()
            log = self.folder / f"{name}.log"
            told = {"orders": asdict(orders), "env": {"HTTP_PORT": str(port)}, "log": str(log)}
            self._nursery.stdin.write(json.dumps(told).encode() + b"\n")
            async with asyncio.timeout(BIRTH_SECONDS):
                pid = await self._births.get()
            worker = Worker(pid, name, orders, log, port)
            self.workers.append(worker)
        await worker.until_running()
        return worker

    @property
    def alive(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.is_alive]

    def unexpected_ends(self) -> list[Worker]:
        """Those that have ended though nobody asked them to."""
        return [each for each in self.workers if not each.is_alive and not each.asked_to_end and each.orders.kill is None]

    async def watch(self) -> None:
        """Looks at the memory of its workers every second, until cancelled."""
        while True:
            for worker in self.alive:
                worker.look()
            await asyncio.sleep(1)

    async def end(self) -> None:
        """Kills whatever is left."""
        for worker in self.alive:
            await worker.kill()
        if self._nursery is not None and self._nursery.stdin is not None:
            self._nursery.stdin.close()
            await self._nursery.wait()
        if self._listening is not None:
            await self._listening

    async def _listen(self) -> None:
        assert self._nursery is not None
        assert self._nursery.stdout is not None
        async for line in self._nursery.stdout:
            said, pid, *code = line.split()
            if said == b"born":
                self._births.put_nowait(int(pid))
                continue
            # It may have ended before its birth was heard of.
            while not any(worker.pid == int(pid) for worker in self.workers):  # noqa: ASYNC110 - the other task is about to
                await asyncio.sleep(0)
            [worker] = [each for each in self.workers if each.pid == int(pid) and each.is_alive]
            worker.ended(int(code[0]))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port
