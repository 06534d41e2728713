"""The bytes of events that Millrace says: completions, and events said again for another generation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from pydantic import BaseModel

from events.event import Event

SOURCE: Final = "/millrace"

_OPTIONS = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z


@dataclass(frozen=True, slots=True)
class Asker:
    """What is kept of an event that is answered long after it was taken in: whom it is of, and what an answer repeats."""

    flow: str
    source: str
    id: str
    generation: int
    client_id: str
    subject: str
    correlation_id: str
    traceparent: str | None


def timestamp(now: datetime) -> str:
    """A time as events say it, for those who say it often."""
    text: str = orjson.loads(orjson.dumps(now, option=_OPTIONS))
    return text


def completion(
    event: Event, event_type: str, data: Mapping[str, Any] | BaseModel, now: datetime | str, answer_id: UUID | str
) -> bytes:
    """The compact JSON CloudEvent of type `event_type` that answers `event`.

    `answer_id` is the `completion_id` of the event, so that the same answer always has the same id. It carries the event's
    client, generation and trace; its subject (the natural key, if the event named none); as causation the event's
    id; as correlation the event's, or else its id. `now` is its time; dates and UUIDs in `data` are written in their ISO
    forms, numbers that are not finite as null.
    """
    subject = event.subject or event.data.natural_key()
    return _said(event, subject, event_type, data, now, answer_id, event.generation)


def late_completion(
    asker: Asker, event_type: str, data: Mapping[str, Any] | BaseModel, now: datetime | str, answer_id: UUID | str
) -> bytes:
    """The `completion` of an event of which no more than its asker is left."""
    return _said(asker, asker.subject, event_type, data, now, answer_id, asker.generation)


def request(
    event: Event, event_type: str, data: Mapping[str, Any] | BaseModel, now: datetime | str, request_id: UUID | str
) -> bytes:
    """An event by which Millrace hands on work of `event` to itself. It is new, so its own generation is 0."""
    return _said(event, event.data.natural_key(), event_type, data, now, request_id, 0)


def _said(
    cause: Event | Asker,
    subject: str,
    event_type: str,
    data: Mapping[str, Any] | BaseModel,
    now: datetime | str,
    said_id: UUID | str,
    generation: int,
) -> bytes:
    envelope: dict[str, Any] = {
        "specversion": "1.0",
        "id": said_id,
        "source": SOURCE,
        "type": event_type,
        "time": now,
        "datacontenttype": "application/json",
        "clientid": cause.client_id,
        "correlationid": cause.correlation_id or cause.id,
        "causationid": cause.id,
        "generation": generation,
    }
    if subject:
        envelope["subject"] = subject
    if cause.traceparent:
        envelope["traceparent"] = cause.traceparent
    envelope["data"] = data.model_dump(mode="json") if isinstance(data, BaseModel) else data
    return orjson.dumps(envelope, option=_OPTIONS)


def of_generation(value: bytes, generation: int, replay_id: str) -> bytes:
    """The accepted event `value` for a generation that was allotted to it: nothing else of it changes.

    Compact JSON, so it may be longer or shorter than it was; its payload hash is the same.
    """
    return orjson.dumps(orjson.loads(value) | {"generation": generation, "replayid": replay_id})
