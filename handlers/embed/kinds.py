"""Which format a document is in.

A signature in the bytes is the truth, whatever the media type or the name say. Without one the media type decides, then the
filename's extension, then a look at the text. A document that claims a format whose bytes have a signature, and lacks it, is
corrupt; one in a format that is known but not read is unsupported.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from enum import StrEnum
from io import BytesIO
from pathlib import PurePosixPath

from handlers.embed.failures import Unreadable
from handlers.embed.model import Limits
from handlers.embed.text import require_text


class Kind(StrEnum):
    """A format that is read."""

    PDF = "PDF"
    DOCX = "DOCX"
    XLSX = "XLSX"
    HTML = "HTML"
    MARKDOWN = "Markdown"
    CSV = "CSV"
    TEXT = "text"


MEDIA_TYPES = {
    "application/pdf": Kind.PDF,
    "application/x-pdf": Kind.PDF,
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": Kind.DOCX,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": Kind.XLSX,
    "application/vnd.ms-excel.sheet.macroenabled.12": Kind.XLSX,
    "text/html": Kind.HTML,
    "application/xhtml+xml": Kind.HTML,
    "text/markdown": Kind.MARKDOWN,
    "text/x-markdown": Kind.MARKDOWN,
    "text/csv": Kind.CSV,
    "application/csv": Kind.CSV,
    "text/tab-separated-values": Kind.CSV,
}
EXTENSIONS = {
    ".pdf": Kind.PDF,
    ".docx": Kind.DOCX,
    ".xlsx": Kind.XLSX,
    ".xlsm": Kind.XLSX,
    ".html": Kind.HTML,
    ".htm": Kind.HTML,
    ".xhtml": Kind.HTML,
    ".md": Kind.MARKDOWN,
    ".markdown": Kind.MARKDOWN,
    ".csv": Kind.CSV,
    ".tsv": Kind.CSV,
    ".txt": Kind.TEXT,
    ".text": Kind.TEXT,
    ".log": Kind.TEXT,
}
FOREIGN = (
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"\x1f\x8b\x08", "compressed by gzip"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"{\\rtf", "in Rich Text Format"),
    (b"%!PS", "PostScript"),
    (b"\x7fELF", "a program"),
    (b"PAR1", "in Parquet"),
)
_MEDIA_TYPES_NOT_READ = ("image/", "audio/", "video/", "font/")
_SIGNED = frozenset({Kind.PDF, Kind.DOCX, Kind.XLSX})
_MAIN_PARTS = (
    (b"wordprocessingml.document.main+xml", Kind.DOCX),
    (b"spreadsheetml.sheet.main+xml", Kind.XLSX),
    (b"vnd.ms-excel.sheet.macroEnabled.main+xml", Kind.XLSX),
)
_PACKED = b"PK\x03\x04"
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_PDF = b"%PDF-"
_PDF_WITHIN = 1024
_CONTENT_TYPES_BYTES = 1024 * 1024
_opens_html = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype html|html|head|body)[\s>]",
    re.IGNORECASE | re.DOTALL,
).match


def kind_of(content: bytes, filename: str, media_type: str | None, limits: Limits) -> Kind:
    """The format of the document.

    Raises Unreadable: unsupported, encrypted, corrupt, or too_large when an archive says it holds more than the limits.
    """
    claimed = claimed_kind(filename, media_type)
    signed = _signed(content, claimed, limits)
    if signed is not None:
        return signed
    if claimed in _SIGNED:
        raise Unreadable("corrupt", f"said to be {claimed}, but its bytes are not")
    if (media_type or "").lower().startswith(_MEDIA_TYPES_NOT_READ):
        raise Unreadable("unsupported", f"{media_type} is not read")
    require_text(content)
    if claimed is None:
        return Kind.HTML if _opens_html(content[:_PDF_WITHIN]) else Kind.TEXT
    return claimed


def claimed_kind(filename: str, media_type: str | None) -> Kind | None:
    """What the media type, or else the name, says that the document is; None when they say nothing that is read."""
    essence = (media_type or "").partition(";")[0].strip().lower()
    if essence in MEDIA_TYPES:
        return MEDIA_TYPES[essence]
    return EXTENSIONS.get(PurePosixPath(filename.strip().lower()).suffix)


def _signed(content: bytes, claimed: Kind | None, limits: Limits) -> Kind | None:
    """The kind that the bytes themselves tell, or None."""
    for signature, name in FOREIGN:
        if content.startswith(signature):
            raise Unreadable("unsupported", f"the file is {name}, which is not read")
    if content.startswith(_PDF) or (claimed is Kind.PDF and _PDF in content[:_PDF_WITHIN]):
        return Kind.PDF
    if content.startswith(_COMPOUND):
        raise _compound(content)
    if content.startswith(_PACKED):
        return _packed(content, limits)
    return None


def _compound(content: bytes) -> Unreadable:
    if _ENCRYPTED_PACKAGE in content:
        return Unreadable("encrypted", "the Office document is protected by a password")
    return Unreadable("unsupported", "the file is a legacy Office document (.doc, .xls, .ppt, .msg): save it as .docx or .xlsx")


def _packed(content: bytes, limits: Limits) -> Kind:
    """Word's and Excel's files are archives that name their main part in `[Content_Types].xml`."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            _require_open(archive.infolist(), limits)
            with archive.open("[Content_Types].xml") as part:
                types = part.read(_CONTENT_TYPES_BYTES)
    except KeyError:
        types = b""
    except (Unreadable, MemoryError):
        raise
    except Exception as error:  # zipfile raises many kinds on damaged bytes
        raise Unreadable("corrupt", f"a damaged archive: {error}") from error
    for main_part, kind in _MAIN_PARTS:
        if main_part in types:
            return kind
    raise Unreadable("unsupported", "the archive holds neither a Word document nor an Excel workbook")


def _require_open(entries: Sequence[zipfile.ZipInfo], limits: Limits) -> None:
    if any(entry.flag_bits & 1 for entry in entries):
        raise Unreadable("encrypted", "the archive is protected by a password")
    if (size := sum(entry.file_size for entry in entries)) > limits.unpacked_bytes:
        raise Unreadable("too_large", f"{size} bytes unpacked are more than {limits.unpacked_bytes}")
