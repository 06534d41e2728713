"""Portfolios, market snapshots and documents as bytes, in a folder or an S3 bucket, by uri relative to its root.

Permanent
├── ForbiddenUri      forbidden_uri   the uri names no place within the store
├── ObjectNotFound    not_found       nothing is there, while the store itself answers
└── ObjectTooLarge    too_large       more bytes than the reader allows
Outage                object_store_unreachable   the store does not answer a listing either
Transient             object_store_failed        it does: something is wrong with this object
"""

from __future__ import annotations

import asyncio
import os
import re
import stat
from collections.abc import Mapping, Sequence
from datetime import timedelta
from errno import ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import SplitResult, unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from events.failures import Outage, Permanent, Transient

CONNECT_TIMEOUT: Final = timedelta(seconds=5)
REQUEST_TIMEOUT: Final = timedelta(seconds=60)
MAX_RETRIES: Final = 2

_has_scheme = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:").match
# obstore keeps such names for files that are being written.
_is_unfinished = re.compile(r".*#[0-9]+").fullmatch


class ForbiddenUri(Permanent):
    """The uri is not a plain path below the store's root, or leads out of it."""

    def __init__(self, uri: str, why: str) -> None:
        super().__init__("forbidden_uri", f"{uri!r} {why}")


class ObjectNotFound(Permanent):
    """Nothing is stored under the uri."""

    def __init__(self, uri: str) -> None:
        super().__init__("not_found", f"{uri!r} is not in the object store")


class ObjectTooLarge(Permanent):
    """The object has more bytes than the reader allows; none of them were read."""

    def __init__(self, uri: str, size: int, max_bytes: int) -> None:
        super().__init__("too_large", f"{uri!r} has {size} bytes, at most {max_bytes} are allowed")


class ObjectStore:
    """The object store at `file:///folder` or `s3://bucket/prefix`.

    `options` are S3's settings by their usual names (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION,
    AWS_ENDPOINT_URL, …). Nothing is opened before the first use. Raises ValueError for another kind of address.
    """

    def __init__(self, url: str, options: Mapping[str, str] | None = None) -> None:
        self._place = _place(urlsplit(url), options or {})

    async def get(self, uri: str, max_bytes: int) -> bytes:
        """The object's bytes; its size is known before any is read.

        Raises ForbiddenUri, ObjectNotFound, ObjectTooLarge, Outage or Transient.
        """
        path = resolve(uri)
        try:
            found = await obstore.get_async(self._place.store(), await self._place.existing(path))
            size = found.meta["size"]
            if size > max_bytes:
                raise ObjectTooLarge(uri, size, max_bytes)
            return (await found.bytes_async()).to_bytes()
        except FileNotFoundError as error:
            # A bucket or folder that is gone looks the same.
            await self.ping()
            raise ObjectNotFound(uri) from error
        except (BaseError, OSError) as error:
            raise await self._blame(error) from error

    async def size(self, uri: str) -> int:
        """How many bytes the object has; none of them are read.

        Raises ForbiddenUri, ObjectNotFound, Outage or Transient.
        """
        path = resolve(uri)
        try:
            return (await obstore.head_async(self._place.store(), await self._place.existing(path)))["size"]
        except FileNotFoundError as error:
            await self.ping()
            raise ObjectNotFound(uri) from error
        except (BaseError, OSError) as error:
            raise await self._blame(error) from error

    async def ranges(self, uri: str, wanted: Sequence[tuple[int, int]]) -> list[bytes]:
        """Parts of the object, each from its first byte to before its end.

        Raises ForbiddenUri, ObjectNotFound, Outage or Transient, the last also when the object has fewer bytes.
        """
        path, lengths = resolve(uri), [end - first for first, end in wanted]
        if not wanted:
            return []
        try:
            place = await self._place.existing(path)
            starts = [first for first, _ in wanted]
            found = await obstore.get_ranges_async(self._place.store(), place, starts=starts, lengths=lengths)
        except FileNotFoundError as error:
            await self.ping()
            raise ObjectNotFound(uri) from error
        except (BaseError, OSError) as error:
            raise await self._blame(error) from error
        parts = [bytes(part) for part in found]
        if [len(part) for part in parts] != lengths:
            raise Transient("object_store_failed", f"{uri!r} has fewer bytes than it had")
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

    async def _blame(self, error: Exception) -> Outage | Transient:
        try:
            await self.ping()
        except Outage as outage:
            return outage
        return Transient("object_store_failed", _first_line(error))


def resolve(uri: str) -> str:
    """The path below the store's root that a uri names, taken literally: percent signs are not decoded.

    Raises ForbiddenUri for an absolute path, a scheme, a backslash, an empty or dotted segment, a character that is
    not printable, also where these are percent-encoded, however often.
    """
    text, decoded = uri, unquote(uri)
    _require_plain(uri, text)
    while decoded != text:
        text, decoded = decoded, unquote(decoded)
        _require_plain(uri, text)
    return uri


def _require_plain(uri: str, text: str) -> None:
    if not text.isprintable() or "\\" in text:
        raise ForbiddenUri(uri, "has a backslash or a character that is not printable")
    if text.startswith("/") or _has_scheme(text):
        raise ForbiddenUri(uri, "is not relative to the object store")
    segments = text.split("/")
    if any(segment in {"", ".", ".."} for segment in segments) or _is_unfinished(segments[-1]):
        raise ForbiddenUri(uri, "is not a plain path")


class _Place(Protocol):
    def store(self) -> LocalStore | S3Store: ...

    async def existing(self, path: str) -> str: ...

    async def within(self, path: str) -> str: ...

    async def ping(self) -> None: ...


class _Folder:
    def __init__(self, root: Path) -> None:
        self._root = root

    def store(self) -> LocalStore:
        return LocalStore(self._root)

    async def existing(self, path: str) -> str:
        """Where a regular file lies, its links followed. A pipe or device would never end."""
        return await asyncio.to_thread(self._existing, path)

    async def within(self, path: str) -> str:
        """Where the path leads, its links followed."""
        return await asyncio.to_thread(self._within, path)

    async def ping(self) -> None:
        if not await asyncio.to_thread(self._root.is_dir):
            raise NotADirectoryError(f"{self._root} is no folder")

    def _existing(self, path: str) -> str:
        real = self._within(path)
        try:
            mode = (self._root / real).stat().st_mode
        except OSError as error:
            if error.errno in {ENOENT, ENOTDIR, ENAMETOOLONG, ELOOP}:
                raise FileNotFoundError(path) from error
            raise
        if not stat.S_ISREG(mode):
            raise FileNotFoundError(path)
        return real

    def _within(self, path: str) -> str:
        root = self._root.resolve()
        real = os.path.relpath(os.path.realpath(root / path), root)
        if real == os.pardir or real.startswith(os.pardir + os.sep):
            raise ForbiddenUri(path, "leads out of the object store")
        return real


class _Bucket:
    def __init__(self, bucket: str, prefix: str, options: Mapping[str, str]) -> None:
        self._store = S3Store(
            bucket,
            prefix=prefix or None,
            config=dict(options),  # type: ignore[arg-type]  # the names are checked by the store
            # An endpoint that is addressed by http is meant so.
            client_options={"allow_http": True, "connect_timeout": CONNECT_TIMEOUT, "timeout": REQUEST_TIMEOUT},
            retry_config={"max_retries": MAX_RETRIES, "retry_timeout": REQUEST_TIMEOUT},
        )

    def store(self) -> S3Store:
        return self._store

    async def existing(self, path: str) -> str:
        return path

    async def within(self, path: str) -> str:
        return path

    async def ping(self) -> None:
        async for _ in obstore.list(self._store, chunk_size=1):
            return


def _place(url: SplitResult, options: Mapping[str, str]) -> _Place:
    if url.scheme == "file" and url.netloc in {"", "localhost"} and url.path.startswith("/"):
        return _Folder(Path(unquote(url.path)))
    if url.scheme == "s3" and url.netloc:
        return _Bucket(url.netloc, url.path.strip("/"), options)
    raise ValueError("the object store must be file:///folder or s3://bucket/prefix")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
