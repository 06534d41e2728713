"""Reading records whose header names are not UTF-8, and writing them once more.

Kafka takes such names from clients that send bytes. aiokafka decodes them strictly: the fetch that holds one fails, is made
again, and fails for ever, and with it every partition of the consumer. aiokafka offers no place to read them in another
way, so its fetcher is given other records. Nor does it write such names, unless it writes in Python.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy, _DefaultRecordBatchPy
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


class AnyNameBatch(BatchBuilder):  # type: ignore[misc]
    """A batch to be sent, written slowly in Python, whose header names may be `Octets`."""

    def __init__(self, size: int) -> None:
        super().__init__(size, compression_type=0)
        self._builder = _DefaultRecordBatchBuilderPy(
            magic=2,
            compression_type=0,
            is_transactional=0,
            producer_id=-1,
            producer_epoch=-1,
            base_sequence=0,
            batch_size=size,
        )

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        self._builder.set_producer_state(producer_id, producer_epoch, base_sequence)


class Octets(str):
    """A header name that encodes to the octets it was read from, text or not."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", _errors: str = "strict") -> bytes:
        return super().encode(encoding, "surrogateescape")


def is_text(name: str) -> bool:
    """Whether a header name was UTF-8 when it was read."""
    return name.isascii() or not any("\ud800" <= char <= "\udfff" for char in name)


def as_octets(headers: Sequence[tuple[str, bytes | None]]) -> list[tuple[str, bytes | None]]:
    """The headers for an `AnyNameBatch`."""
    return [(Octets(name), value) for name, value in headers]
