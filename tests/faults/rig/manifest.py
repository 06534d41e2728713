"""What the rig has published, and what must come of it: the driver's own book, which no worker ever sees."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import UUID

from tests.faults.rig.formulas import completion_id, event_key

SERIAL = "rig-serial"
TOPIC_OF = {"runs": "runs.requested", "documents": "documents.uploaded", "audits": "audits.created"}
COMPLETED_TOPIC_OF = {"runs": "runs.completed", "documents": "documents.completed", "audits": "audits.completed"}
# What Millrace asks itself for: no record of the manifest lies there.
SLICES, SLICES_TOPIC = "slices", "runs.slices"
GROUPS = (*TOPIC_OF, SLICES)
CONSUMED = (*TOPIC_OF.values(), SLICES_TOPIC)

# Topic, partition, offset.
Place = tuple[str, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A valid event: who it is, what it asks for, and what must come of it if it is the one that is accepted.

    `payload` tells two payloads of one id apart, `wants` two inputs of one natural key. `statuses` are those that its
    completion may have; `fails` is the code of its failure, where that is what must come of it. `text` is what a document
    says, or what an audit's evidence does. `book` holds the positions of a run whose portfolio lies in the object store;
    `is_spoilt`: somebody spoils that object, once the run is planned. `cancels`: it asks for the end of its run.
    """

    flow: str
    source: str
    id: str
    client: str
    packed: bytes
    payload: bytes
    natural_key: str
    wants: bytes
    statuses: frozenset[str]
    fails: str | None = None
    text: str = ""
    book: bytes = b""
    is_spoilt: bool = False
    cancels: bool = False

    @property
    def data(self) -> dict[str, Any]:
        """The data of the event, a new copy each time."""
        told: dict[str, Any] = json.loads(zlib.decompress(self.packed))
        return told

    @property
    def whole(self) -> dict[str, Any]:
        """The data of a run with its positions in it, wherever they lie."""
        told = self.data
        if self.book:
            told["portfolio"] = {"positions": json.loads(zlib.decompress(self.book))}
        return told

    @property
    def key(self) -> UUID:
        return event_key(self.flow, self.source, self.id)

    @property
    def completion(self) -> UUID:
        return completion_id(self.flow, self.source, self.id)


@dataclass(slots=True, eq=False)
class Record:
    """One record to publish. `asked`: the event that it holds; without one it must be rejected for `reason`.

    `openai` are the faults that the stand-in must have been asked for before. `kept_as`: key and payload under which a
    record that is rejected in the end waits in `retries` until then.
    """

    serial: int
    topic: str
    key: bytes | None
    value: bytes | None
    about: str
    asked: Asked | None = None
    reason: str | None = None
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)
    timestamp_ms: int | None = None
    openai: tuple[dict[str, Any], ...] = ()
    kept_as: tuple[UUID, bytes] | None = None
    digest: bytes | None = field(init=False)

    def __post_init__(self) -> None:
        self.digest = None if self.value is None else sha256(self.value).digest()

    def forget(self) -> None:
        """It is in Kafka: its digest tells it from others, and a long run holds many."""
        self.value = None

    @property
    def durable_as(self) -> tuple[UUID, bytes] | None:
        """Key and payload under which the inbox or `retries` may have it."""
        return self.kept_as if self.asked is None else (self.asked.key, self.asked.payload)

    def all_headers(self) -> list[tuple[str, bytes | None]]:
        """Those that it travels with: its own, and the serial by which it is found again."""
        return [*self.headers, (SERIAL, str(self.serial).encode())]


@dataclass(slots=True)
class Manifest:
    """Every record by its serial; `sent` holds when the broker first said yes (seconds since the epoch)."""

    records: dict[int, Record] = field(default_factory=dict)
    sent: dict[int, float] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        self.records[record.serial] = record

    def published(self) -> list[Record]:
        """Those that are known to be in Kafka, in order of their serials."""
        return [self.records[serial] for serial in sorted(self.sent)]
