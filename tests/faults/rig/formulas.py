"""Who an event is, computed from what the documentation says: no code of the engine stands behind it."""

from __future__ import annotations

import json
from hashlib import sha1, sha256
from typing import Any
from uuid import UUID

NAMESPACE = UUID("b7b3a1de-6f0c-5d52-9a64-3c1f0e7d8a21")
COMPLETED = {
    "runs": "run.completed.v1",
    "documents": "document.completed.v1",
    "audits": "audit.completed.v1",
}
SLICE_REQUESTED = "run.slice.requested.v1"


def compact(value: Any, *, sort_keys: bool = False) -> bytes:
    """Compact JSON in UTF-8."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=sort_keys).encode()


def event_key(flow: str, source: str, event_id: str, generation: int = 0) -> UUID:
    """The dedupe key: sha256 of `[flow, source, id, generation]`, its first 16 bytes as a UUID of version 8."""
    number = int.from_bytes(sha256(compact([flow, source, event_id, generation])).digest()[:16])
    return UUID(int=_stamped(number, 8))


def completion_id(flow: str, source: str, event_id: str, generation: int = 0) -> UUID:
    """The id of an event's completion: `uuid5` over `[flow, source, id, generation, type, part]`."""
    return _uuid5([flow, source, event_id, generation, COMPLETED[flow], ""])


def request_id(source: str, event_id: str, slice_no: int) -> UUID:
    """The id of the event by which Millrace asks itself for a slice of a run."""
    return _uuid5(["runs", source, event_id, 0, SLICE_REQUESTED, str(slice_no)])


def payload_sha256(event_type: str, client_id: str, data: Any) -> bytes:
    """What tells a duplicate from the same id with another payload."""
    return sha256(compact({"clientid": client_id, "data": data, "type": event_type}, sort_keys=True)).digest()


def _uuid5(parts: list[Any]) -> UUID:
    number = int.from_bytes(sha1(NAMESPACE.bytes + compact(parts), usedforsecurity=False).digest()[:16])
    return UUID(int=_stamped(number, 5))


def _stamped(number: int, version: int) -> int:
    fields = (0xF << 76) | (0b11 << 62)
    return number & ~fields | version << 76 | 0b10 << 62
