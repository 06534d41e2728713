"""The array types of this package, and the small operations on them that several modules share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Days = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Columnar:
    """A dataclass whose fields are columns of P positions: arrays, or others of this kind."""

    def __getitem__(self, chosen: Ints | slice) -> Self:
        return type(self)(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def take(self, chosen: Ints | slice) -> Self:
        """The columns of the chosen positions."""
        return self[chosen]


# Above this share of distinct to possible values, sorting the values is cheaper than a table of all that are possible.
_SORTED_SHARE = 16

# The largest block by whose release glibc still raises its thresholds, to it and to twice it (mallopt(3), M_MMAP_THRESHOLD).
_KEPT_BYTES = 32 * 1024 * 1024 - 65_536


def keep_memory() -> None:
    """Has the C library keep memory that arrays free for the arrays that come next, up to 64 MB, if it is glibc.

    Otherwise it gives each larger array's memory back to the system, which clears it page by page for the next one. No
    page of the block that is released here is ever touched.
    """
    np.empty(_KEPT_BYTES, dtype=np.uint8)


def distinct(values: Ints, span: int | None = None, rank: Callable[[Ints], Ints] | None = None) -> tuple[Ints, Ints]:
    """The distinct values in ascending order, and the place of each value among them (as `np.unique`, in linear time).

    Values known to lie from 0 up to, but not at, `span` are not looked through for their bounds; others raise. Where a table of
    all possible values is worth its memory, distinct ones come in the order of their `rank`, those of equal rank in their own.
    """
    if values.size == 0:
        return values, values
    low = 0
    if span is None:
        low = int(values.min())
        span = int(values.max()) - low + 1
        values = values - low
    if span > values.size * _SORTED_SHARE:
        found, places = np.unique(values, return_inverse=True)
        return found + low, places.astype(np.int64, copy=False)
    found = np.flatnonzero(np.bincount(values, minlength=span))
    if rank is not None:
        found = found[np.argsort(rank(found + low), kind="stable")]
    place = np.zeros(span, dtype=np.int64)
    place[found] = np.arange(found.size)
    return found + low, place.take(values)


def members(place: Ints, count: int) -> list[Ints]:
    """The indices at which each of the numbers 0 to `count` - 1 stands, in ascending order."""
    if count == 1:
        return [np.arange(place.size)]
    order = np.argsort(place, kind="stable")
    return np.split(order, np.searchsorted(place[order], np.arange(1, count)))


def pieces(chosen: Ints, sizes: Ints, most: int) -> Iterator[Ints]:
    """Parts of these indices, in order, whose sizes add up to about `most`."""
    if chosen.size:
        part = offsets(sizes)[:-1] // most
        yield from np.split(chosen, np.flatnonzero(np.diff(part)) + 1)


def offsets(counts: Ints | Bools) -> Ints:
    """Where each segment begins when segments of these lengths lie side by side; the last element is the whole length."""
    bounds = np.zeros(counts.size + 1, dtype=np.int64)
    np.cumsum(counts, out=bounds[1:])
    return bounds
