"""Portfolios, market snapshots and documents as bytes, in a folder or an S3 bucket, by uri relative to its root.

Permanent
├── ForbiddenUri      forbidden_uri   the uri names no place within the store (storage/uris)
├── ObjectNotFound    not_found       nothing is there, while the store itself answers
└── ObjectTooLarge    too_large       more bytes than the reader allows
Outage                object_store_unreachable   the store does not answer a listing either
Transient             object_store_failed        it does: something is wrong with this object
└── ObjectTooShort                               it has fewer bytes than are asked for
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError

from events.failures import Outage, Permanent, Transient
from storage.places import place_of
from storage.uris import resolve


class ObjectNotFound(Permanent):
    """Nothing is stored under the uri."""

    def __init__(self, uri: str) -> None:
        super().__init__("not_found", f"{uri!r} is not in the object store")


class ObjectTooLarge(Permanent):
    """The object has more bytes than the reader allows; none of them were read."""

    def __init__(self, uri: str, size: int, max_bytes: int) -> None:
        super().__init__("too_large", f"{uri!r} has {size} bytes, at most {max_bytes} are allowed")


class ObjectTooShort(Transient):
    """The object ends before the bytes that are asked for; who knows that it had them once knows that it was replaced."""

    def __init__(self, uri: str, size: int, end: int) -> None:
        super().__init__("object_store_failed", f"{uri!r} has {size} bytes, and is to be read up to byte {end}")
        self.args = (uri, size, end)


class ObjectStore:
    """The object store at `file:///folder` or `s3://bucket/prefix`.

    `options` are S3's settings by their usual names (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION,
    AWS_ENDPOINT_URL, …). Nothing is opened before the first use. Raises ValueError for another kind of address.
    """

    def __init__(self, url: str, options: Mapping[str, str] | None = None) -> None:
        self._place = place_of(urlsplit(url), options or {})

    async def get(self, uri: str, max_bytes: int) -> bytes:
        """The object's bytes; its size is known before any is read.

        Raises ForbiddenUri, ObjectNotFound, ObjectTooLarge, Outage or Transient.
        """
        path = resolve(uri)
        async with self._reading(uri):
            found = await obstore.get_async(self._place.store(), await self._place.existing(path))
            size = found.meta["size"]
            if size > max_bytes:
                raise ObjectTooLarge(uri, size, max_bytes)
            return (await found.bytes_async()).to_bytes()

    async def size(self, uri: str) -> int:
        """How many bytes the object has; none of them are read.

        Raises ForbiddenUri, ObjectNotFound, Outage or Transient.
        """
        path = resolve(uri)
        async with self._reading(uri):
            return (await obstore.head_async(self._place.store(), await self._place.existing(path)))["size"]

    async def ranges(self, uri: str, wanted: Sequence[tuple[int, int]]) -> list[bytes]:
        """Parts of the object, each from its first byte to before its end.

        Raises ForbiddenUri, ObjectNotFound, ObjectTooShort, Outage or Transient.
        """
        path = resolve(uri)
        if not wanted:
            return []
        try:
            async with self._reading(uri):
                return await self._parts(path, wanted)
        except Transient:
            await self._require_bytes(uri, wanted)
            raise

    async def _parts(self, path: str, wanted: Sequence[tuple[int, int]]) -> list[bytes]:
        # Each by a request of its own: obstore panics when of several in one call one lies behind the object's end.
        place, store = await self._place.existing(path), self._place.store()
        requests = (obstore.get_range_async(store, place, start=first, end=end) for first, end in wanted)
        parts = [bytes(part) for part in await asyncio.gather(*requests)]
        if [len(part) for part in parts] != [end - first for first, end in wanted]:
            raise Transient("object_store_failed", f"{path!r} was replaced while it was read")
        return parts

    async def put(self, uri: str, content: bytes) -> None:
        """Stores the object whole or not at all; one that was there is replaced.

        Raises ForbiddenUri, Outage or Transient.
        """
        path = resolve(uri)
        try:
            await obstore.put_async(self._place.store(), await self._place.within(path), content)
        except (BaseError, OSError) as error:
            raise await self._blame(error) from error

    async def put_file(self, uri: str, file: Path) -> None:
        """Stores a file's bytes, of which only some are in memory at a time; else as `put`."""
        path = resolve(uri)
        try:
            await obstore.put_async(self._place.store(), await self._place.within(path), file)
        except (BaseError, OSError) as error:
            raise await self._blame(error) from error

    async def ping(self) -> None:
        """Raises Outage when the store does not answer."""
        try:
            await self._place.ping()
        except (BaseError, OSError) as error:
            raise Outage("object_store_unreachable", _first_line(error)) from error

    @asynccontextmanager
    async def _reading(self, uri: str) -> AsyncIterator[None]:
        """What goes wrong within, as ObjectNotFound, Outage or Transient."""
        try:
            yield
        except FileNotFoundError as error:
            # A bucket or folder that is gone looks the same.
            await self.ping()
            raise ObjectNotFound(uri) from error
        except (BaseError, OSError) as error:
            raise await self._blame(error) from error

    async def _require_bytes(self, uri: str, wanted: Sequence[tuple[int, int]]) -> None:
        """Raises ObjectTooShort, whichever way the store refused to read on, and whatever `size` raises."""
        size, last = await self.size(uri), max(end for _, end in wanted)
        if size < last:
            raise ObjectTooShort(uri, size, last)

    async def _blame(self, error: Exception) -> Outage | Transient:
        try:
            await self.ping()
        except Outage as outage:
            return outage
        return Transient("object_store_failed", _first_line(error))


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
