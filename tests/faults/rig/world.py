"""The servers, workers and books of one run of the rig, put together and taken apart."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import asyncpg

from devstack.standin.control import Control
from devstack.standin.faults import Fault
from tests.faults.rig.author import Author
from tests.faults.rig.crew import CHECKOUT, Crew
from tests.faults.rig.hands import Hands
from tests.faults.rig.manifest import Manifest, Record
from tests.faults.rig.proxy import Proxy
from tests.faults.rig.sending import Sender
from tests.faults.rig.sight import Sight
from tests.faults.rig.tail import Tail
from tests.faults.rig.times import Times
from tests.faults.rig.watch import AWAY, LOOK_SECONDS, Watch

SHORT_CLAIM = "alter table outbox alter column claimed_until set default now() + interval '3 seconds'"
TELL_SECONDS = 30.0
Say = Callable[[str], None]


@dataclass(slots=True)
class Caused:
    """A fault, from when to when (seconds since the epoch), and whether it was seen to strike."""

    name: str
    began: float
    ended: float | None = None
    told: str = ""


@dataclass(slots=True)
class World:
    """Everything that a fault may reach for."""

    seed: int
    times: Times
    servers: Hands
    postgres: Proxy
    redis: Proxy
    openai: Proxy
    control: Control
    crew: Crew
    author: Author
    manifest: Manifest
    sender: Sender
    sight: Sight
    tail: Tail
    watch: Watch
    say: Say
    draw: Random
    caused: list[Caused] = field(default_factory=list)
    partitions: int = 4
    openai_is_up: asyncio.Lock = field(default_factory=asyncio.Lock)
    watching: list[asyncio.Task[None]] = field(default_factory=list)

    @contextmanager
    def fault(self, name: str) -> Iterator[Caused]:
        """Notes a fault while it lasts."""
        noted = Caused(name, time.time())
        self.caused.append(noted)
        self.say(f"{name} …")
        try:
            yield noted
        finally:
            noted.ended = time.time()
            self.say(f"{name}: over after {noted.ended - noted.began:.1f} s{noted.told and ', ' + noted.told}")

    async def publish(self, records: list[Record]) -> None:
        """Sends records until the broker has said yes to each; asks the stand-in for their faults before."""
        await self.ask_for(*(Fault(**each) for record in records for each in record.openai))
        for record in records:
            self.manifest.add(record)
        await self.sender.send(records)

    async def ask_for(self, *faults: Fault) -> None:
        """Asks the stand-in for faults, once it is there."""
        if faults:
            async with self.openai_is_up:
                await asyncio.to_thread(self.control.add, *faults)

    async def flow(self, rate: float, stop: asyncio.Event) -> int:
        """Publishes `rate` records a second until `stop`, none while workers are too far behind; returns how many."""
        count, left_out, began = 0, 0, time.monotonic()
        while not stop.is_set():
            due = int((time.monotonic() - began) * rate) - count - left_out
            if self.watch.lag > self.times.behind * rate:
                left_out += due
            elif due > 0:
                # After an outage of Kafka what was due meanwhile comes at once, but not all of it.
                await self.publish(self.author.take(min(due, 200)))
                count += min(due, 200)
            with suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await stop.wait()
        return count

    async def settle(self, patience: float) -> bool:
        """Waits until nothing is left to do; False when nothing has moved for `patience` seconds."""
        quiet, seen, since = 0, None, time.monotonic()
        while quiet < 2:
            now = await self._left()
            quiet = quiet + 1 if now == (0, 0, 0) else 0
            if now != seen:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since > patience:
                self.say(f"nothing moves: lag, outbox and retries are {now}")
                return False
            await asyncio.sleep(0.3)
        return await self._looked(patience) and await self.tail.caught_up()

    async def _looked(self, patience: float) -> bool:
        """Whether a last look came to its end; one that a busy server has not answered in time is made again."""
        until = time.monotonic() + patience
        while await self._left() is None:
            if time.monotonic() > until:
                return False
            await asyncio.sleep(0.3)
        return True

    async def tell(self) -> None:
        """Says every TELL_SECONDS how far it has come, until cancelled."""
        began = time.monotonic()
        while True:
            await asyncio.sleep(TELL_SECONDS)
            left = await self._left() or "not known:"
            told = f"{time.monotonic() - began:.0f} s: {len(self.manifest.sent):,} records published"
            self.say(f"{told}, {left} in lag, outbox and retries, {len(self.crew.alive)} workers alive")

    async def _left(self) -> tuple[int, int, int] | None:
        with suppress(*AWAY):
            async with asyncio.timeout(LOOK_SECONDS):
                lag = await self.watch.look()
                return (lag, *await self.sight.waiting())
        return None


@asynccontextmanager
async def world(servers: Hands, folder: Path, seed: int, times: Times, say: Say, *statements: str) -> AsyncIterator[World]:
    """A world on servers that are its own, migrated, with topics; `statements` are run on its database beforehand."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    await servers.start()
    env = servers.servers.env()
    database_url, kafka = env["DATABASE_URL"], env["KAFKA_BOOTSTRAP_SERVERS"]
    objects = folder / "objects"
    objects.mkdir()
    async with AsyncExitStack() as held:
        proxies = {name: Proxy(env[name]) for name in ("DATABASE_URL", "REDIS_URL", "OPENAI_BASE_URL")}
        for proxy in proxies.values():
            held.callback(proxy.close)
        own = {name: proxy.own_url for name, proxy in proxies.items()} | {"OBJECT_STORE_URL": objects.as_uri()}
        crew = Crew(env | own | times.settings(), folder)
        held.push_async_callback(crew.end)
        await crew.open()
        await _prepare(crew.environment, database_url, [SHORT_CLAIM, *statements] if times.short_waits else statements)
        tail, manifest, look = Tail(kafka), Manifest(), Sight(database_url, kafka)
        held.push_async_callback(tail.stop)
        await tail.start()
        author, sender = Author(seed, objects, int(time.time() * 1000)), Sender(kafka, manifest)
        held.push_async_callback(sender.close)
        built = World(
            seed, times, servers, *proxies.values(), Control(env["OPENAI_BASE_URL"]), crew, author, manifest, sender,
            look, tail, Watch(look, tail, manifest), say, Random(seed),
        )  # fmt: skip
        built.watching = [asyncio.create_task(each) for each in (built.watch.run(), crew.watch(), built.tell())]
        held.push_async_callback(_cancelled, built.watching)
        yield built


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _prepare(environment: Mapping[str, str], database_url: str, statements: Sequence[str]) -> None:
    """Tables and topics, by the commands that operators use."""
    await _command(environment, "migrate")
    await _command(environment, "topics", "ensure")
    connection = await asyncpg.connect(database_url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def _command(environment: Mapping[str, str], *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "millrace", *arguments),
        cwd=CHECKOUT,
        env=os.environ | environment,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 0, f"millrace {' '.join(arguments)}: {errors.decode()}"
