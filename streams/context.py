"""What log lines about one record carry: the names that all of Millrace's lines share."""

from __future__ import annotations

from typing import Any

from events.event import Event
from streams.item import Item


def context(flow: str, item: Item) -> dict[str, Any]:
    """The record's place and, as far as it could be read, whose and which event it is. Never what it says."""
    place = {"agent": flow, "topic": item.topic, "partition": item.partition, "offset": item.offset}
    who = item.identity
    if who is None:
        return place
    known = {"event_id": who.id, "client_id": who.client_id}
    if isinstance(who, Event):
        known |= {"task_id": who.data.natural_key() or who.id, "correlation_id": who.correlation_id or who.id}
    return place | known
