"""A scene of the demonstration: one record to publish."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from events.topics import TOPIC_OF_TYPE


@dataclass(frozen=True, slots=True)
class Scene:
    """One record, and when it goes out: once the scenes that it comes `after` have been answered.

    `name` leads to what is expected, `title` tells people what it is; `filename` is that of a document. `task_id` is the run,
    document or audit that it is about. One that is not `is_answered` is a duplicate of an event that is.
    """

    name: str
    title: str
    flow: str
    topic: str
    key: bytes | None
    value: bytes
    event_id: str | None = None
    task_id: str | None = None
    filename: str = ""
    after: Sequence[str] = ()
    is_answered: bool = True


def scene(name: str, title: str, event: dict[str, Any], *, after: Sequence[str] = (), is_answered: bool = True) -> Scene:
    """The scene of an event."""
    topic = TOPIC_OF_TYPE[event["type"]]
    subject = str(event["data"][topic.key])
    return Scene(
        name,
        title,
        flow=str(topic.flow),
        topic=topic.name,
        key=subject.encode(),
        value=orjson.dumps(event),
        event_id=event["id"],
        task_id=subject,
        filename=event["data"].get("filename", ""),
        after=after,
        is_answered=is_answered,
    )
