"""Portfolios of lines (CSV, JSON lines), read as a stream and cut into slices at line ends."""

from __future__ import annotations

from bisect import bisect_right
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from events.failures import Permanent
from handlers.price.arrays import Bools, Ints
from handlers.price.slicing import MAX_SLICE_BYTES, Range, Slice

MAX_LINE_BYTES = 16 * 1024 * 1024
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_LINE_FEED, _RETURN, _QUOTE, _SPACE = b'\n\r" '

Octets = npt.NDArray[np.uint8]


class LineCutter:
    """Takes a file piece by piece, and knows where each slice of at most `most` lines that hold something begins and ends.

    In a CSV file the first such line is the header, which every slice reads before its own lines, and a line break between
    quotes belongs to a value. `sha256` is the hash of all that was fed. What is held is a line, and a row for each slice.
    """

    def __init__(self, name: str, most: int, *, is_csv: bool) -> None:
        self.name, self.most, self.is_csv = name, most, is_csv
        self.slices: list[Slice] = []
        self.header = b""
        self.whole = sha256()
        self._lines = 0
        self._rest = b""  # what follows the last line that has ended
        self._at = 0  # where that begins
        self._first = self._held = 0  # of the slice that is being cut: its first byte, its lines so far
        self._hash = sha256()

    def feed(self, piece: bytes) -> None:
        """Takes the next bytes of the file. Raises Permanent for a line that is too long to be one."""
        self.whole.update(piece)
        data = self._rest + piece
        if self._at == 0 and not self.is_csv and data.startswith(BYTE_ORDER_MARK):
            self._at = self._first = len(BYTE_ORDER_MARK)
            data = data[self._at :]
        octets = np.frombuffer(data, dtype=np.uint8)
        ends = np.flatnonzero(self._is_end(octets)) + 1
        self._take(data, ends[self._holding(octets, ends)].tolist(), int(ends[-1]) if ends.size else 0)
        self._lines += ends.size
        if len(self._rest) > MAX_LINE_BYTES:
            why = ", or has a quote that nothing closes" if self.is_csv else ""
            told = f"line {self._lines + 1} of {self.name!r} is longer than {MAX_LINE_BYTES} bytes{why}"
            raise Permanent("portfolio_unreadable", told)

    def finish(self) -> list[Slice]:
        """The slices of the whole file; a last line may lack its end."""
        octets, ends = np.frombuffer(self._rest, dtype=np.uint8), np.array([len(self._rest)])
        if self._holding(octets, ends).any():
            self._take(self._rest, [len(self._rest)], len(self._rest))
        if self._held:
            self._end_slice(self._at)
        return self.slices

    def _is_end(self, octets: Octets) -> Bools:
        """Which bytes end a line; the first of them begins one."""
        is_end: Bools = octets == _LINE_FEED
        if not self.is_csv:
            return is_end
        is_end |= octets == _RETURN
        quotes = octets == _QUOTE
        if quotes.any():
            is_end &= np.cumsum(quotes, dtype=np.int64) & 1 == 0
        return is_end

    def _holding(self, octets: Octets, ends: Ints) -> Bools:
        """Which lines hold more than white space (CSV: than their end)."""
        filled = (octets != _LINE_FEED) & (octets != _RETURN) if self.is_csv else octets > _SPACE
        running = np.concatenate([[0], np.cumsum(filled, dtype=np.int64)])
        is_filled: Bools = np.diff(running[np.concatenate([[0], ends])]) > 0
        return is_filled

    def _take(self, data: bytes, filled: list[int], until: int) -> None:
        """Takes lines up to `until`, of which those that end at `filled` hold something; the rest waits for its line's end."""
        position = done = 0
        if self.is_csv and not self.header:
            position = filled.pop(0) if filled else 0
            until = until if position else 0
            self.header, self._first = data[:position], position
            self._hash = sha256(self.header)
        while done < len(filled):
            take = self._fitting(filled[done : done + self.most - self._held])
            if take:
                end = filled[done + take - 1]
                self._hash.update(memoryview(data)[position:end])
                position, done, self._held = end, done + take, self._held + take
            if self._held == self.most or done < len(filled):
                self._end_slice(self._at + position)
        self._hash.update(memoryview(data)[position:until])
        self._at, self._rest = self._at + until, data[until:]

    def _fitting(self, ends: list[int]) -> int:
        """How many of the lines that end there the slice has room for: one at least, if it has none yet."""
        room = self._first + MAX_SLICE_BYTES - self._at
        return max(bisect_right(ends, room), 0 if self._held else 1)

    def _end_slice(self, end: int) -> None:
        ranges: tuple[Range, ...] = ((self._first, end),)
        if self.is_csv:
            ranges = ((0, len(self.header)), *ranges)
        first_row = self.slices[-1].first_row + self.slices[-1].positions if self.slices else 0
        self.slices.append(Slice(first_row, self._held, ranges, self._hash.digest()))
        self._first, self._held = end, 0
        self._hash = sha256(self.header)
