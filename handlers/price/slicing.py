"""How a large portfolio is cut into slices: by cells, by positions and by bytes, so that a worker's memory is bounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from events.failures import Permanent

# What one position costs beyond its cells: its terms and its names.
MAX_SLICE_POSITIONS = 20_000
MAX_SLICE_BYTES = 32 * 1024 * 1024
# Requests of one run leave in one transaction.
MAX_SLICES = 10_000

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Slice:
    """`positions` of a portfolio from `first_row` on.

    `ranges` are the bytes of the portfolio's object that tell them, each from its first to before its end, and `sha256` is the
    hash of those bytes joined; both are empty where the positions stand in the event.
    """

    first_row: int
    positions: int
    ranges: tuple[Range, ...] = ()
    sha256: bytes | None = None


def most_positions(cells: int, cells_a_position: int) -> int:
    """How many positions are priced at once, so that they come to no more than `cells`; one is, whatever it comes to."""
    return max(1, min(MAX_SLICE_POSITIONS, cells // cells_a_position))


def cut_rows(positions: int, most: int) -> list[Slice]:
    """Slices of positions that stand in the event itself."""
    return [Slice(first, min(most, positions - first)) for first in range(0, positions, most)]


def check_number(slices: Sequence[Slice], name: str) -> None:
    """Raises Permanent, code too_large, when a run has more slices than one may have."""
    if len(slices) > MAX_SLICES:
        told = f"{name!r} would be priced in {len(slices)} slices, more than {MAX_SLICES}"
        raise Permanent("too_large", f"{told}: split the portfolio, or allow more cells a slice")


def check_bytes(slice_: Slice, contents: Sequence[bytes], name: str) -> None:
    """Raises Permanent, code checksum_mismatch, when the bytes are not those that were planned."""
    if sha256(b"".join(contents)).digest() != slice_.sha256:
        raise Permanent("checksum_mismatch", f"{name!r} has changed since the run was planned")
