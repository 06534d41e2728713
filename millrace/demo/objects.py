"""The objects that the demonstration's events refer to: books, markets and documents of `examples/`."""

from __future__ import annotations

from collections.abc import Iterator

from millrace.examples import FOLDER

KINDS = ("books", "markets", "documents")


def objects() -> Iterator[tuple[str, bytes]]:
    """Each object's uri and its bytes."""
    for path in sorted(path for kind in KINDS for path in (FOLDER / kind).iterdir()):
        yield uri_of(path.relative_to(FOLDER).as_posix()), path.read_bytes()


def uri_of(name: str) -> str:
    """Where an object of the examples lies in the object store."""
    return f"examples/{name}"
