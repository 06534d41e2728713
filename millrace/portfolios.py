"""Portfolios on their way into the store: what a file holds, where its bytes go, and the row that tells of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from events.failures import Permanent
from handlers.price.content import Content, read_content
from millrace.failures import CommandError, Refused
from storage.database import Connection
from storage.objects import ObjectStore
from storage.portfolios import PortfolioRow, insert_portfolio, portfolio_of_content, read_portfolios


class _State(NamedTuple):
    """What changes when a file does."""

    size: int
    modified: int
    inode: int


@dataclass(frozen=True, slots=True)
class PortfolioFile:
    """A file that was read once, from its start to its end."""

    path: Path
    content: Content
    sha256: bytes
    state: _State

    def row(self, client_id: str, portfolio_id: str | None) -> PortfolioRow:
        """The portfolio that it is for a client: without an id, under the digest of its content."""
        name, digest = portfolio_id or self.content.sha256.hex(), self.sha256.hex()
        # Other bytes lie elsewhere, so nothing is ever overwritten by others.
        uri = f"portfolios/{client_id}/{digest}{self.path.suffix.lower()}"
        content = self.content
        return PortfolioRow(
            client_id, name, content.sha256, uri, self.sha256, self.state.size, content.positions, content.products,
            datetime.now(UTC),
        )  # fmt: skip


def examine(path: Path, show: Callable[[int], None]) -> PortfolioFile:
    """Reads a file of positions, showing how many bytes are behind.

    Raises Refused, saying where and why, for what is no portfolio; CommandError for what cannot be read.
    """
    try:
        state = _state(path)
        content = read_content(path, show)
        with path.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").digest()
    except Permanent as failure:
        raise Refused(f"{failure.message}; nothing was stored", "What a portfolio is: docs/pricing.md") from None
    except OSError as error:
        raise CommandError(f"{path}: {os.strerror(error.errno or 0).lower()}; nothing was stored") from None
    found = PortfolioFile(path, content, digest, state)
    require_unchanged(found)
    return found


def require_unchanged(file: PortfolioFile) -> None:
    """Raises CommandError for a file that is not the one that was read any more."""
    if _state(file.path) != file.state:
        raise CommandError(f"{file.path} has changed while it was read; nothing was loaded", "Load it again.")


async def known_as(connection: Connection, wanted: PortfolioRow, portfolio_id: str | None) -> PortfolioRow | None:
    """What is stored already: under the id, or without one of the same content. Raises Refused for other content under it."""
    if portfolio_id is None:
        return await portfolio_of_content(connection, wanted.client_id, wanted.content_sha256)
    found = (await read_portfolios(connection, wanted.client_id, [portfolio_id])).get(portfolio_id)
    return found and require_same(found, wanted)


async def store(objects: ObjectStore, file: PortfolioFile, row: PortfolioRow) -> None:
    """Puts the file's bytes in their place, also where they lay before: so what was lost or changed there is mended."""
    await objects.put_file(row.uri, file.path)
    require_unchanged(file)


async def enter(connection: Connection, row: PortfolioRow) -> tuple[PortfolioRow, bool]:
    """What is stored under the row's id then, and whether it is new. Raises Refused where it is not this content."""
    found, is_new = await insert_portfolio(connection, row)
    return require_same(found, row), is_new


def require_same(found: PortfolioRow, wanted: PortfolioRow) -> PortfolioRow:
    """What was found. Raises Refused unless it has the content that is wanted."""
    if found.content_sha256 != wanted.content_sha256:
        loaded = f"{found.loaded_at:%Y-%m-%d %H:%M:%S}"
        raise Refused(
            f"portfolio {found.portfolio_id!r} of {found.client_id} has other content, loaded at {loaded}, and never changes",
            "Load this one under another id, with --id.",
        )
    return found


def _state(path: Path) -> _State:
    status = path.stat()
    return _State(status.st_size, status.st_mtime_ns, status.st_ino)
