"""What a run refers to: its portfolio's bytes and its market, read from the object store and judged."""

from __future__ import annotations

from hashlib import sha256

import orjson
from pydantic import ValidationError

from events.failures import Permanent
from events.model import StoredObject, explain
from events.run import Market
from storage.objects import ObjectNotFound, ObjectStore


async def read_object(store: ObjectStore, stored: StoredObject, max_bytes: int, when_missing: str) -> tuple[bytes, bytes]:
    """The object's bytes and their sha256.

    Raises Permanent with the code `when_missing` when nothing is there, `checksum_mismatch` when the bytes are not those
    the event names, `forbidden_uri` or `too_large`; Outage or Transient when the store cannot be read.
    """
    try:
        content = await store.get(stored.uri, max_bytes)
    except ObjectNotFound as error:
        raise Permanent(when_missing, error.message) from error
    digest = sha256(content).digest()
    if stored.sha256 is not None and stored.sha256 != digest.hex():
        message = f"{stored.uri!r} has sha256 {digest.hex()}, but the event names {stored.sha256}"
        raise Permanent("checksum_mismatch", message)
    return content, digest


def parse_market(content: bytes, name: str) -> Market:
    """The market snapshot in a JSON object.

    Raises Permanent, code market_unreadable, naming the field.
    """
    try:
        raw = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise Permanent("market_unreadable", f"{name!r} is not JSON: {error}") from None
    try:
        return Market.model_validate(raw)
    except ValidationError as error:
        raise Permanent("market_unreadable", f"{name!r}: {explain(error, raw)}") from None
