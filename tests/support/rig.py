"""An engine on topics, a database and keys of a test's own, and what can be seen of it from outside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson

from devstack.standin.api import KEY
from events.topics import dlq
from handlers.embed.parsing import ParserPool
from handlers.flow import FlowSpec
from handlers.llm import Llm, LlmConfig, Prices
from handlers.resources import Resources
from storage.database import Database, SessionLimits
from storage.faults import OF_THE_CONNECTION, fault_of
from storage.idempotency import IdempotencyKeys
from storage.objects import ObjectStore
from streams.app import Engine
from streams.backoff import Backoff
from streams.config import ConsumerLimits, EngineConfig, LaneLimits
from streams.decisions import RetryPolicy
from streams.kafka import KafkaConfig
from streams.limits import FailurePolicy
from streams.publish import Outgoing, publish
from streams.read import Incoming, reader
from streams.topics import WantedTopic, ensure_topics

STAND_IN = "stand-in"
PARTITIONS = 3
PATIENCE = 60.0
# The name under which the sessions of an engine stand in pg_stat_activity.
APPLICATION = "engine-under-test"


class Rig:
    """One test's own Kafka topics, database, Redis and object store."""

    def __init__(
        self,
        spec: FlowSpec,
        kafka: str,
        database_url: str,
        redis_url: str,
        object_store_url: str,
        openai_url: str | None = None,
        beside: Sequence[FlowSpec] = (),
        slice_cells: int = 1_000_000,
    ) -> None:
        self.spec, self.kafka, self.openai_url = spec, KafkaConfig(kafka), openai_url
        self.beside, self.slice_cells = beside, slice_cells
        self.database_url, self.redis_url, self.object_store_url = database_url, redis_url, object_store_url
        self.llm: dict[str, Any] = {"first_wait": 0.05, "breaker_seconds": 0.5}
        self.limits = SessionLimits()
        self.database = Database(database_url)
        self.objects = ObjectStore(object_store_url)
        self.config = EngineConfig(
            # Tests that fail on purpose do so as one client, by the thousand.
            lane=LaneLimits(drain=5.0, patience=1.0, failures=FailurePolicy(alone=1_000_000)),
            consumer=ConsumerLimits(session_timeout=6.0),
            retry=RetryPolicy(max_attempts=3, backoff=Backoff(base=0.1, cap=0.2)),
            claim=3.0,
            lease=3.0,
            group_prefix=spec.topic,
        )

    async def prepare(self, *statements: str) -> None:
        """Makes the topics, and whatever tables the flow needs."""
        names = dict.fromkeys(name for spec in (self.spec, *self.beside) for name in (*spec.topics, dlq(spec.topic)))
        await ensure_topics(self.kafka, [WantedTopic(name, PARTITIONS, 3_600_000) for name in names])
        async with self.database.connection() as connection:
            for statement in statements:
                await connection.execute(statement)

    @asynccontextmanager
    async def engine(
        self, config: EngineConfig | None = None, spec: FlowSpec | None = None, *beside: FlowSpec
    ) -> AsyncIterator[Engine]:
        """A worker's engine, started; stopped in the end as a worker stops it. None of its tasks may end before."""
        database = Database(self.database_url, limits=self.limits, application_name=APPLICATION)
        keys = IdempotencyKeys(self.redis_url)
        resources = self._resources(database)
        flows = [spec or self.spec, *self.beside, *beside]
        engine = Engine(config or self.config, flows, kafka=self.kafka, keys=keys, resources=resources)
        try:
            await engine.start()
            yield engine
            ended = [task for task in engine._tasks if task.done()]
            assert not ended, f"a task of the engine has ended: {ended}"
        finally:
            await engine.stop()
            await resources.close()
            await keys.close()
            await database.close()

    async def publish(self, values: Sequence[bytes | None], **record: Any) -> list[tuple[int, int]]:
        """Publishes values to the input topic, keyed by their place."""
        records = [Outgoing(self.spec.topic, str(place).encode(), value, **record) for place, value in enumerate(values)]
        return await publish(self.kafka, records)

    async def publish_keyed(self, records: Sequence[tuple[bytes, bytes | None]]) -> list[tuple[int, int]]:
        """Publishes values to the input topic under keys of the test's choice."""
        return await publish(self.kafka, [Outgoing(self.spec.topic, key, value) for key, value in records])

    async def partitions_in_use(self) -> list[int]:
        """The partitions of the input topic that hold records."""
        return sorted({record.partition for record in await self.published(self.spec.topic, 1)})

    async def count(self, table: str) -> int:
        """How many rows a table has."""
        return int(await self._value(f"select count(*) from {table}"))

    async def published(self, topic: str, at_least: int, settle: float = 0.3) -> list[Incoming]:
        """What is on a topic, once it has so many records and no more come for a moment."""
        found: list[Incoming] = []
        clock = asyncio.get_running_loop().time
        async with reader(self.kafka, [topic], from_start=True) as records:
            quiet_since = clock()
            while len(found) < at_least or clock() - quiet_since < settle:
                if some := await records.some():
                    found += some
                    quiet_since = clock()
                assert clock() - quiet_since < PATIENCE, f"{len(found)} of {at_least} records are on {topic}"
        return found

    async def completions(self, at_least: int) -> list[dict[str, Any]]:
        return [orjson.loads(record.value or b"") for record in await self.published(self.spec.completed_topic, at_least)]

    async def dead(self, at_least: int) -> list[Incoming]:
        return await self.published(dlq(self.spec.topic), at_least)

    async def rows(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        async with self.database.connection() as connection:
            return [dict(row) for row in await connection.fetch(query, *arguments)]

    async def until(self, query: str, expected: Any) -> None:
        """Waits until the query's one value is `expected`."""
        await eventually(lambda: self._value(query), expected)

    async def idle(self) -> None:
        """Waits until nothing is left to publish."""
        await self.until("select count(*) from outbox", 0)

    async def close(self) -> None:
        await self.database.close()

    def _resources(self, database: Database) -> Resources:
        if self.openai_url is None:
            return Resources(database, self.objects, run_slice_cells=self.slice_cells, worker=APPLICATION)
        config = LlmConfig(api_key=KEY, base_url=self.openai_url, provider=STAND_IN, **self.llm)
        return Resources(database, self.objects, llm=Llm(config, database, Prices()), parsers=ParserPool())

    async def _value(self, query: str) -> Any:
        """The value, or the error of a connection that a test has broken: what is asked again waits for an outage too."""
        try:
            async with self.database.connection() as connection:
                return await connection.fetchval(query)
        except Exception as error:
            if fault_of(error) not in OF_THE_CONNECTION:
                raise
            return error


async def eventually(ask: Callable[[], Awaitable[Any]], expected: Any, patience: float = PATIENCE) -> None:
    """Waits until `ask` answers `expected`, as long as its answer changes within `patience` seconds; a failure tells the last.

    What moves is slow at worst, and a busy machine is no reason to fail.
    """
    answer, clock = None, asyncio.get_running_loop().time
    try:
        async with asyncio.timeout(patience) as bound:
            while (now := await ask()) != expected:
                if now != answer:
                    answer = now
                    bound.reschedule(clock() + patience)
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"expected {expected!r}, still {answer!r} after {patience} s") from None
