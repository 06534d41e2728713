"""`millrace results document`: the versions of a document, and the text that was embedded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from millrace.cli.asking import ask
from millrace.cli.output import Json, data, harmless, note, print_facts, print_json, table
from millrace.cli.wording import STAND_IN_REMARK, is_stand_in, usd

if TYPE_CHECKING:
    from storage.database import Connection
    from storage.document_views import ChunkText
    from storage.documents import DocumentRow

MOST_VERSIONS = 1_000
DIGESTS = ("sha256", "input_sha256", "request_sha256")
COLUMNS = ("version", "status", "pages", "chunks", "reused", "tokens", "cost", "completed", "failure")
NUMBERS = ("version", "pages", "chunks", "reused", "tokens", "cost")


def document(
    document_id: Annotated[UUID, typer.Argument(metavar="ID")],
    client: Annotated[str | None, typer.Option(help="Read as this client, who sees its own documents only.")] = None,
    chunks: Annotated[int, typer.Option(min=0, max=100_000, help="Print the first so many chunks of the current version.")] = 0,
    as_json: Json = False,
) -> None:
    """Print a document: each version with its state, what was embedded and what it cost; and chunks if asked for."""
    from millrace.failures import CommandError

    versions, texts = ask(lambda connection: _read(connection, document_id, chunks), client)
    if not versions:
        raise CommandError(
            f"there is no document {document_id}" + (f" of client {client}" if client else ""),
            "One that was just uploaded is there once it has been worked on: millrace lag",
        )
    if as_json:
        print_json(_plain(versions) | {"chunks": [text._asdict() for text in texts]})
        return
    _print(versions)
    for text in texts:
        _print_chunk(text)


async def _read(connection: Connection, document_id: UUID, chunks: int) -> tuple[list[DocumentRow], list[ChunkText]]:
    from storage.document_views import first_chunks, versions_of

    versions = await versions_of(connection, document_id, MOST_VERSIONS)
    return versions, await first_chunks(connection, document_id, chunks) if versions and chunks else []


def _plain(versions: Sequence[DocumentRow]) -> dict[str, Any]:
    newest = versions[0]
    names = {"document_id": newest.document_id, "client_id": newest.client_id, "filename": newest.filename}
    return names | {"current_version": _current(versions), "versions": [as_plain(row) for row in versions]}


def as_plain(row: DocumentRow) -> dict[str, Any]:
    """A version by the names of its columns, as JSON has it."""
    import orjson

    plain = row._asdict()
    digests = {name: plain[name].hex() if plain[name] is not None else None for name in DIGESTS}
    return plain | digests | {"metadata": orjson.loads(row.metadata), "cost_usd": float(row.cost_usd)}


def _current(versions: Sequence[DocumentRow]) -> int | None:
    return next((row.version for row in versions if row.is_current), None)


def _print(versions: Sequence[DocumentRow]) -> None:
    newest = versions[0]
    current = _current(versions)
    facts = {
        "document_id": newest.document_id,
        "client_id": newest.client_id,
        "filename": newest.filename,
        "media_type": newest.media_type,
        "current": f"version {current}" if current else "none: readers and audits see nothing of it",
        "model": f"{newest.embedding_model}, {newest.dimensions} dimensions",
        "uri": newest.uri,
    }
    print_facts({name: value for name, value in facts.items() if value is not None})
    data().print(table(COLUMNS, map(_line, versions), title="Versions", numbers=NUMBERS, whole=("status", "completed")))
    if any(row.chunks and is_stand_in(row.embedding_model) for row in versions):
        note(STAND_IN_REMARK)


def _line(row: DocumentRow) -> tuple[Any, ...]:
    failure = f"{row.failure_code}: {harmless(row.failure_message or '')}" if row.failure_code else ""
    when = row.completed_at.strftime("%Y-%m-%d %H:%M:%S")
    status = f"{row.status}, current" if row.is_current else row.status
    return row.version, status, row.pages, row.chunks, row.chunks_reused, row.tokens, usd(row.cost_usd), when, failure


def _print_chunk(text: ChunkText) -> None:
    from rich.markup import escape

    page = f"page {text.page}" + (f" ({text.label})" if text.label and text.label != str(text.page) else "")
    data().print(f"\n[bold]{text.ordinal}[/]  {escape(harmless(page))}, {text.tokens} tokens  [dim]{text.chunk_id}[/]")
    data().print(escape(harmless(text.content)), soft_wrap=True)
