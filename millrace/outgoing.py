"""Events on their way into Kafka: every line of a file is checked before the first is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

import orjson

from events.event import MAX_EVENT_BYTES, decode, not_allotted
from events.failures import Failure
from events.identity import completion_id
from handlers.flow import FLOWS, FlowSpec

FLOW_OF_TYPE = {event_type: spec for spec in FLOWS for event_type in spec.models}
ALL_MODELS = {event_type: model for spec in FLOWS for event_type, model in spec.models.items()}


class Outgoing(NamedTuple):
    """One valid event: what names it, where it goes, and the id that its completion will have."""

    line: int
    value: bytes
    event_id: str
    source: str
    client_id: str
    event_type: str
    subject: str
    topic: str
    key: bytes
    completion_id: UUID


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
            checked.events.append(outgoing(number, value))
        except Failure as failure:
            checked.complaints.append(Complaint(number, failure.message))
    return checked


def numbered(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines that hold something, counted from 1 as editors do, without their line ends."""
    for number, line in enumerate(lines, 1):
        value = line.strip()
        if value:
            yield number, value


def outgoing(number: int, value: bytes) -> Outgoing:
    """The event that a line holds. Raises Failure, whose message names the field."""
    spec = _flow(value)
    event = decode(value, spec.name, spec.models) if spec else decode(value, "", ALL_MODELS)
    if event.generation:
        raise not_allotted(event)
    spec = FLOW_OF_TYPE[event.type]
    return Outgoing(
        number,
        value,
        event.id,
        event.source,
        event.client_id,
        event.type,
        event.data.natural_key(),
        spec.topic,
        spec.key(event.data).encode(),
        completion_id(spec.name, event.source, event.id, event.generation, spec.completed_type),
    )


def _flow(value: bytes) -> FlowSpec | None:
    """The flow of the type that the line claims to be."""
    if len(value) > MAX_EVENT_BYTES:
        return None
    try:
        claimed = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    event_type = claimed.get("type") if isinstance(claimed, dict) else None
    return FLOW_OF_TYPE.get(event_type) if isinstance(event_type, str) else None
