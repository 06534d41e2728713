"""Reading along on every topic, from the first record on, without a consumer group."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from tests.faults.rig.formulas import event_key, payload_sha256
from tests.faults.rig.manifest import COMPLETED_TOPIC_OF, CONSUMED, SERIAL, SLICES, SLICES_TOPIC, Place

COMPLETIONS = tuple(COMPLETED_TOPIC_OF.values())
LETTERS = tuple(f"{topic}.dlq" for topic in CONSUMED)
FRESH_MS = 1_000  # how soon new partitions are seen
REQUEST_MS = 30_000


@dataclass(frozen=True, slots=True)
class Seen:
    """One record as Kafka has it. `value` is kept of what Millrace says only; `digest` is that of any value."""

    place: Place
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    digest: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


class Tail:
    """What is on the topics: where each record of the manifest lies, all requests for slices, completions, dead letters."""

    def __init__(self, kafka: str) -> None:
        self._consumer = AIOKafkaConsumer(
            *(*CONSUMED, *COMPLETIONS, *LETTERS),
            bootstrap_servers=kafka,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            metadata_max_age_ms=FRESH_MS,
            request_timeout_ms=REQUEST_MS,
            fetch_max_wait_ms=100,
        )
        self._task: asyncio.Task[None] | None = None
        self._known = set[Place]()
        self.serials: dict[Place, int] = {}
        self.places: defaultdict[int, list[Place]] = defaultdict(list)
        self.unread: defaultdict[tuple[str, int], set[int]] = defaultdict(set)
        """Offsets of each input partition that nobody has looked at yet (the watch takes them)."""
        self.completions: list[Seen] = []
        self.letters: list[Seen] = []
        self.requests: list[Seen] = []
        self.durable_as: dict[Place, tuple[UUID, bytes]] = {}
        """Under which key and payload the inbox or `retries` must have the slice that is asked for at a place."""
        self.strangers: list[Seen] = []
        self.last_seen = time.monotonic()

    async def start(self) -> None:
        await self._consumer.start()
        self._task = asyncio.create_task(self._read())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._consumer.stop()

    async def ends(self) -> dict[TopicPartition, int]:
        """Where each partition of every topic ends. Raises KafkaError while Kafka is away."""
        partitions = list(self._consumer.assignment())
        found: dict[TopicPartition, int] = await self._consumer.end_offsets(partitions)
        return found

    async def caught_up(self, patience: float = 240.0) -> bool:
        """Waits until everything that is on the topics now has been read."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            with suppress(KafkaError, TimeoutError):
                # The client waits for a position as long as it has none.
                async with asyncio.timeout(REQUEST_MS / 1000):
                    ends = await self.ends()
                    at = {each: await self._consumer.position(each) for each in ends}
                if all(at[each] >= end for each, end in ends.items()):
                    return True
            await asyncio.sleep(0.2)
        return False

    async def _read(self) -> None:
        while True:
            try:
                found = await self._consumer.getmany(timeout_ms=200, max_records=2_000)
            except KafkaError:
                await asyncio.sleep(0.5)
                continue
            for records in found.values():
                self._take(records)

    def _take(self, records: Sequence[object]) -> None:
        for record in records:
            place = record.topic, record.partition, record.offset  # type: ignore[attr-defined]
            if place in self._known:
                continue  # a partition that was added has the others read again
            self._known.add(place)
            self.last_seen = time.monotonic()
            self._sort(_seen(place, record))

    def _sort(self, seen: Seen) -> None:
        topic, partition, offset = seen.place
        if topic in COMPLETIONS:
            self.completions.append(seen)
        elif topic in LETTERS:
            self.letters.append(seen)
        elif topic == SLICES_TOPIC:
            self.requests.append(seen)
            self.durable_as[seen.place] = _slice_of(seen)
            self.unread[topic, partition].add(offset)
        else:
            serial = next((value for name, value in reversed(seen.headers) if name == SERIAL and value), None)
            if serial is None:
                self.strangers.append(seen)
                return
            self.serials[seen.place] = int(serial)
            self.places[int(serial)].append(seen.place)
            self.unread[topic, partition].add(offset)


def _slice_of(seen: Seen) -> tuple[UUID, bytes]:
    told = json.loads(seen.value or b"{}")
    return event_key(SLICES, told["source"], told["id"]), payload_sha256(told["type"], told["clientid"], told["data"])


def _seen(place: Place, record: object) -> Seen:
    value: bytes | None = record.value  # type: ignore[attr-defined]
    digest = None if value is None else sha256(value).digest()
    kept = value if place[0] in (*COMPLETIONS, SLICES_TOPIC) else None
    return Seen(place, record.timestamp, record.key, kept, digest, tuple(record.headers))  # type: ignore[attr-defined]
