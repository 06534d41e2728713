"""Two hundred uploads with everything that goes wrong among them, and what must have become of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

import orjson

from handlers.embed.failures import Unreadable
from handlers.embed.model import Limits
from handlers.embed.parse import parse_here
from streams.publish import Outgoing

WORDS = ("invoice", "loan", "ledger", "audit", "breach", "covenant", "payment", "overdue", "balance", "interest", "signed")
CLIENTS = ("acme", "globex", "initech")
DOCUMENT = "document.uploaded.v1"


@dataclass(frozen=True, slots=True)
class Paper:
    """One version of a document that is uploaded, and what is to be read in it: its chunks' texts, or why there are none."""

    event_id: str
    client_id: str
    document_id: str
    version: int
    filename: str
    content: bytes
    chunks: tuple[str, ...] | None
    failure: str | None

    @property
    def uri(self) -> str:
        return f"{self.client_id}/{self.event_id}/{self.filename}"

    def event(self, **changes: Any) -> bytes:
        """The event that uploads it."""
        data = {"document_id": self.document_id, "version": self.version, "uri": self.uri, "filename": self.filename}
        envelope = {
            "specversion": "1.0",
            "id": self.event_id,
            "source": "/tests",
            "type": DOCUMENT,
            "clientid": self.client_id,
            "data": data | changes,
        }
        return orjson.dumps(envelope)


@dataclass(slots=True)
class Papers:
    """Uploads in the order of publication; `garbage` counts the records among them that are none."""

    papers: list[Paper] = field(default_factory=list)
    records: list[tuple[bytes, bytes]] = field(default_factory=list)
    garbage: int = 0

    def outgoing(self, topic: str) -> list[Outgoing]:
        return [Outgoing(topic, key, value) for key, value in self.records]

    @property
    def texts(self) -> set[tuple[str, str]]:
        """Each client's texts: what has to be paid for, once."""
        return {(paper.client_id, text) for paper in self.papers for text in paper.chunks or ()}


def papers(seed: int, size: int = 200) -> Papers:
    """`size` uploads: some twice, some the bytes of another, some a second version, some unreadable, garbage between."""
    draw, told = Random(seed), Papers()
    for number in range(size):
        paper = _paper(draw, number, told.papers)
        told.papers.append(paper)
        key = paper.document_id.encode()
        told.records.append((key, paper.event()))
        chance = draw.random()
        if chance < 0.1:
            told.records.append((draw.choice([key, key + b"!"]), paper.event()))
        elif chance < 0.15:
            told.records.append((key, b"{garbage"))
            told.garbage += 1
    return told


def _paper(draw: Random, number: int, before: list[Paper]) -> Paper:
    readable = [paper for paper in before if paper.chunks]
    chance = draw.random()
    client_id = draw.choice(CLIENTS)
    document_id, version, name, content = str(UUID(int=draw.getrandbits(128))), 1, f"{number}.txt", _text(draw)
    if chance < 0.05:
        name, content = f"{number}.pdf", b"%PDF-1.7 torn"
    elif chance < 0.15 and readable:
        content = draw.choice(readable).content
    elif chance < 0.25 and readable:
        first = draw.choice(readable)
        later = max(paper.version for paper in before if paper.document_id == first.document_id)
        client_id, document_id, version = first.client_id, first.document_id, later + 1
        content = first.content + b"\n\n" + _text(draw)
    chunks, failure = _read(content, name)
    return Paper(f"d-{number}", client_id, document_id, version, name, content, chunks, failure)


def _text(draw: Random) -> bytes:
    """A paragraph or several, of which some make more than one chunk."""
    length = draw.choice([30, 200, 900])
    return " ".join(f"{draw.choice(WORDS)}{draw.randrange(1000)}" for _ in range(length)).encode()


def _read(content: bytes, name: str) -> tuple[tuple[str, ...] | None, str | None]:
    try:
        return tuple(chunk.text for chunk in parse_here(content, name, None, Limits()).chunks), None
    except Unreadable as unreadable:
        return None, unreadable.code
