"""Portfolios in Parquet: cut into slices by row groups, so that a slice reads no more than the groups its positions are in."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from events.failures import Permanent
from handlers.price.slicing import MAX_SLICE_BYTES, Range, Slice

MAGIC = b"PAR1"
# The length of the footer and the magic number, behind it.
TAIL_BYTES = 8
MAX_FOOTER_BYTES = 64 * 1024 * 1024


def footer_of(tail: bytes, size: int, name: str) -> Range:
    """Where the footer of a file of `size` bytes lies, from its last bytes. Raises Permanent where there is none."""
    length = int.from_bytes(tail[-TAIL_BYTES:-4], "little")
    first = size - TAIL_BYTES - length
    if len(tail) < TAIL_BYTES or tail[-4:] != MAGIC or first < len(MAGIC):
        raise Permanent("portfolio_unreadable", f"{name!r} is not a readable Parquet file: it has no footer at its end")
    if length > MAX_FOOTER_BYTES:
        told = f"the footer of {name!r} has {length} bytes, at most {MAX_FOOTER_BYTES} are read: write larger row groups"
        raise Permanent("too_large", told)
    return first, size


def read_footer(footer: bytes, name: str) -> pq.FileMetaData:
    """What a file's footer tells. Raises Permanent where it is none."""
    try:
        return pq.read_metadata(io.BytesIO(MAGIC + footer))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Permanent("portfolio_unreadable", f"{name!r} is not a readable Parquet file: {error}") from error


class GroupCutter:
    """The slices of a Parquet file, of at most `most` positions each, and their hashes while the file passes by.

    A slice is either several row groups or a part of one; of each group the bytes from the first to the last of `columns`
    count, at most `max_bytes`. Raises Permanent, code too_large, for a group that has more.
    """

    def __init__(
        self, metadata: pq.FileMetaData, footer: Range, name: str, columns: Collection[str], most: int, max_bytes: int
    ) -> None:
        self.footer = footer
        self.groups = [_group(metadata.row_group(number), columns) for number in range(metadata.num_row_groups)]
        for each in self.groups:
            size = each.range[1] - each.range[0]
            if each.rows and not len(MAGIC) <= each.range[0] < each.range[1] <= footer[0]:
                told = f"{name!r} is not a readable Parquet file: a row group lies outside of it"
                raise Permanent("portfolio_unreadable", told)
            if size > max_bytes:
                told = f"a row group of {name!r} has {size} bytes, more than {max_bytes}: write smaller row groups"
                raise Permanent("too_large", told)
        self.parts = list(_parts(self.groups, most, max_bytes))
        self.whole = sha256()
        self._hashes = {span: sha256() for _, _, span in self.parts}
        self._footer = bytearray()
        self._at = 0

    def feed(self, piece: bytes) -> None:
        """Takes the next bytes of the file."""
        self.whole.update(piece)
        for span, digest in self._hashes.items():
            digest.update(_overlap(piece, self._at, span))
        self._footer += _overlap(piece, self._at, self.footer)
        self._at += len(piece)

    def finish(self) -> list[Slice]:
        """The slices, once all of the file was fed."""
        for digest in self._hashes.values():
            digest.update(self._footer)
        digests = {span: digest.digest() for span, digest in self._hashes.items()}
        return [Slice(first, rows, (span, self.footer), digests[span]) for first, rows, span in self.parts]


class _Group(NamedTuple):
    rows: int
    range: Range


def _group(group: pq.RowGroupMetaData, columns: Collection[str]) -> _Group:
    """How many rows a group has, and where the chunks of the columns lie."""
    chunks = [group.column(place) for place in range(group.num_columns)]
    spans = [_span(chunk) for chunk in chunks if chunk.path_in_schema in columns]
    return _Group(group.num_rows, (min(first for first, _ in spans), max(end for _, end in spans)))


def _span(chunk: pq.ColumnChunkMetaData) -> Range:
    first = min([place for place in (chunk.dictionary_page_offset, chunk.data_page_offset) if place], default=0)
    return first, first + chunk.total_compressed_size


def _parts(groups: Sequence[_Group], most: int, max_bytes: int) -> Iterator[tuple[int, int, Range]]:
    """First row, rows and bytes of each slice."""
    at = first = rows = 0
    span: Range | None = None
    for group in groups:
        joined = group.range if span is None else (span[0], group.range[1])
        fits = rows + group.rows <= most and joined[1] - joined[0] <= min(max_bytes, MAX_SLICE_BYTES)
        if span is not None and not (fits and joined[0] < joined[1]):
            yield first, rows, span
            span, first, rows = None, at, 0
            joined = group.range
        if group.rows > most:
            yield from ((at + start, min(most, group.rows - start), group.range) for start in range(0, group.rows, most))
            first = at + group.rows
        elif group.rows:
            span, rows = joined, rows + group.rows
        at += group.rows
    if span is not None:
        yield first, rows, span


def _overlap(piece: bytes, at: int, span: Range) -> memoryview:
    first, end = max(span[0] - at, 0), max(span[1] - at, 0)
    return memoryview(piece)[first:end]


class SparseFile(io.RawIOBase):
    """A file of which only some bytes are at hand; reading others is an OSError."""

    def __init__(self, size: int, parts: Sequence[tuple[int, bytes]]) -> None:
        self._size, self._parts, self._place = size, parts, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        return self._place

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else min(self._place + size, self._size)
        for first, content in self._parts:
            if first <= self._place and end <= first + len(content):
                found = content[self._place - first : end - first]
                self._place = end
                return found
        raise OSError(f"bytes {self._place} to {end} are not at hand")


def rows_of(file: pq.ParquetFile, first_row: int, positions: int, columns: Sequence[str]) -> pa.Table:
    """Some rows of a file; no more is decoded at a time than the batch they are found in."""
    metadata, at, groups = file.metadata, 0, list[int]()
    skipped = 0
    for number in range(metadata.num_row_groups):
        rows = metadata.row_group(number).num_rows
        if at + rows > first_row and at < first_row + positions and rows:
            skipped = skipped if groups else first_row - at
            groups.append(number)
        at += rows
    batches, found = list[pa.RecordBatch](), 0
    for batch in file.iter_batches(row_groups=groups, columns=list(columns), use_threads=False):
        kept = batch.slice(skipped, positions - found) if skipped < batch.num_rows else batch.slice(0, 0)
        skipped = max(0, skipped - batch.num_rows)
        if kept.num_rows:
            batches.append(kept)
        found += kept.num_rows
        if found == positions:
            break
    return pa.Table.from_batches(batches)
