"""Record headers as one column: any name, any bytes, null or not."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence

import orjson

Headers = Sequence[tuple[str, bytes | None]]


def pack_headers(headers: Headers) -> bytes | None:
    """Compact JSON `[[name, base64 | null], …]`; None when there are no headers."""
    if not headers:
        return None
    return orjson.dumps([[_printable(name), None if value is None else b64encode(value).decode()] for name, value in headers])


def unpack_headers(packed: bytes | None) -> list[tuple[str, bytes | None]]:
    """What `pack_headers` was given."""
    if not packed:
        return []
    return [(name, None if value is None else b64decode(value)) for name, value in orjson.loads(packed)]


def _printable(name: str) -> str:
    # A lone surrogate cannot be encoded; Kafka's own clients cannot send one either.
    return name.encode("utf-8", "replace").decode()
