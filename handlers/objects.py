"""What events refer to: objects of the object store, read and compared with what was said of them."""

from __future__ import annotations

from hashlib import sha256

from events.failures import Permanent
from events.model import StoredObject
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
    check_sha256(stored, digest)
    return content, digest


def check_sha256(stored: StoredObject, digest: bytes) -> None:
    """Raises Permanent, code checksum_mismatch, when the object's bytes are not those the event names."""
    if stored.sha256 is not None and stored.sha256 != digest.hex():
        message = f"{stored.uri!r} has sha256 {digest.hex()}, but the event names {stored.sha256}"
        raise Permanent("checksum_mismatch", message)
