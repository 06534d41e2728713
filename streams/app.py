"""The engine: one FastStream broker, a lane for each flow, one relay."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import uuid4

import structlog
from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker
from faststream.specification import AsyncAPI

from events.envelope import Envelope
from events.topics import TOPIC_OF_TYPE, dlq
from handlers.flow import FlowSpec
from handlers.resources import Resources
from storage.idempotency import IdempotencyKeys
from storage.migrate import require_tables
from streams import metrics
from streams.backoff import Backoff
from streams.config import EngineConfig
from streams.generations import Allotments
from streams.group import GroupSaver
from streams.header_names import read_any_header_name
from streams.health import OPENAI, Health
from streams.kafka import KafkaConfig
from streams.known import Known
from streams.lane import Lane
from streams.leasing import NO_LEASES, Leasing
from streams.outages import Outages, Probe
from streams.publisher import Publisher
from streams.relay import Relay
from streams.retry import RetryFeeder
from streams.stages import Stages, Trace, no_trace
from streams.subscribers import Intake

log = structlog.get_logger(__name__)

SAVING_NEEDS = ("database", "objects")
PUBLISHERS = 2
WATCH_SECONDS = 5.0


class Engine:
    """Runs flows in this process. `start` returns when records are being consumed, however long servers are away."""

    def __init__(
        self,
        config: EngineConfig,
        flows: Sequence[FlowSpec],
        *,
        kafka: KafkaConfig,
        keys: IdempotencyKeys,
        resources: Resources,
        trace: Trace = no_trace,
    ) -> None:
        self.config, self.flows, self.kafka, self.keys, self.resources = config, flows, kafka, keys, resources
        self.owner, self.trace = uuid4(), trace
        database = resources.database
        self.publisher = Publisher(kafka)
        self.relay = Relay(database, self.publisher, self.owner, claim=config.claim, trace=trace)
        self.probes: dict[str, Probe] = {
            "database": database.ping,
            "redis": keys.ping,
            "kafka": self.publisher.ping,
            "objects": resources.objects.ping,
        }
        self.asked: dict[str, Probe] = {
            spec.name: partial(resources.need_llm().probe, spec.asks(resources)) for spec in flows if OPENAI in spec.needs
        }
        # What is saved needs no more than this: Redis saves work and is not waited for, the relay waits for Kafka by itself.
        self.outages = Outages({name: self.probes[name] for name in SAVING_NEEDS})
        self.watch = Health(self.probes, self.asked)
        read_any_header_name()
        self.broker = self._new_broker()
        self.lanes = [self._lane(spec) for spec in flows]
        self.intakes = [Intake(self.broker, lane, config) for lane in self.lanes]
        self.feeders = [RetryFeeder(lane, database, self.owner) for lane in self.lanes]
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Waits for the servers, then starts lanes, relay and consumers."""
        await self._wait_for_servers()
        self._tasks = [task for lane in self.lanes for task in lane.tasks()]
        loops = [self.relay.take_over(), self.relay.hold(), self.relay.reap(), self._watch()]
        loops += [self.relay.publish() for _ in range(PUBLISHERS)]
        loops += [loop for intake in self.intakes for loop in (intake.pause(), intake.resume())]
        loops += [feeder.run() for feeder in self.feeders]
        loops += [feeder.renew() for feeder in self.feeders]
        self._tasks += [asyncio.create_task(loop) for loop in loops]
        await self._start_broker()

    async def run(self) -> None:
        """Returns only by raising: when one of the engine's own tasks has ended, which none may."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if not task.cancelled():  # by itself: a handler may have let one through
                await task
        raise RuntimeError("a task of the engine ended")

    async def stop(self) -> bool:
        """Finishes what is in hand, commits it and gives the rest back; tells whether all in hand was finished."""
        finished = all(await asyncio.gather(*(lane.stop() for lane in self.lanes)))
        with suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(self.config.lane.drain):
                await self.broker.stop()
        for intake in self.intakes:
            intake.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.watch.close()
        await self._hand_back()
        await self.publisher.close()
        return finished

    async def health(self) -> dict[str, str]:
        """Each server and "ok" or the error with which it does not answer; each lane that stands still, and why."""
        standing = {lane.spec.name: why for lane in self.lanes if (why := lane.standing()) is not None}
        return await self.watch.told() | standing

    def asyncapi(self) -> dict[str, Any]:
        """The AsyncAPI document of what this worker consumes and publishes."""
        document: dict[str, Any] = AsyncAPI(self.broker, title="Millrace").to_specification().to_jsonable()
        return document

    def _new_broker(self) -> KafkaBroker:
        broker = KafkaBroker(
            self.kafka.bootstrap_servers.split(","),
            security=self.kafka.security(),
            request_timeout_ms=int(self.kafka.request_timeout * 1000),
            apply_types=False,
            allow_auto_create_topics=False,
            logger=logging.getLogger("faststream"),
        )
        for spec in self.flows:
            topic = TOPIC_OF_TYPE.get(spec.completed_type)
            schema = Envelope[topic.model] if topic else None  # type: ignore[name-defined]
            broker.publisher(spec.completed_topic, schema=schema, title=spec.completed_topic)
        return broker

    def _lane(self, spec: FlowSpec) -> Lane:
        database, flow = self.resources.database, spec.build(self.resources)
        leases = self.keys.leases(self.config.lease)
        needed = {name: self.asked[spec.name] if name == OPENAI else self.probes[name] for name in spec.needs}
        # A model takes longer to answer than a server that stores.
        outages = Outages(needed | {"redis": leases.ping}, timeout=10.0) if spec.costly else Outages(needed)
        return Lane(
            spec,
            flow,
            GroupSaver(spec, flow, database, self.owner, self.config.retry),
            allotments=Allotments(spec.name, database, self.outages),
            known=Known(spec.name, self.keys, database, self.outages),
            relay=self.relay,
            outages=outages,
            saving=self.outages,
            limits=self.config.lane,
            stage=Stages(spec.name, self.trace),
            leasing=Leasing(spec.name, leases, database, outages) if spec.costly else NO_LEASES,
        )

    async def _wait_for_servers(self) -> None:
        needed = Outages(
            {name: self.probes[name] for name in ("database", "kafka", "objects")}
            | {"tables": partial(require_tables, self.resources.database), "topics": self._topics}
        )
        backoff, attempt = Backoff(base=0.5, cap=5.0), 0
        while away := await needed.away():
            attempt += 1
            log.warning("waiting_for_servers", away=away, attempt=attempt)
            await asyncio.sleep(backoff.delay(attempt))

    async def _topics(self) -> None:
        wanted = {name for spec in self.flows for name in (spec.topic, spec.completed_topic, dlq(spec.topic))}
        missing = wanted - await self.publisher.topics()
        if missing:
            raise LookupError(f"topics are missing: {', '.join(sorted(missing))}; make them with `millrace topics ensure`")

    async def _start_broker(self) -> None:
        backoff, attempt = Backoff(base=0.5, cap=5.0), 0
        while True:
            try:
                await self.broker.start()
            except (KafkaError, OSError, TimeoutError) as error:
                attempt += 1
                log.warning("broker_start_failed", error=repr(error), attempt=attempt)
                # Without this a second start leaves two consumers.
                await self.broker.stop()
                await asyncio.sleep(backoff.delay(attempt))
            else:
                return

    async def _hand_back(self) -> None:
        """Best effort: whatever fails here, other workers find by themselves, only later."""
        try:
            async with asyncio.timeout(self.config.lane.drain):
                await self.relay.delete_published()
                for feeder in self.feeders:
                    await feeder.release()
        except Exception as error:  # noqa: BLE001 - see above
            log.warning("hand_back_failed", error=repr(error))

    async def _lags(self, lane: Lane) -> list[tuple[str, int, int]]:
        try:
            async with asyncio.timeout(WATCH_SECONDS):
                return await lane.offsets.lags()
        except (KafkaError, TimeoutError, AssertionError):
            return []  # a rebalance is under way

    async def _watch(self) -> None:
        """Keeps the gauges of lanes and lag; a partition that was given back has none here."""
        shown: set[tuple[str, str]] = set()
        while True:
            lags: dict[tuple[str, str], int] = {}
            for lane in self.lanes:
                metrics.HELD_RECORDS.labels(lane.spec.name).set(lane.budget.held_records)
                metrics.HELD_BYTES.labels(lane.spec.name).set(lane.budget.held_size)
                lags |= {(topic, str(partition)): lag for topic, partition, lag in await self._lags(lane)}
            for place, lag in lags.items():
                metrics.LAG.labels(*place).set(lag)
            for place in shown - lags.keys():
                metrics.LAG.remove(*place)
            shown = set(lags)
            await asyncio.sleep(WATCH_SECONDS)
