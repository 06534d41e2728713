"""Where objects lie: a folder or an S3 bucket, below a prefix."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Mapping
from datetime import timedelta
from errno import ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import SplitResult, unquote

import obstore
from obstore.store import LocalStore, S3Store

from storage.uris import ForbiddenUri

CONNECT_TIMEOUT: Final = timedelta(seconds=5)
REQUEST_TIMEOUT: Final = timedelta(seconds=60)
MAX_RETRIES: Final = 2


class Place(Protocol):
    """A folder or a bucket with a prefix."""

    def store(self) -> LocalStore | S3Store:
        """What reads and writes below it."""
        ...

    async def existing(self, path: str) -> str:
        """Where an object at the path is read. Raises ForbiddenUri, and FileNotFoundError if it is known to be absent."""
        ...

    async def within(self, path: str) -> str:
        """Where an object is written. Raises ForbiddenUri where the path leads out of the place."""
        ...

    async def ping(self) -> None:
        """Raises OSError, or what obstore raises, when the place does not answer."""
        ...


class Folder:
    """A folder of this machine, or one that is mounted."""

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


class Bucket:
    """Part of an S3 bucket."""

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


def place_of(url: SplitResult, options: Mapping[str, str]) -> Place:
    """The place at an address. Raises ValueError for another kind of address."""
    if url.scheme == "file" and url.netloc in {"", "localhost"} and url.path.startswith("/"):
        return Folder(Path(unquote(url.path)))
    if url.scheme == "s3" and url.netloc:
        return Bucket(url.netloc, url.path.strip("/"), options)
    raise ValueError("the object store must be file:///folder or s3://bucket/prefix")
