"""`millrace upload`: files into the object store, and the events that have them embedded."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple
from uuid import UUID

import typer

from millrace.cli.asking import ask
from millrace.cli.output import Json, note, print_json

if TYPE_CHECKING:
    from millrace.answers import Answer
    from millrace.outgoing import Outgoing
    from millrace.settings import Settings
    from millrace.uploads import LocalFile


class Upload(NamedTuple):
    """A file, the version of the document that it becomes, and the event that says so."""

    file: LocalFile
    document_id: UUID
    version: int
    event: Outgoing


def upload(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="PDF, DOCX, XLSX, HTML, Markdown, CSV or text.")],
    client: Annotated[str, typer.Option(help="The client whose documents they are.")],
    wait: Annotated[bool, typer.Option("--wait", help="Wait for what becomes of each, and print that.")] = False,
    new: Annotated[
        bool, typer.Option("--new", help="New documents, also where files of these names were uploaded before.")
    ] = False,
    document_id: Annotated[UUID | None, typer.Option(metavar="UUID", help="The document that this one file is.")] = None,
    version: Annotated[int | None, typer.Option(min=1, max=2**31 - 1, help="The version that this one file is.")] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait at most.")] = 120.0,
    as_json: Json = False,
) -> None:
    """Store files in the object store and have them embedded; print the ids of their documents.

    A client's file of one name is one document: uploaded again, it becomes the next version, whatever folder it comes from.
    The same bytes once more cost nothing and end as `unchanged`. A version that still waits to be worked on is not counted, so
    --wait before uploading a file that has changed again.

    Every file is looked at before any is stored. With --wait: exit code 0 when all were embedded, 3 when some were, 1 when
    none was.
    """
    from millrace.cli.servers import settings

    _require_sense(files, client, new=new, document_id=document_id, version=version)
    chosen = settings("object_store_url", "kafka_bootstrap_servers")
    found = _examined(files, chosen, apart=new, as_json=as_json)
    ids = [document_id or _document_id(client, file, new=new) for file in found]
    versions = [version] if version else [1 for _ in found] if new else _next_versions(client, ids)
    uploads = [_upload(client, *each) for each in zip(found, ids, versions, strict=True)]
    _store(chosen, uploads)
    if wait:
        _publish_and_wait(chosen, uploads, timeout, as_json=as_json)
    else:
        _publish(chosen, uploads, as_json=as_json)


def _require_sense(files: Sequence[Path], client: str, *, new: bool, document_id: UUID | None, version: int | None) -> None:
    from events.text import is_client_id

    if not is_client_id(client):
        raise typer.BadParameter("must be letters, digits, dots, underscores and hyphens, at most 64", param_hint="--client")
    if len(files) > 1 and (document_id or version):
        raise typer.BadParameter("--document-id and --version are for one file at a time", param_hint="FILE")
    if new and (document_id or version):
        raise typer.BadParameter("does not go with --document-id or --version", param_hint="--new")


def _examined(paths: Sequence[Path], chosen: Settings, *, apart: bool, as_json: bool) -> list[LocalFile]:
    """The files. Raises Refused, having told what is wrong with which file, unless all can be uploaded."""
    from millrace.failures import Refused
    from millrace.uploads import examine

    found = examine(paths, min(chosen.object_max_bytes, chosen.document_max_bytes), apart=apart)
    if not found.complaints:
        return found.files
    if as_json:
        print_json({"uploaded": 0, "errors": [{"file": str(path), "message": why} for path, why in found.complaints]})
    else:
        for path, why in found.complaints:
            typer.echo(f"{path}: {why}", err=True)
    number = len(found.complaints)
    files_cannot = "1 file cannot be uploaded" if number == 1 else f"{number} files cannot be uploaded"
    raise Refused(f"{files_cannot}; nothing was stored or sent")


def _document_id(client: str, file: LocalFile, *, new: bool) -> UUID:
    from events.ids import uuid7
    from millrace.uploads import document_id_of

    return uuid7() if new else document_id_of(client, file.filename)


def _next_versions(client: str, ids: Sequence[UUID]) -> list[int]:
    """The version that follows what is stored. Raises Refused for a document of another client."""
    from millrace.failures import Refused
    from storage.document_views import newest_versions

    newest = ask(lambda connection: newest_versions(connection, ids))
    for document_id, known in newest.items():
        if known.client_id != client:
            raise Refused(f"document {document_id} is another client's; nothing was stored or sent")
    return [newest[each].version + 1 if each in newest else 1 for each in ids]


def _upload(client: str, file: LocalFile, document_id: UUID, version: int) -> Upload:
    """The event is checked as the worker will check it. Raises Refused, naming what is wrong."""
    import orjson

    from events.failures import Failure
    from millrace.failures import Refused
    from millrace.outgoing import outgoing
    from millrace.uploads import uploaded

    try:
        event = outgoing(1, orjson.dumps(uploaded(client, file, document_id, version)))
    except Failure as failure:
        raise Refused(f"{file.path}: {failure.message}; nothing was stored or sent") from None
    return Upload(file, document_id, version, event)


def _store(chosen: Settings, uploads: Sequence[Upload]) -> None:
    from events.failures import Failure, Outage
    from millrace.cli.publish import progress
    from millrace.failures import CommandError, Unreachable

    try:
        with progress("storing", len(uploads)) as show:
            asyncio.run(_stored(chosen, uploads, show))
    except Outage as outage:
        raise Unreachable(f"the object store does not answer: {outage.message}", "See OBJECT_STORE_URL.") from None
    except Failure as failure:
        raise CommandError(f"the object store does not take it: {failure}; nothing was sent") from None


async def _stored(chosen: Settings, uploads: Sequence[Upload], show: Any) -> None:
    """One file in memory at a time."""
    from millrace.composition import objects_of
    from millrace.uploads import read_unchanged, uri_of

    store = objects_of(chosen)
    for number, each in enumerate(uploads, 1):
        await store.put(uri_of(each.event.client_id, each.file), read_unchanged(each.file))
        show(number)


def _publish(chosen: Settings, uploads: Sequence[Upload], *, as_json: bool) -> None:
    from millrace.cli.publish import send

    send(chosen, [each.event for each in uploads])
    for each in uploads:
        if as_json:
            print_json(_plain(each))
        else:
            typer.echo(each.document_id)
    if not as_json:
        note("[dim]What comes of them: millrace results document ID[/]")


def _publish_and_wait(chosen: Settings, uploads: Sequence[Upload], timeout: float, *, as_json: bool) -> None:
    from millrace.cli.publish import publish_and_wait

    of_event = {each.event.value: each for each in uploads}

    def tell(answer: Answer) -> None:
        _print_answer(of_event[answer.event.value], answer, as_json=as_json)

    code = asyncio.run(publish_and_wait(chosen, [each.event for each in uploads], timeout, tell))
    if code:
        raise typer.Exit(code)


def _print_answer(done: Upload, answer: Answer, *, as_json: bool) -> None:
    from millrace.cli.publish import reasons_of, why

    if as_json:
        print_json(_plain(done) | {"status": answer.status} | reasons_of(answer) | {"completion": answer.completion})
        return
    typer.echo(f"{answer.status:<12} {done.document_id}  v{done.version}  {done.file.filename}  {why(answer)}".rstrip())
    if answer.reason == "input_conflict":
        note(f"[dim]version {done.version} is another file's, uploaded before and not finished then: upload it again[/]")


def _plain(done: Upload) -> dict[str, Any]:
    names = {"file": str(done.file.path), "filename": done.file.filename, "sha256": done.file.sha256}
    return {"document_id": str(done.document_id), "version": done.version, "event_id": done.event.event_id} | names
