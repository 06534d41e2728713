"""UUIDs as the driver has them: made from 16 bytes in a tenth of the time that `uuid.UUID` takes."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from asyncpg.pgproto import pgproto


def as_uuid(octets: bytes) -> UUID:
    """A UUID of 16 bytes; equal to, and hashed as, the `uuid.UUID` of the same bytes."""
    return cast("UUID", pgproto.UUID(octets))
