"""What would become of a record that came once more: pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from events.event import Event
from events.failures import Conflict, Failure, Rejection
from events.identity import Identity
from handlers.flow import FlowSpec
from storage.generations import Allotment
from storage.standing import Known
from streams import decoding
from streams.item import Item
from streams.read import Incoming


class Standing(StrEnum):
    """How a record stands with the engine, and so what a lane would do with it.

    NEW           its event has no outcome: work on it
    DONE          its event was completed: skip it
    DEAD          its event failed for good: skip it
    WAITING       its event is in retries: skip it
    CONFLICTING   its id, or its natural key, stands for something else: reject it
    REJECTED      it is no valid event: reject it
    """

    NEW = "new"
    DONE = "done"
    DEAD = "dead"
    WAITING = "waiting"
    CONFLICTING = "conflicting"
    REJECTED = "rejected"


# A record that is rejected leaves a dead letter each time that it comes, because its offset is another.
LEAVES_A_LETTER = frozenset({Standing.CONFLICTING, Standing.REJECTED})

OF_STATE = {"completed": Standing.DONE, "failed": Standing.DEAD, "waiting": Standing.WAITING}


@dataclass(frozen=True, slots=True)
class Reading:
    """A record, and what a lane reads it as: `identity` where its envelope is valid, `failure` unless it is an event."""

    record: Incoming
    identity: Identity | None
    failure: Failure | None

    @property
    def client_id(self) -> str | None:
        """Whose event it is."""
        return None if self.identity is None else self.identity.client_id

    @property
    def allotment(self) -> Allotment | None:
        """What has to have been allotted for it to be accepted; None for a first generation."""
        event = self.identity
        if not isinstance(event, Event) or not event.generation:
            return None
        return Allotment(event.source, event.id, event.generation, event.replay_id or "")


def read(record: Incoming, spec: FlowSpec) -> Reading:
    """What the lanes of this version read it as."""
    item = Item(record.topic, record.partition, record.offset, record.key, record.value, record.headers, None)
    decoding.read(item, spec)
    return Reading(record, item.identity, item.failure)


def standing(reading: Reading, known: Known | None, letter: str | None, *, is_allotted: bool = True) -> Standing:
    """How a record stands; `known` is what is stored of its event, `letter` the error class of the letter of its own place.

    A record that was rejected when it came, and is valid to this version, is new: what was wrong has been mended.
    """
    identity = reading.identity
    if identity is None or isinstance(reading.failure, Rejection) or not is_allotted:
        return Standing.REJECTED
    if known is not None:
        return OF_STATE[known.state] if known.payload_sha256 == identity.payload_sha256 else Standing.CONFLICTING
    if reading.failure is not None:
        return Standing.REJECTED  # of a version that nobody knew
    return Standing.CONFLICTING if letter == Conflict.__name__ else Standing.NEW
