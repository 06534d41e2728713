"""Fresh ids that sort by the time they were made."""

from __future__ import annotations

import os
import time
from uuid import UUID


def uuid7() -> UUID:
    """A version 7 UUID (RFC 9562, 5.7): milliseconds since 1970, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    drawn = int.from_bytes(os.urandom(10))
    return UUID(int=(milliseconds << 80) | (0x7 << 76) | ((drawn >> 68 & 0xFFF) << 64) | (0b10 << 62) | (drawn & (1 << 62) - 1))
