"""One reader a format: a file's bytes to its pages, one after the other.

A reader raises Unreadable for what it recognises; any other exception of it means that the file is corrupt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from handlers.embed.kinds import Kind
from handlers.embed.model import Page
from handlers.embed.readers.docx import read_docx
from handlers.embed.readers.html import read_html
from handlers.embed.readers.pdf import read_pdf
from handlers.embed.readers.plain import read_plain
from handlers.embed.readers.xlsx import read_xlsx

Reader = Callable[[bytes], Iterator[Page]]

READERS: Mapping[Kind, Reader] = {
    Kind.PDF: read_pdf,
    Kind.DOCX: read_docx,
    Kind.XLSX: read_xlsx,
    Kind.HTML: read_html,
    Kind.MARKDOWN: read_plain,
    Kind.CSV: read_plain,
    Kind.TEXT: read_plain,
}
