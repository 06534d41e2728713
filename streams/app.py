"""The engine: one FastStream broker, a lane for each flow, one relay."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Sequence
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
from streams.backoff import Backoff
from streams.careful import Careful
from streams.config import EngineConfig
from streams.dependencies import DATABASE, KAFKA, OBJECTS, REDIS, Dependencies
from streams.dependency import Dependency
from streams.gate import Gate
from streams.generations import Allotments
from streams.group import GroupSaver
from streams.header_names import read_any_header_name
from streams.kafka import KafkaConfig
from streams.known import Known
from streams.lane import Lane
from streams.leasing import NO_LEASES, Leasing
from streams.outages import Outages
from streams.pruning import pruning_loops
from streams.publisher import Publisher
from streams.pulse import Pulse
from streams.relay import Relay
from streams.retry import RetryFeeder
from streams.room import Room
from streams.stages import Stages, Trace, no_trace
from streams.starts import Starts
from streams.stopping import Stops
from streams.subscribers import Intake, rebalance_seconds, start_together
from streams.watch import watch

log = structlog.get_logger(__name__)

PUBLISHERS = 2
# For giving back what other workers would else find by themselves, only later.
GIVE_BACK_SECONDS = 5.0


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
        self.leases = keys.leases(config.lease)
        probes = {
            DATABASE: database.ping,
            REDIS: self.leases.ping,
            KAFKA: self.publisher.ping,
            OBJECTS: resources.objects.ping,
        }
        self.dependencies = Dependencies(probes, flows, resources)
        self.relay = Relay(
            database, self.publisher, self.owner, outages=self.dependencies.named([KAFKA]), claim=config.claim, trace=trace
        )
        read_any_header_name()
        self.broker, self.room = self._new_broker(), Room()
        self.lanes = [self._lane(spec) for spec in flows]
        self.careful = [Careful(lane, self.room) for lane in self.lanes]
        self.starts = [Starts(each.lane, each, database, self.owner) for each in self.careful]
        self.intakes = [Intake(self.broker, each.lane, config, each) for each in self.starts]
        self.feeders = [RetryFeeder(each.lane, each, database, self.owner) for each in self.careful]
        self.pulse = Pulse(self.intakes, self.dependencies, config.progress, rebalance=rebalance_seconds(config))
        self.stops = Stops(database, self.intakes, self.owner)
        self._tasks: list[asyncio.Task[None]] = []
        self._starting: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Waits for the servers, then starts lanes, relay and consumers."""
        self._tasks = [asyncio.ensure_future(each) for each in self.dependencies.watches()]
        await self._wait_for_servers()
        await self.stops.begin()
        self._tasks += [task for lane in self.lanes for task in lane.tasks()]
        loops = [self.relay.take_over(), self.relay.hold(), self.relay.reap(), watch(self.lanes)]
        loops += [self.stops.run(), self.pulse.run()]
        loops += pruning_loops(self.resources.database, self.config.inbox, self.config.history)
        loops += [self.relay.publish() for _ in range(PUBLISHERS)]
        loops += [loop for intake in self.intakes for loop in (intake.pause(), intake.resume())]
        loops += [feeder.run() for feeder in self.feeders]
        loops += [loop for feeder in self.feeders for loop in (feeder.renew(), feeder.suspect())]
        loops += [each.run() for each in self.careful]
        self._starting = [asyncio.create_task(each.run()) for each in self.starts]
        self._tasks += [asyncio.create_task(loop) for loop in loops] + self._starting
        await self._start_broker()

    async def run(self) -> None:
        """Returns only by raising: when one of the engine's own tasks has ended, which none may."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if not task.cancelled():  # by itself: a handler may have let one through
                await task
        raise RuntimeError("a task of the engine ended")

    async def stop(self, drain: float | None = None) -> bool:
        """Finishes what is in hand, commits it and gives the rest back; tells whether all in hand was finished.

        `drain`: seconds for what is in hand, a rebalance's by default.
        """
        self.pulse.close()
        finished = all(await asyncio.gather(*(lane.stop(drain) for lane in self.lanes)))
        for intake in self.intakes:
            intake.close()
        # Each of these may hang alone, and none is to cost the others their time.
        leaving = [self._leave_group()]
        if not any(task.done() for task in self._tasks):
            leaving.append(self._take_starts_back())  # else what ended the engine may end the next worker too
        others = [task for task in self._tasks if task not in self._starting]
        for task in others:
            task.cancel()
        await asyncio.gather(*leaving, *others, return_exceptions=True)
        # Only now is it known what is left: until they have ended, tasks take leases and have deletions in hand.
        leases = [*(feeder.release() for feeder in self.feeders), *(lane.leasing.close() for lane in self.lanes)]
        await asyncio.gather(*(_given_back(each) for each in (self.relay.delete_published(), *leases)))
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        self.dependencies.close()
        await self.publisher.close()
        return finished

    async def health(self) -> dict[str, str]:
        """Each server and "ok" or the error with which it does not answer; each lane that stands still, and why."""
        standing = {lane.spec.name: why for lane in self.lanes if (why := lane.standing()) is not None}
        return await self.dependencies.told() | standing

    def stalls(self) -> dict[str, str]:
        """Each lane that has work and does not move, or whose consumer is lost, and why; asks nobody."""
        return self.pulse.reasons

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
        said = {spec.completed_topic: spec.completed_type for spec in self.flows}
        said |= {spec.requests_topic: spec.requests_type for spec in self.flows if spec.requests_topic}
        for name, event_type in said.items():
            topic = TOPIC_OF_TYPE.get(event_type)
            schema = Envelope[topic.model] if topic else None  # type: ignore[name-defined]
            broker.publisher(name, schema=schema, title=name)
        return broker

    def _lane(self, spec: FlowSpec) -> Lane:
        database, flow = self.resources.database, spec.build(self.resources)
        saving, gate = self.dependencies.saving, Gate()
        outages = self.dependencies.of_lane(spec, gate)
        return Lane(
            spec,
            flow,
            GroupSaver(spec, flow, database, self.owner, self.config.retry),
            allotments=Allotments(spec.name, database, saving),
            known=Known(spec.name, self.keys, database, saving),
            relay=self.relay,
            outages=outages,
            saving=saving,
            gate=gate,
            limits=self.config.lane,
            stage=Stages(spec.name, self.trace),
            room=self.room,
            leasing=Leasing(spec.name, self.leases, database, outages) if spec.costly else NO_LEASES,
        )

    async def _wait_for_servers(self) -> None:
        servers = self.dependencies.named([DATABASE, KAFKA, OBJECTS]).dependencies
        tables = Dependency("tables", partial(require_tables, self.resources.database))
        needed = Outages([*servers, tables, Dependency("topics", self._topics)])
        backoff, attempt = Backoff(base=0.5, cap=5.0), 0
        while away := await needed.away():
            attempt += 1
            log.warning("waiting_for_servers", away=away, attempt=attempt)
            await asyncio.sleep(backoff.delay(attempt))

    async def _topics(self) -> None:
        wanted = {name for spec in self.flows for name in (*spec.topics, dlq(spec.topic))}
        missing = wanted - await self.publisher.topics()
        if missing:
            raise LookupError(f"topics are missing: {', '.join(sorted(missing))}; make them with `millrace topics ensure`")

    async def _start_broker(self) -> None:
        backoff, attempt = Backoff(base=0.5, cap=5.0), 0
        while True:
            try:
                await start_together(self.broker)
            except (KafkaError, OSError, TimeoutError) as error:
                attempt += 1
                log.warning("broker_start_failed", error=repr(error), attempt=attempt)
                # Without this a second start leaves two consumers.
                await self.broker.stop()
                await asyncio.sleep(backoff.delay(attempt))
            else:
                return

    async def _leave_group(self) -> None:
        with suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(GIVE_BACK_SECONDS):
                await self.broker.stop()

    async def _take_starts_back(self) -> None:
        try:
            async with asyncio.timeout(GIVE_BACK_SECONDS):
                await asyncio.gather(*(each.close() for each in self.starts))
        except TimeoutError:
            log.warning("hand_back_failed", error="the starts with partitions were not taken back in time")


async def _given_back(what: Awaitable[None]) -> None:
    """Best effort: whatever fails here, other workers find by themselves, only later."""
    try:
        async with asyncio.timeout(GIVE_BACK_SECONDS):
            await what
    except Exception as error:  # noqa: BLE001 - see above
        log.warning("hand_back_failed", error=repr(error))
