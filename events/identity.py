"""Who an event is: its dedupe key, the ids of its completions, and the hashes that tell a twin from a conflict.

Every digest is over compact JSON in UTF-8, so that other programs can compute it too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha1, sha256
from typing import Any, Final
from uuid import UUID

import orjson

COMPLETION_NAMESPACE: Final = UUID("b7b3a1de-6f0c-5d52-9a64-3c1f0e7d8a21")

_NAMESPACE_BYTES = COMPLETION_NAMESPACE.bytes
# RFC 9562: version in the upper half of octet 6, variant in the two upper bits of octet 8.
_FIELDS = ~((0xF << 76) | (0b11 << 62))
_VERSION_5 = (5 << 76) | (0b10 << 62)
_VERSION_8 = (8 << 76) | (0b10 << 62)


@dataclass(slots=True)
class Identity:
    """What is known of a record once its envelope is valid.

    `key` is `event_key(flow, source, id, generation)`; `payload_sha256` tells a duplicate from the same key with
    another payload.
    """

    flow: str
    type: str
    source: str
    id: str
    generation: int
    client_id: str
    key: bytes
    payload_sha256: bytes


def event_key(flow: str, source: str, event_id: str, generation: int) -> bytes:
    """The dedupe key as the 16 bytes of a version 8 UUID: sha256 of `[flow, source, id, generation]`, cut short."""
    digest = sha256(orjson.dumps([flow, source, event_id, generation])).digest()
    return (int.from_bytes(digest[:16]) & _FIELDS | _VERSION_8).to_bytes(16)


def completion_id(flow: str, source: str, event_id: str, generation: int, event_type: str, part: str = "") -> UUID:
    """The id of a completion: `uuid5(COMPLETION_NAMESPACE, '[flow,source,id,generation,type,part]')`.

    `event_type` is the completion's own; `part` the slice number as text, else empty.
    """
    return UUID(bytes=completion_key(flow, source, event_id, generation, event_type, part))


def completion_key(flow: str, source: str, event_id: str, generation: int, event_type: str, part: str = "") -> bytes:
    """The 16 bytes of `completion_id`, for those who make many: `uuid.UUID` takes longer than all the rest."""
    name = orjson.dumps([flow, source, event_id, generation, event_type, part])
    digest = sha1(_NAMESPACE_BYTES + name, usedforsecurity=False).digest()
    return (int.from_bytes(digest[:16]) & _FIELDS | _VERSION_5).to_bytes(16)


def payload_sha256(event_type: str, client_id: str, data: dict[str, Any]) -> bytes:
    """sha256 of `{"clientid", "data", "type"}` with sorted keys, the data as received.

    Raises TypeError when data is nested more deeply than orjson writes (254 levels).
    """
    payload = {"clientid": client_id, "data": data, "type": event_type}
    return sha256(orjson.dumps(payload, option=orjson.OPT_SORT_KEYS)).digest()


def data_sha256(data: dict[str, Any], key_fields: tuple[str, ...]) -> bytes:
    """sha256 of the data as received, with sorted keys, without the fields of its natural key."""
    rest = {name: value for name, value in data.items() if name not in key_fields}
    return sha256(orjson.dumps(rest, option=orjson.OPT_SORT_KEYS)).digest()


def input_sha256(client_id: str, data_digest: bytes, objects: Iterable[tuple[str, bytes]] = ()) -> bytes:
    """The hash of an event's input, which a natural key is bound to.

    sha256 of `[client_id, hex of data_digest, [[uri, hex of the sha256 of its bytes], …]]`, the objects sorted.
    `data_digest` is what `data_sha256` gave (`Event.data_sha256`).
    """
    pairs = sorted([uri, digest.hex()] for uri, digest in objects)
    return sha256(orjson.dumps([client_id, data_digest.hex(), pairs])).digest()
