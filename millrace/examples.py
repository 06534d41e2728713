"""Events to look at, change and publish: examples/events, with ids of their own."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from events.ids import uuid7
from events.topics import TOPIC_OF_TYPE
from millrace.failures import Refused

FOLDER = Path(__file__).resolve().parents[1] / "examples"
SOURCE = "/examples"


def fresh(event_type: str, client: str) -> dict[str, Any]:
    """The example of that type with ids of its own and the time now. Raises Refused for a type without an example."""
    known = {path.stem: path for path in (FOLDER / "events").glob("*.json")}
    if event_type not in known:
        raise Refused(f"there is no example of type {event_type!r}", f"There are: {', '.join(sorted(known))}")
    data = orjson.loads(known[event_type].read_bytes())
    return envelope(event_type, client, {TOPIC_OF_TYPE[event_type].key: str(uuid7()), **data})


def envelope(event_type: str, client: str, data: dict[str, Any], *, source: str = SOURCE) -> dict[str, Any]:
    """A CloudEvent with a fresh id around `data`; its subject is the run, document or audit that it is about."""
    return {
        "specversion": "1.0",
        "id": str(uuid7()),
        "source": source,
        "type": event_type,
        "subject": data[TOPIC_OF_TYPE[event_type].key],
        "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "clientid": client,
        "data": data,
    }
