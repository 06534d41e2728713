"""Events on their way into Kafka: every line of a file is checked before the first is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from events.event import MAX_EVENT_BYTES, Event, decode
from events.failures import Failure
from events.topics import TOPICS, Topic

TAKEN = {topic.event_type: topic for topic in TOPICS if topic.flow}
# Whatever is wrong with the envelope, a flow of any name finds it.
ANY_FLOW = TOPICS[0]


class Outgoing(NamedTuple):
    """One valid event: where it goes, under which key, and what names it."""

    line: int
    topic: str
    key: bytes
    event_id: str
    source: str
    client_id: str
    event_type: str
    subject: str
    payload_sha256: bytes


class Complaint(NamedTuple):
    """Why a line is no valid event; `message` names the field."""

    line: int
    message: str


@dataclass(slots=True)
class Checked:
    """What a file holds: events ready to go, and what is wrong with the other lines."""

    events: list[Outgoing] = field(default_factory=list)
    complaints: list[Complaint] = field(default_factory=list)


def check(lines: Iterable[bytes]) -> Checked:
    """Validates each line as the worker will: in full, by its type."""
    checked = Checked()
    for number, value in numbered(lines):
        try:
            checked.events.append(_outgoing(number, value))
        except Failure as failure:
            checked.complaints.append(Complaint(number, failure.message))
    return checked


def numbered(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines that hold something, counted from 1 as editors do, without their line ends."""
    for number, line in enumerate(lines, 1):
        value = line.strip()
        if value:
            yield number, value


def _outgoing(number: int, value: bytes) -> Outgoing:
    topic = _topic(value)
    models = {kind: known.model for kind, known in TAKEN.items()} if topic is ANY_FLOW else {topic.event_type: topic.model}
    event: Event = decode(value, topic.flow or "", models)
    return Outgoing(
        number,
        topic.name,
        str(getattr(event.data, topic.key)).encode(),
        event.id,
        event.source,
        event.client_id,
        event.type,
        event.data.natural_key(),
        event.payload_sha256,
    )


def _topic(value: bytes) -> Topic:
    """The topic of the type that the line claims to be; any one for a line that cannot be read that far."""
    if len(value) > MAX_EVENT_BYTES:
        return ANY_FLOW
    try:
        claimed: Any = orjson.loads(value)
    except orjson.JSONDecodeError:
        return ANY_FLOW
    event_type = claimed.get("type") if isinstance(claimed, dict) else None
    return TAKEN.get(event_type, ANY_FLOW) if isinstance(event_type, str) else ANY_FLOW
