"""Files on their way to becoming documents: which document a file is, where its bytes go, and the event that tells of it."""

from __future__ import annotations

import hashlib
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple
from unicodedata import normalize
from uuid import UUID, uuid5

import orjson

from millrace.examples import envelope
from millrace.failures import CommandError

SOURCE: Final = "/upload"
DOCUMENT_NAMESPACE: Final = UUID("5f0d9e6c-3c1b-5a7e-8f24-9b6a1d2e7c40")

# What the worker reads, by extension; other files go without a media type, and it looks at their bytes.
MEDIA_TYPES: Final[Mapping[str, str]] = {
    ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xlsm": "application/vnd.ms-excel.sheet.macroenabled.12",
    ".html": "text/html",
    ".htm": "text/html",
    ".xhtml": "application/xhtml+xml",
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".txt": "text/plain",
    ".text": "text/plain",
    ".log": "text/plain",
}

LONGEST_KEY_NAME = 100
_unsafe = re.compile(r"[^A-Za-z0-9._-]+")


class LocalFile(NamedTuple):
    """A file that can be uploaded; `filename` is its name in Unicode's composed form, whichever the file system keeps."""

    path: Path
    filename: str
    sha256: str


class Complaint(NamedTuple):
    """Why a file cannot be uploaded."""

    path: Path
    message: str


@dataclass(slots=True)
class Examined:
    """What a list of paths holds: files ready to go, and what is wrong with the others."""

    files: list[LocalFile] = field(default_factory=list)
    complaints: list[Complaint] = field(default_factory=list)


def examine(paths: Iterable[Path], max_bytes: int, *, apart: bool = False) -> Examined:
    """Looks at every file and reads it once, so that nothing is stored when one cannot be.

    Two files of one name would be one document: a complaint, unless they are to be documents `apart`.
    """
    found = Examined()
    paths_of = dict[str, Path]()
    for path in paths:
        filename = normalize("NFC", path.name)
        message = _unfit(path, max_bytes)
        if not message and not apart and filename in paths_of:
            message = (
                f"has the name of {paths_of[filename]}, and would be the same document: upload it after that, or with --new"
            )
        paths_of.setdefault(filename, path)
        sha256 = "" if message else _sha256(path)
        if sha256:
            found.files.append(LocalFile(path, filename, sha256))
        else:
            found.complaints.append(Complaint(path, message or "cannot be read"))
    return found


def read_unchanged(file: LocalFile) -> bytes:
    """The bytes of a file. Raises CommandError where they are not those that were looked at."""
    try:
        content = file.path.read_bytes()
    except OSError as error:
        raise CommandError(f"{file.path}: {error.strerror}; nothing was sent") from None
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise CommandError(f"{file.path} has changed since it was looked at; nothing was sent", "Upload it again.")
    return content


def document_id_of(client: str, filename: str) -> UUID:
    """The document that a file of this name is, for this client: the next time the same one."""
    return uuid5(DOCUMENT_NAMESPACE, orjson.dumps([client, filename]).decode())


def uri_of(client: str, file: LocalFile) -> str:
    """Where the file's bytes lie in the object store: other bytes lie elsewhere, so nothing is ever overwritten by others."""
    return f"uploads/{client}/{file.sha256}/{key_name(file.filename)}"


def key_name(filename: str) -> str:
    """The name as a plain segment of a uri: ASCII, short, its extension kept."""
    name = _unsafe.sub("_", filename).lstrip(".") or "file"
    stem, suffix = Path(name).stem, Path(name).suffix[:20]
    return stem[: LONGEST_KEY_NAME - len(suffix)] + suffix


def uploaded(client: str, file: LocalFile, document_id: UUID, version: int) -> dict[str, Any]:
    """The document.uploaded event of a file."""
    data = {
        "document_id": str(document_id),
        "version": version,
        "uri": uri_of(client, file),
        "filename": file.filename,
        "media_type": MEDIA_TYPES.get(Path(file.filename).suffix.lower()),
        "sha256": file.sha256,
    }
    known = {name: value for name, value in data.items() if value is not None}
    return envelope("document.uploaded.v1", client, known, source=SOURCE)


def _unfit(path: Path, max_bytes: int) -> str:
    """What is wrong with it, or nothing."""
    if not path.name.isprintable():  # nor is what stands for bytes that are no UTF-8
        return "has a name that is not printable"
    try:
        status = path.stat()
        if stat.S_ISREG(status.st_mode):
            path.open("rb").close()
    except OSError as error:
        return (error.strerror or str(error)).lower()
    if not stat.S_ISREG(status.st_mode):
        return "is a folder" if stat.S_ISDIR(status.st_mode) else "is no regular file"
    if status.st_size > max_bytes:
        return f"has {status.st_size:,} bytes, at most {max_bytes:,} are read"
    return "" if status.st_size else "is empty"


def _sha256(path: Path) -> str:
    """In hexadecimal; empty where the file cannot be read to its end."""
    try:
        with path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError:
        return ""
