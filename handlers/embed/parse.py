"""One document, read here and now: format, pages, chunks, limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from handlers.embed.chunking import chunks_of
from handlers.embed.failures import Unreadable
from handlers.embed.kinds import Kind, kind_of
from handlers.embed.model import LABEL_LENGTH, Chunk, Limits, Page, Parsed
from handlers.embed.readers import READERS


def parse_here(content: bytes, filename: str, media_type: str | None = None, limits: Limits | None = None) -> Parsed:
    """The document's chunks.

    A pure function, but a file made to do harm can loop, eat memory or end the process in it: `ParserPool` is what is safe.
    Raises Unreadable and nothing else: unsupported, encrypted, needs_ocr, too_large or corrupt.
    """
    limits = limits or Limits()
    limits.require_size(content)
    kind = None
    try:
        kind = kind_of(content, filename, media_type, limits)
        pages = list(_bounded(READERS[kind](content), limits))
        chunks = list(_counted(chunks_of(pages, kind), limits))
    except (Unreadable, KeyboardInterrupt, SystemExit):
        raise
    except MemoryError:
        raise limits.out_of_memory() from None
    except BaseException as error:  # a panic of a library written in Rust is no Exception
        raise Unreadable("corrupt", _explained(kind, error)) from error
    labels = [page.label[:LABEL_LENGTH] for page in pages]
    return Parsed(len(pages), labels, chunks, sum(len(page.text) for page in pages))


def _bounded(pages: Iterable[Page], limits: Limits) -> Iterator[Page]:
    characters = 0
    for page in pages:
        characters += len(page.text)
        if page.number > limits.pages:
            raise Unreadable("too_large", f"more than {limits.pages} pages")
        if characters > limits.characters:
            raise Unreadable("too_large", f"more than {limits.characters} characters of text")
        yield page


def _counted(chunks: Iterable[Chunk], limits: Limits) -> Iterator[Chunk]:
    for chunk in chunks:
        if chunk.ordinal >= limits.chunks:
            raise Unreadable("too_large", f"more than {limits.chunks} chunks")
        yield chunk


def _explained(kind: Kind | None, error: BaseException) -> str:
    return f"cannot be read as {kind or 'a document'}: {type(error).__name__}: {error}"
