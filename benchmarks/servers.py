"""Servers of the benchmarks' own, and how they are made ready before each measurement."""

from __future__ import annotations

import asyncio
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import redis.asyncio

from benchmarks.readings import PARTITIONS, TABLE
from devstack.temporary import temporary_stack
from events.topics import dlq
from storage.migrate import migrate
from streams.kafka import KafkaConfig
from streams.topics import WantedTopic, ensure_topics

HOUR = 3_600_000
CLEARED = "truncate readings, inbox, outbox, retries, dead_letters"


@dataclass(frozen=True, slots=True)
class Bench:
    """Where the servers are: their folder, Kafka, PostgreSQL as its owner and as superuser, Redis."""

    folder: Path
    kafka: KafkaConfig
    database_url: str
    superuser_url: str
    redis_url: str

    async def ready(self, source: str, target: str) -> None:
        """Topics for a measurement, and nothing left of the one before."""
        await self.topics(source, target)
        await self.clear()

    async def topics(self, source: str, *targets: str) -> None:
        """Makes a topic for events, with its dead letters, and the topics that completions go to."""
        wanted = [WantedTopic(name, PARTITIONS, HOUR) for name in (source, *targets)]
        await ensure_topics(self.kafka, [*wanted, WantedTopic(dlq(source), 1, HOUR)])

    async def clear(self) -> None:
        """Empties tables and keys, and has what was written before reach the disk now rather than during a measurement."""
        connection = await asyncpg.connect(self.database_url)
        await connection.execute(CLEARED)
        await connection.close()
        await self.forget()
        connection = await asyncpg.connect(self.superuser_url)
        await connection.execute("checkpoint")
        await connection.close()

    async def rows(self) -> int:
        """How many rows the flow has stored."""
        connection = await asyncpg.connect(self.database_url)
        try:
            return int(await connection.fetchval("select count(*) from readings"))
        finally:
            await connection.close()

    async def forget(self) -> None:
        """Empties Redis."""
        async with redis.asyncio.Redis.from_url(self.redis_url) as keys:
            await keys.flushall()


@contextmanager
def servers() -> Iterator[Bench]:
    """Servers with nothing in them but tables; their addresses stand in the environment, for workers to find."""
    with temporary_stack() as stack:
        stack.start()
        os.environ.update(stack.env())
        kafka = KafkaConfig(os.environ["KAFKA_BOOTSTRAP_SERVERS"])
        database, keys = os.environ["DATABASE_URL"], os.environ["REDIS_URL"]
        asyncio.run(_make_tables(database))
        yield Bench(stack.folder, kafka, database, stack.superuser_url(), keys)


async def _make_tables(database_url: str) -> None:
    await migrate(database_url)
    connection = await asyncpg.connect(database_url)
    await connection.execute(TABLE)
    await connection.close()


def machine() -> str:
    """The processor and how many of its cores there are."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    return f"{model}, {os.cpu_count()} cores shared with the servers, Python {platform.python_version()}"
