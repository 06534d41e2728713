"""Portfolios of lines (CSV, JSON lines), read as a stream and cut into slices at line ends."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
import numpy.typing as npt

from events.failures import Permanent
from handlers.price.arrays import Ints
from handlers.price.slicing import MAX_SLICE_BYTES, Range, Slice

MAX_LINE_BYTES = 16 * 1024 * 1024
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_LINE_FEED, _RETURN, _QUOTE, _SPACE = b'\n\r" '

Octets = npt.NDArray[np.uint8]


class LineCutter:
    """Takes a file piece by piece, and knows where each slice of at most `most` lines that hold something begins and ends.

    In a CSV file the first such line is the header, which every slice reads before its own lines, and a line break between
    quotes belongs to a value. `sha256` is the hash of all that was fed. Memory does not grow with the file but by its slices.
    """

    def __init__(self, name: str, most: int, *, is_csv: bool) -> None:
        self.name, self.most, self.is_csv = name, most, is_csv
        self.slices: list[Slice] = []
        self.header = b""
        self.lines = 0
        self.whole = sha256()
        self._at = 0  # of the file, where the next piece begins
        self._quoted = False
        self._open_bytes = self._open_content = 0  # of the line that is not ended yet
        self._head_done = not is_csv
        self._first = self._held = 0  # of the slice that is being cut: its first byte, its lines so far
        self._hash = sha256()

    @property
    def positions(self) -> int:
        """The lines that hold a position, so far."""
        return sum(each.positions for each in self.slices) + self._held

    def feed(self, piece: bytes) -> None:
        """Takes the next bytes of the file. Raises Permanent for a line that is too long to be one."""
        self.whole.update(piece)
        skipped = 0
        if self._at == 0 and not self.is_csv and piece.startswith(BYTE_ORDER_MARK):
            skipped = self._first = len(BYTE_ORDER_MARK)
        octets = np.frombuffer(piece, dtype=np.uint8)
        ends = self._line_ends(octets)
        filled = ends[self._holding(octets, ends) > 0].tolist()
        if not self._head_done and filled:
            self._take_header(piece, filled.pop(0))
            skipped = self._first - self._at
        elif not self._head_done:
            self.header += piece
            skipped = len(piece)
        self._cut(piece, skipped, filled)
        self._at += len(piece)
        if self._open_bytes > MAX_LINE_BYTES:
            why = "has a quote that nothing closes, or " if self._quoted else ""
            told = f"line {self.lines + 1} of {self.name!r} {why}is longer than {MAX_LINE_BYTES} bytes"
            raise Permanent("portfolio_unreadable", told)

    def finish(self) -> list[Slice]:
        """The slices of the whole file; a last line may lack its end."""
        if self._open_content and self._head_done:
            self._held += 1
        if self._held:
            self._end_slice(self._at)
        return self.slices

    def _line_ends(self, octets: Octets) -> Ints:
        """Where lines end within the piece, as the number of bytes up to and with the line break."""
        is_end = octets == _LINE_FEED
        if self.is_csv:
            is_end |= octets == _RETURN
            quotes = octets == _QUOTE
            if self._quoted or quotes.any():
                inside = (np.cumsum(quotes, dtype=np.int64) + self._quoted) & 1
                is_end &= inside == 0
                self._quoted = bool(inside[-1]) if inside.size else self._quoted
        return np.flatnonzero(is_end) + 1

    def _holding(self, octets: Octets, ends: Ints) -> Ints:
        """How many bytes each line that ends in the piece holds which are more than white space (CSV: than its end)."""
        counts = octets > _SPACE if not self.is_csv else (octets != _LINE_FEED) & (octets != _RETURN)
        running = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        held: Ints = np.diff(running[np.concatenate([[0], ends])])
        left = int(running[-1] - running[ends[-1] if ends.size else 0])
        tail = octets.size - int(ends[-1] if ends.size else 0)
        if ends.size:
            held[0] += self._open_content
            self._open_content, self._open_bytes = left, tail
        else:
            self._open_content, self._open_bytes = self._open_content + left, self._open_bytes + tail
        self.lines += ends.size
        return held

    def _take_header(self, piece: bytes, end: int) -> None:
        self.header += piece[:end]
        self._head_done = True
        self._first = self._at + end
        self._hash = sha256(self.header)

    def _cut(self, piece: bytes, position: int, filled: list[int]) -> None:
        """Ends slices within the piece: `filled` are the ends of its lines, what lies before `position` belongs to none."""
        done = 0
        while done < len(filled):
            take = min(self.most - self._held, len(filled) - done)
            beyond = self._first + MAX_SLICE_BYTES - self._at
            within = int(np.searchsorted(filled[done : done + take], beyond, side="right"))
            take = max(within, 0 if self._held else 1)
            if take:
                end = filled[done + take - 1]
                self._hash.update(piece[position:end])
                position, done = end, done + take
                self._held += take
            if self._held == self.most or done < len(filled):
                self._end_slice(self._at + position)
        self._hash.update(piece[position:])

    def _end_slice(self, end: int) -> None:
        ranges: tuple[Range, ...] = ((self._first, end),)
        if self.is_csv:
            ranges = ((0, len(self.header)), *ranges)
        first_row = self.slices[-1].first_row + self.slices[-1].positions if self.slices else 0
        self.slices.append(Slice(first_row, self._held, ranges, self._hash.digest()))
        self._first, self._held = end, 0
        self._hash = sha256(self.header)
