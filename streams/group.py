"""One transaction for a group of outcomes: inbox, results, outbox, dead letters and retries, or none of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from events.build import timestamp
from events.failures import Conflict, Failure, Waiting
from handlers.answer import Answer
from handlers.flow import Flow, FlowSpec
from storage import dead_letters, inbox, outbox, retries
from storage.database import Connection, Database
from storage.inbox import InboxRow
from storage.outbox import OutboxRow
from streams import rows
from streams.decisions import RetryPolicy, other_payload, verdict
from streams.item import Item, Verdict


@dataclass(slots=True)
class Saved:
    """A group whose transaction has committed: what to publish, and what became of each item."""

    outbox: list[OutboxRow] = field(default_factory=list)
    became: dict[Verdict, list[Item]] = field(default_factory=lambda: {each: [] for each in Verdict})

    def items(self) -> list[Item]:
        return [item for items in self.became.values() for item in items]


class NotAnswered(Exception):  # noqa: N818 - a signal, not an error
    """Items are conflicts, or have to wait: the transaction is undone and the group saved again without their effects."""

    def __init__(self, failures: Mapping[Item, Failure]) -> None:
        super().__init__()
        self.failures = failures


class GroupSaver:
    """Stores groups of one flow. Every key occurs once in a group; twins wait in the lane."""

    def __init__(self, spec: FlowSpec, flow: Flow, database: Database, owner: UUID, policy: RetryPolicy) -> None:
        self.spec, self.flow, self.database, self.owner, self.policy = spec, flow, database, owner, policy

    async def save(self, items: Sequence[Item], *, after_break: bool = False) -> Saved:
        """Commits the outcomes of `items`.

        `after_break`: an earlier try lost its connection, so the rows may be there already; then what it left in the
        outbox is returned for publication too. Whatever the storage raises passes through, with nothing stored.
        """
        careful = after_break
        while True:
            came = {item: item.failure for item in items}
            try:
                return await self._transaction(items, careful=careful, after_break=after_break)
            except Exception as error:
                for item, failure in came.items():  # what an answer made of an item is undone with its transaction
                    item.failure = failure
                if isinstance(error, NotAnswered):
                    for item, failure in error.failures.items():
                        item.failure = failure
                elif careful or not inbox.is_taken(error):
                    raise
                else:
                    careful = True

    async def _transaction(self, items: Sequence[Item], *, careful: bool, after_break: bool) -> Saved:
        due: dict[Verdict, list[Item]] = {each: [] for each in Verdict}
        due[Verdict.COMPLETE] = [item for item in items if item.failure is None]
        for item in items:
            if item.failure is not None:
                due[verdict(item.failure, item.attempts, self.policy, item.waited)].append(item)
        saved = Saved()
        async with self.database.transaction() as connection:
            accepted = due[Verdict.COMPLETE] + due[Verdict.FAIL]
            rejected = await self._still_ours(connection, due[Verdict.REJECT], saved)
            waiting = await self._accept(connection, accepted, saved, careful=careful) if accepted else set()
            await self._keep(connection, due[Verdict.RETRY], saved)
            await self._bury(connection, rejected, saved)
            saved.became[Verdict.REJECT] += rejected
            await self._close(connection, accepted, rejected, waiting)
            if saved.outbox:
                await outbox.add(connection, saved.outbox)
            if after_break:
                await self._reclaim(connection, items, saved)
        return saved

    async def _accept(self, connection: Connection, items: list[Item], saved: Saved, *, careful: bool) -> set[UUID]:
        """Inbox first, then the flow's results, then what follows from its answers; returns the keys that waited."""
        waiting = await retries.stored_hashes(connection, [item.uuid for item in items])
        others = [item for item in items if waiting.get(item.uuid, item.event.payload_sha256) != item.event.payload_sha256]
        if others:
            # What is accepted decides, and not what waits to be refused itself.
            _refuse_other_payloads(others, waiting | await inbox.stored_hashes(connection, [item.uuid for item in others]))
        inbox_rows = [rows.inbox_row(item) for item in items]
        if careful:
            new = await self._enter(connection, items, inbox_rows, saved)
        else:
            await inbox.enter(connection, inbox_rows)
            new = items
        if new:
            await self._answer(connection, new, saved)
        return set(waiting)

    async def _enter(self, connection: Connection, items: list[Item], inbox_rows: list[InboxRow], saved: Saved) -> list[Item]:
        """Enters what is new; the others are duplicates, or conflicts when their payload is another."""
        entered = await inbox.enter_new(connection, inbox_rows)
        known = [item for item in items if item.uuid not in entered]
        if known:
            stored = await inbox.stored_hashes(connection, [item.uuid for item in known])
            _refuse_other_payloads(known, stored)
            saved.became[Verdict.DUPLICATE] += known
        return [item for item in items if item.uuid in entered]

    async def _answer(self, connection: Connection, items: list[Item], saved: Saved) -> None:
        """Stores the results of events that are new; what each answer says is to be published, a failed one is a letter too."""
        results = [item.result if item.failure is None else item.failure for item in items]
        answers = _answered(items, await self.flow.save(connection, [item.event for item in items], results))
        now, failed, corrected = timestamp(datetime.now(UTC)), list[Item](), list[UUID]()
        complete = saved.became[Verdict.COMPLETE]
        for item, answer in zip(items, answers, strict=True):
            said = rows.said_rows(self.spec, item, answer, self.owner, now)
            saved.outbox += said
            item.said = tuple([row.id for row in said])
            if answer.failure is None:
                complete.append(item)
                continue
            if item.failure is None:
                corrected.append(item.uuid)
            item.failure = answer.failure
            failed.append(item)
        saved.became[Verdict.FAIL] += failed
        await inbox.mark_failed(connection, corrected)
        await self._bury(connection, failed, saved)

    async def _keep(self, connection: Connection, items: list[Item], saved: Saved) -> None:
        """Keeps events for their next attempt. A key that is kept or done already needs no second row."""
        if not items:
            return
        # Of two with one key the one that has a row, which stands under its lease, moves that.
        firsts = {item.uuid: item for item in reversed(items)} | {item.uuid: item for item in items if item.is_retry}
        kept = await retries.keep(connection, [rows.retry_row(item, self.policy) for item in firsts.values()], self.owner)
        others = [item for item in items if item.uuid not in kept or item is not firsts[item.uuid]]
        if others:
            keys = [item.uuid for item in others]
            stored = await retries.stored_hashes(connection, keys) | await inbox.stored_hashes(connection, keys)
            _refuse_other_payloads(others, stored)
        saved.became[Verdict.RETRY] += items

    async def _still_ours(self, connection: Connection, items: list[Item], saved: Saved) -> list[Item]:
        """The items whose row in `retries`, if they came from one, is still leased by their attempt.

        The others are for whoever has the row now, or have their outcome: nothing of them is stored.
        """
        leased = [(*item.lease, item.attempts) for item in items if item.lease is not None]
        if not leased:
            return items
        held = await retries.held(connection, leased, self.owner)
        lost = [item for item in items if item.lease is not None and item.lease[0] not in held]
        saved.became[Verdict.RETRY] += lost
        return [item for item in items if item not in lost]

    async def _bury(self, connection: Connection, items: list[Item], saved: Saved) -> None:
        if not items:
            return
        buried = await dead_letters.bury(connection, [rows.dead_letter_row(self.spec.name, item) for item in items])
        saved.outbox += [
            rows.dlq_row(self.spec.name, item, self.owner)
            for item in items
            if (item.topic, item.partition, item.offset) in buried
        ]

    async def _close(self, connection: Connection, accepted: list[Item], rejected: list[Item], waiting: set[UUID]) -> None:
        """Ends the waiting of what came from `retries`, and of what overtook its own retry."""
        ended = {item.lease for item in accepted + rejected if item.lease is not None}
        if waiting:
            ended |= {(item.uuid, item.event.payload_sha256) for item in accepted if item.uuid in waiting}
        if ended:
            await retries.close(connection, sorted(ended))

    async def _reclaim(self, connection: Connection, items: Sequence[Item], saved: Saved) -> None:
        """What an earlier try of this group left in the outbox, when its commit was applied after all."""
        ids = {rows.dlq_id(self.spec.name, item) for item in items}
        ids |= {rows.completion_of(self.spec, item.identity) for item in items if item.identity is not None}
        ids |= {said for item in items for said in item.said}
        saved.outbox += await outbox.reclaim(connection, ids - {row.id for row in saved.outbox}, self.owner)


def _answered(items: Sequence[Item], answers: Sequence[Answer | Conflict | Waiting]) -> list[Answer]:
    """The answers, if all of them are. Raises NotAnswered, each conflict or wait being its item's failure then."""
    accepted = [answer for answer in answers if isinstance(answer, Answer)]
    if len(accepted) < len(answers):
        told = zip(items, answers, strict=True)
        raise NotAnswered({item: answer for item, answer in told if not isinstance(answer, Answer)})
    return accepted


def _refuse_other_payloads(items: Sequence[Item], stored: dict[UUID, bytes]) -> None:
    found = dict[Item, Failure]()
    for item in items if stored else ():
        identity = rows.identity(item)
        known = stored.get(item.uuid)
        if known is not None and known != identity.payload_sha256:
            found[item] = other_payload(identity)
    if found:
        raise NotAnswered(found)
