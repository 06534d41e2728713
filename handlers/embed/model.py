"""What reading a document takes and gives."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handlers.embed.failures import Unreadable

LABEL_LENGTH = 100
# Of a chunk beyond its text and its vector: the objects that stand for it while it is embedded.
CHUNK_BYTES = 1536


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may be and cost; beyond is `too_large`.

    `content_bytes` of the file, `unpacked_bytes` of what a DOCX or XLSX says it holds, `characters` of text, `memory_bytes`
    that reading it may take. `cpu_seconds` is time of the processor, counted in whole seconds; `seconds` is time of the
    clock, which passes also while the machine is busy with other things, so it should be several times as long.
    """

    content_bytes: int = 64 * 1024 * 1024
    unpacked_bytes: int = 512 * 1024 * 1024
    pages: int = 5_000
    characters: int = 20_000_000
    chunks: int = 20_000
    memory_bytes: int = 1024 * 1024 * 1024
    cpu_seconds: int = 60
    seconds: float = 240.0

    def require_size(self, content: bytes) -> None:
        """Raises Unreadable for an empty file (corrupt) or one of too many bytes."""
        if not content:
            raise Unreadable("corrupt", "the file is empty")
        if len(content) > self.content_bytes:
            raise Unreadable("too_large", f"{len(content)} bytes are more than {self.content_bytes}")

    def out_of_memory(self) -> Unreadable:
        """The failure of a document that takes more memory than it may."""
        return Unreadable("too_large", f"reading it takes more than {self.memory_bytes} bytes of memory")


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a PDF or a sheet of a workbook, by its number from 1; any other document is one page.

    `label` is what the document calls it: the page's own numbering ("iv"), the sheet's name, or nothing.
    """

    number: int
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of one page: `text` is that page's text from character `start` to before `end`, without outer spaces.

    `ordinal` counts the document's chunks from 0, `page` is the page's number, `tokens` are those of OpenAI's embedding
    models. Neighbours on a page may share some text.
    """

    ordinal: int
    page: int
    start: int
    end: int
    text: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document that was read: how many pages it has, what they are called, its chunks in order, its characters of text.

    `labels` has an entry for each page, in order, cut to LABEL_LENGTH characters. A page without text has no chunks.
    """

    pages: int
    labels: list[str]
    chunks: list[Chunk]
    characters: int

    @property
    def nbytes(self) -> int:
        """About how much memory it takes, with what is noted of each chunk while it is embedded."""
        return len(self.chunks) * CHUNK_BYTES + sum(sys.getsizeof(chunk.text) for chunk in self.chunks)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Parsed:
        """The inverse of writing it as JSON; the chunks are objects there."""
        return cls(data["pages"], data["labels"], [Chunk(**chunk) for chunk in data["chunks"]], data["characters"])
