"""A lane: one flow in one worker. An event goes through the steps below in the order they stand here, and never back.

intake   a batch of raw records enters the bounded queue
decode   each record becomes an event, or a rejection
dedupe   what is done already is skipped; a twin of what is in hand waits for it
claim    work that is paid for begins under a lease, and not at all if its outcome is stored (leasing)
load     what the work needs is read
work     the handler
save     group commit (committer)
publish  the outbox rows leave for Kafka (relay)
settle   idempotency keys are marked, offsets may advance
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from typing import Any

import structlog
from aiokafka import ConsumerRecord, TopicPartition

from handlers.flow import Flow, FlowSpec
from streams import metrics
from streams.attempts import Step, attempt, give, turns_of
from streams.budget import Budget
from streams.committer import Committer
from streams.config import LaneLimits
from streams.custody import Custody
from streams.decoding import read
from streams.failure_limit import FailureLimit
from streams.fair import FairLine
from streams.gate import Gate
from streams.generations import Allotments
from streams.group import GroupSaver, Saved
from streams.item import DONE, Item, Verdict
from streams.known import Known
from streams.leasing import NO_LEASES, Later, Leasing, NoLeases
from streams.line import Line
from streams.offsets import Offsets
from streams.outages import Outages
from streams.progress import Attempts
from streams.relay import Publication, Relay
from streams.room import Room
from streams.stages import Stages
from streams.tally import tally
from streams.twins import Twins

log = structlog.get_logger(__name__)


class Lane:
    """One flow in one worker: its queue, its hands, its committers."""

    def __init__(
        self,
        spec: FlowSpec,
        flow: Flow,
        saver: GroupSaver,
        *,
        allotments: Allotments,
        known: Known,
        relay: Relay,
        outages: Outages,
        saving: Outages,
        limits: LaneLimits,
        stage: Stages,
        gate: Gate,
        room: Room,
        leasing: Leasing | NoLeases = NO_LEASES,
    ) -> None:
        self.spec, self.flow, self.limits, self.stage = spec, flow, limits, stage
        self.allotments, self.known, self.relay, self.outages, self.leasing = allotments, known, relay, outages, leasing
        self.offsets = Offsets(spec.name)
        self.budget = Budget(limits.queue_records, limits.queue_bytes)
        self.custody, self.twins, self.gate, self.room = Custody(), Twins(), gate, room
        self.failures, self.attempts, self._turns = FailureLimit(limits.failures, self.gate), Attempts(), turns_of(spec)
        self.committer = Committer(saver, self.custody, saving, limits, stage, self.publish)
        self._queue, self._ready = Line(), FairLine(spec, limits.client_share, limits.decode_bytes)
        self.kept_retries, self.admit, self._stopping = asyncio.Event(), self.feed, False
        self.halted: str | None = None

    def tasks(self) -> list[asyncio.Task[None]]:
        """Starts what moves events through the lane."""
        loops = [self._feed(), self.offsets.run(), self.leasing.run(), *(self._hand() for _ in range(self.spec.hands))]
        loops += [self.committer.run() for _ in range(self.limits.committers)]
        return [asyncio.create_task(loop, name=f"{self.spec.name} lane") for loop in loops]

    # intake

    def intake(self, records: Sequence[ConsumerRecord], end: int) -> None:
        """Takes a fetched batch of one partition, up to offset `end`, at once: it is bound before a rebalance can come."""
        if self._stopping or self.halted is not None:
            return  # nothing of it is committed, so it comes again
        delivered = zip(records, self.offsets.deliver(records, end), strict=True)
        items = [Item(r.topic, r.partition, r.offset, r.key, r.value, r.headers, fetch) for r, fetch in delivered]
        self.hold(items)
        self.admit(items)
        metrics.CONSUMED.labels(self.spec.name).inc(len(records))

    def feed(self, items: Sequence[Item]) -> None:
        """Puts items into the queue: fetched records, due retries, twins whose first is settled."""
        self._queue.put(items)

    def hold(self, items: Sequence[Item]) -> None:
        """Counts items against the lane's budget, until they are finished."""
        self.budget.take(len(items), sum(item.size for item in items))

    def present(self, items: Iterable[Item]) -> list[Item]:
        """The items whose partition is still ours; the others are dropped: another worker gets them."""
        present, absent = list[Item](), list[Item]()
        for item in items:
            gone = self._stopping or ((fetch := item.fetch) is not None and fetch.partition.dead)
            (absent if gone else present).append(item)
        if absent:
            self.release(absent)
        return present

    # decode, dedupe

    async def _feed(self) -> None:
        while True:
            taken = await self._queue.take(self.limits.decode_records, self.limits.decode_bytes)
            await self._ready.wait_for_room()
            await self.gate.wait_until_open()
            async with self.room.shared:
                with self.stage("decode"):
                    events = await self.decode(self.present(taken))
                with self.stage("dedupe"):
                    self._ready.put(await self.dedupe(events))

    async def decode(self, items: Sequence[Item]) -> list[Item]:
        """The items that are events; the others go to be saved as what they are: rejections, or versions to wait for."""
        events = await self.allotments.confirmed([item for item in items if read(item, self.spec)])
        self.failures.saw_read(items, unworked := [item for item in items if item.failure is not None])
        self.save_unworked(self.present(unworked))
        return events

    def save_unworked(self, items: list[Item]) -> None:
        """What needs no work, or gets none, is saved as what it is."""
        self.custody.take(items)
        self.committer.put(items)

    async def dedupe(self, items: list[Item]) -> list[Item]:
        """The items to work on: what is done is finished, a twin of what is in flight waits for it."""
        fresh = self.twins.firsts(items)
        # What comes from `retries` goes on in any case: its row there is closed where its outcome is saved.
        done = await self.known.done([item for item in fresh if item.lease is None])
        if done:
            self.finish(done)
            metrics.DEDUPLICATED.labels(self.spec.name).inc(len(done))
        return [item for item in fresh if item not in done] if done else fresh

    # claim, load, work

    async def _hand(self) -> None:
        while True:
            await self.committer.wait_for_room()
            batch = await self._ready.take()
            await self.gate.wait_until_open()
            async with self.room.shared:
                await self.carry(self.present(batch), self.feed)
            self._ready.give_back(batch)

    async def carry(self, batch: list[Item], later: Later) -> bool:
        """Claim, load and work for a batch; False when another holds the lease of every one, which go to `later`."""
        claimed = await self.leasing.claim(batch, later)
        self.finish(claimed.done)
        self.save_unworked(claimed.refused)
        self.custody.take(begun := self.present(claimed.free))
        loaded, failed = await self._attempt("load", self._load, begun)
        self.committer.put(failed)  # what fails in one step does not go into the next
        worked, failed = await self._attempt("work", self._work, loaded)
        self.committer.put(worked + failed)
        return bool(claimed.free or claimed.done or claimed.refused)

    async def _attempt(self, name: str, step: Step, items: list[Item]) -> tuple[list[Item], list[Item]]:
        spec, turn = self.spec, self._turns[name]
        with self.stage(name):
            seen = self.attempts.timed(step, spec.timeout)
            results = await attempt(seen, items, name, flow=spec.name, timeout=spec.timeout, outages=self.outages, turn=turn)
        return give(items, results)

    async def _load(self, items: Sequence[Item]) -> Sequence[Any]:
        return await self.flow.load([item.event for item in items])

    async def _work(self, items: Sequence[Item]) -> Sequence[Any]:
        return await self.flow.work([item.event for item in items], [item.result for item in items])

    # save: see committer

    # publish, settle

    async def publish(self, saved: Saved) -> None:
        """Hands a committed group to the relay; it settles when its rows have left."""
        await self.relay.put(Publication(self.spec.name, saved.outbox, partial(self.settle, saved)))

    async def settle(self, saved: Saved) -> None:
        """Marks what is done in Redis and lets the offsets advance."""
        done = [item.event for verdict in DONE for item in saved.became[verdict]]
        with self.stage("settle"):
            await self.known.mark({e.key: e.payload_sha256 for e in done}, len(saved.became[Verdict.DUPLICATE]))
            self.finish(saved.items())
        tally(self.spec.name, saved.became)
        self.failures.saw_ended(saved.became)
        if saved.became[Verdict.RETRY]:
            self.kept_retries.set()

    def finish(self, items: Collection[Item]) -> None:
        """The items have their outcome in Postgres: their offsets may be passed."""
        self.offsets.finish(item.fetch for item in items if item.fetch is not None)
        self.release(items)

    def release(self, items: Collection[Item]) -> None:
        """The items are out of this lane; twins that waited for them go through it again."""
        self.budget.give(len(items), sum([item.size for item in items]))
        self.custody.release(items)
        self.leasing.release(items)
        self.feed(self.twins.leave(items))

    # rebalance, shutdown

    async def leave(self, topic_partitions: Iterable[TopicPartition]) -> None:
        """Gives partitions back: what is queued is abandoned, what is in hand is finished within a bound and committed."""
        gone = self.offsets.revoke(topic_partitions)
        if not await self.custody.empty(self.limits.drain, gone):
            log.warning("drain_cut_short", agent=self.spec.name, in_hand=self.custody.count)
        await self.offsets.commit(gone)

    async def stop(self, drain: float | None = None) -> bool:
        """Finishes what is in hand, within a bound, and takes nothing more; tells whether all of it was finished."""
        self._stopping = True
        gone = self.offsets.revoke(list(self.offsets.partitions))
        finished = await self.custody.empty(drain or self.limits.drain)
        await self.offsets.commit(gone)
        return finished

    def halt(self, reason: str) -> None:
        """Takes nothing more and commits nothing more, until a person has looked and the worker is started again."""
        self.halted = reason
        self.offsets.revoke(list(self.offsets.partitions))

    def standing(self) -> str | None:
        """Why the lane stands still, if it does."""
        if self.halted is not None:
            return f"stopped: {self.halted}"
        if self.gate.reasons:
            return "; ".join(self.gate.reasons.values())
        return None if self.committer.trouble is None else f"waiting: {self.committer.trouble}"
