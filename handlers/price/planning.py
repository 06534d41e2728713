"""From a portfolio in the object store to its slices, and from a slice to its positions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from events.failures import Permanent
from events.model import StoredObject
from handlers.objects import check_sha256
from handlers.price.lines import LineCutter
from handlers.price.readers import Positions, check_header, ending_of, parquet_columns, read_parquet_rows, read_positions
from handlers.price.row_groups import TAIL_BYTES, GroupCutter, SparseFile, footer_of, read_footer
from handlers.price.slicing import Slice, check_bytes, check_number
from storage.objects import ObjectStore

PIECE_BYTES = 4 * 1024 * 1024
PARQUET, CSV = ".parquet", ".csv"

Cutter = LineCutter | GroupCutter


class Bounds(NamedTuple):
    """What a slice has at most: positions, and bytes of a row group; and the `columns` that it reads beside those of terms."""

    positions: int
    bytes: int
    columns: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The slices of a portfolio, in their order, and the sha256 of all its bytes."""

    slices: Sequence[Slice]
    sha256: bytes

    @property
    def positions(self) -> int:
        """How many there are."""
        return sum(each.positions for each in self.slices)


async def plan_object(store: ObjectStore, stored: StoredObject, size: int, bounds: Bounds) -> Plan:
    """The plan of a portfolio of `size` bytes; it passes by piece by piece.

    Raises Permanent for what is no portfolio, or not the one that the event names; Outage or Transient.
    """
    name = stored.uri
    if ending_of(name) == PARQUET:
        [tail] = await store.ranges(name, [(max(0, size - TAIL_BYTES), size)])
        footer = footer_of(tail, size, name)
        [told] = await store.ranges(name, [footer])
        cutter: Cutter = await asyncio.to_thread(_group_cutter, told, footer, name, bounds)
    else:
        cutter = _line_cutter(name, bounds.positions)
    for first in range(0, size, PIECE_BYTES):
        [piece] = await store.ranges(name, [(first, min(first + PIECE_BYTES, size))])
        await asyncio.to_thread(cutter.feed, piece)
    plan = _finished(cutter, name)
    check_sha256(stored, plan.sha256)
    return plan


def plan_bytes(content: bytes, name: str, bounds: Bounds) -> Plan:
    """The same for a portfolio that is at hand."""
    if ending_of(name) == PARQUET:
        first, end = footer = footer_of(content[-TAIL_BYTES:], len(content), name)
        cutter: Cutter = _group_cutter(content[first:end], footer, name, bounds)
    else:
        cutter = _line_cutter(name, bounds.positions)
    cutter.feed(content)
    return _finished(cutter, name)


def read_slice(slice_: Slice, contents: Sequence[bytes], name: str, also: Sequence[str] = ()) -> Positions:
    """The positions of a slice, from the bytes of its ranges, with the columns `also` beside those of terms.

    Raises Permanent, code checksum_mismatch, when the bytes are not those that were planned; portfolio_unreadable.
    """
    check_bytes(slice_, contents, name)
    if ending_of(name) == PARQUET:
        (first, _), (footer, size) = slice_.ranges
        file = SparseFile(size, [(first, contents[0]), (footer, contents[1])])
        metadata = read_footer(contents[1], name)
        positions: Positions = read_parquet_rows(file, metadata, name, slice_.first_row, slice_.positions, also)
    else:
        positions = read_positions(b"".join(contents), name, slice_.positions, also)
    found = len(positions.ids if not isinstance(positions, list) else positions)
    if found != slice_.positions:
        told = f"{slice_.positions} positions of {name!r} from {slice_.first_row} on were planned, but {found} can be read"
        raise Permanent("portfolio_unreadable", told)
    return positions


def _line_cutter(name: str, most: int) -> LineCutter:
    return LineCutter(name, most, is_csv=ending_of(name) == CSV)


def _group_cutter(footer: bytes, at: tuple[int, int], name: str, bounds: Bounds) -> GroupCutter:
    metadata = read_footer(footer, name)
    columns = parquet_columns(metadata, name, bounds.columns)
    return GroupCutter(metadata, at, name, columns, bounds.positions, bounds.bytes)


def _finished(cutter: Cutter, name: str) -> Plan:
    slices = cutter.finish()
    if isinstance(cutter, LineCutter) and cutter.is_csv:
        check_header(cutter.header, name)
    check_number(slices, name)
    return Plan(slices, cutter.whole.digest())
