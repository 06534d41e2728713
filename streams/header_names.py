"""Reading records whose header names are not UTF-8.

Kafka takes such names from clients that send bytes. aiokafka decodes them strictly: the fetch that holds one fails, is made
again, and fails for ever, and with it every partition of the consumer. aiokafka offers no place to read them in another
way, so its fetcher is given other records.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords


def read_any_header_name() -> None:
    """From now on consumers of this process read any header name; octets that are no UTF-8 become lone surrogates."""
    fetcher.MemoryRecords = Records


class Records:
    """The batches of one fetch of one partition."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._records = MemoryRecords(data)
        self._start = 0

    def size_in_bytes(self) -> int:
        size: int = self._records.size_in_bytes()
        return size

    def has_next(self) -> bool:
        more: bool = self._records.has_next()
        return more

    def next_batch(self) -> Batch | None:
        batch = self._records.next_batch()
        if batch is None:
            return None
        start, length = self._start, int.from_bytes(self._data[self._start + 8 : self._start + 12])
        self._start += 12 + length  # offset and length come before what the length counts
        return Batch(batch, memoryview(self._data)[start : self._start])


class Batch:
    """One batch, read quickly; read again, slowly and with any header name, when that fails."""

    def __init__(self, batch: Any, octets: memoryview) -> None:
        self._batch, self._octets = batch, octets

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        try:
            return iter(list(self._batch))
        except UnicodeDecodeError:
            return iter(LenientBatch(self._octets))


class LenientBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    """A batch in Python, whose header names are decoded leniently."""

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = Lenient(self._buffer)  # type: ignore[has-type]  # an untyped base


class Lenient(bytearray):
    """Octets whose parts decode to text whatever they are."""

    def __getitem__(self, place: Any) -> Any:
        part = super().__getitem__(place)
        return Lenient(part) if isinstance(place, slice) else part

    def decode(self, encoding: str = "utf-8", errors: str = "surrogateescape") -> str:
        return super().decode(encoding, errors)
