"""What is stored under a natural key answers another request for the same thing, and no request for anything else."""

from __future__ import annotations

from typing import Protocol


class Bound(Protocol):
    """A row whose natural key is bound to its input."""

    @property
    def status(self) -> str: ...

    @property
    def input_sha256(self) -> bytes: ...

    @property
    def request_sha256(self) -> bytes: ...


def is_same_input(row: Bound, stored: Bound) -> bool:
    """Whether what is stored under a natural key answers the request of `row` too.

    Where one of them failed, the bytes behind its uris may be unknown, and what was asked for decides alone.
    """
    if "failed" in {row.status, stored.status}:
        return row.request_sha256 == stored.request_sha256
    return row.input_sha256 == stored.input_sha256
