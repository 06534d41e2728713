"""One record on its way through a lane."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import Any

from events.event import Event
from events.failures import Failure
from events.identity import Identity
from streams.offsets import Fetch


class Verdict(Enum):
    """What becomes of a record."""

    COMPLETE = auto()
    FAIL = auto()
    REJECT = auto()
    RETRY = auto()
    DUPLICATE = auto()


# The verdicts after which the inbox holds the event.
DONE = frozenset({Verdict.COMPLETE, Verdict.FAIL, Verdict.DUPLICATE})


class Item:
    """A record, what it turned out to be, and what came of it.

    `identity` is None until its envelope proved valid, and an Event once its data did. `attempts` counts this one.
    `fetch` is None for a record that comes from `retries`. The record itself is kept for a retry or a dead letter.
    `in_hand`: a hand or a committer has it; `owns_key`: its twins wait for it.
    """

    __slots__ = (
        "attempts",
        "failure",
        "fetch",
        "headers",
        "identity",
        "in_hand",
        "key",
        "offset",
        "owns_key",
        "partition",
        "result",
        "size",
        "topic",
        "value",
    )

    def __init__(
        self,
        topic: str,
        partition: int,
        offset: int,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes | None]],
        fetch: Fetch | None,
        attempts: int = 1,
    ) -> None:
        self.topic, self.partition, self.offset = topic, partition, offset
        self.key, self.value, self.headers = key, value, headers
        self.size = len(value or b"") + len(key or b"") + OVERHEAD
        self.fetch, self.attempts = fetch, attempts
        self.identity: Identity | Event | None = None
        self.result: Any = None
        self.failure: Failure | None = None
        self.in_hand = self.owns_key = False

    @property
    def event(self) -> Event:
        """The event of a record that was decoded."""
        assert isinstance(self.identity, Event)  # noqa: S101 - only decoded items are asked
        return self.identity

    @property
    def is_abandoned(self) -> bool:
        """Whether the record came from a partition that has been revoked since: another worker has it now."""
        return self.fetch is not None and self.fetch.partition.dead


# What a record costs beyond its bytes: the item, the event, its model.
OVERHEAD = 1024
