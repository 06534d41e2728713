"""One record on its way through a lane."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import Any
from uuid import UUID

from events.event import Event
from events.failures import Failure
from events.identity import Identity
from storage.keys import as_uuid
from streams.offsets import Fetch


class Verdict(Enum):
    """What becomes of a record."""

    COMPLETE = auto()
    FAIL = auto()
    REJECT = auto()
    RETRY = auto()
    DUPLICATE = auto()


# The verdicts after which the inbox holds the event.
DONE = (Verdict.COMPLETE, Verdict.FAIL, Verdict.DUPLICATE)


# A row in `retries`: the event's key and the hash of its payload.
Lease = tuple[UUID, bytes]


class Item:
    """A record, what it turned out to be, and what came of it.

    `identity` is None until its envelope proved valid; then `uuid` is its key as the tables have it. `event` is there once
    its data proved valid too. `attempts` counts this one; `waited`: seconds for what others bring.
    `fetch` is None for a record that comes from `retries`, and `lease` names its row there. The record itself is
    kept for a retry or a dead letter.
    `owns_key`: its twins wait for it. `said`: the ids of what its answer says, once a transaction was given them.
    """

    __slots__ = (
        "__weakref__",
        "attempts",
        "event",
        "failure",
        "fetch",
        "headers",
        "identity",
        "key",
        "lease",
        "offset",
        "owns_key",
        "partition",
        "result",
        "said",
        "size",
        "topic",
        "uuid",
        "value",
        "waited",
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
        lease: Lease | None = None,
        waited: float = 0.0,
    ) -> None:
        self.topic, self.partition, self.offset = topic, partition, offset
        self.key, self.value, self.headers = key, value, headers
        self.size = len(value or b"") + len(key or b"") + OVERHEAD
        self.fetch, self.attempts, self.lease, self.waited = fetch, attempts, lease, waited
        self.identity: Identity | None = None
        self.result: Any = None
        self.failure: Failure | None = None
        self.owns_key = False
        self.said: tuple[UUID, ...] = ()
        self.event: Event
        self.uuid: UUID

    def know(self, identity: Identity | None) -> None:
        """What is known of a record that is no event to work on."""
        self.identity = identity
        if identity is not None:
            self.uuid = as_uuid(identity.key)

    def accept(self, event: Event) -> None:
        """The record is an event."""
        self.know(event)
        self.event = event

    @property
    def is_retry(self) -> bool:
        """Whether the record comes from `retries`, and has no offset to commit."""
        return self.lease is not None


# What a record costs beyond its bytes: the item, the event, its model.
OVERHEAD = 1024
