"""What an audit rests on: passages of documents and runs, and which of them are taken where not all have room."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from uuid import UUID

# An estimate, rather too high: where it errs, an audit sees a passage less rather than costing more than it may. English prose
# has more than four bytes a token, other scripts two to three, the hexadecimal digits around a passage two.
BYTES_A_TOKEN = 2
# Chunks are counted in tokens of the embedding models; the model that is asked may need some more.
MARGIN = 0.15
FENCE_BYTES = 170


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of evidence that can be cited: a chunk of a document, by its place there from 0, or a run.

    `document_id` and `chunk_id` are both the run's id for a run, whose `page` is None. `tokens` are those of `text` alone.
    """

    chunk_id: UUID
    document_id: UUID
    ordinal: int
    name: str
    page: int | None
    text: str
    content_sha256: bytes
    tokens: int

    @property
    def cost(self) -> int:
        """The tokens that it takes in a prompt, with what encloses it."""
        return ceil(self.tokens * (1 + MARGIN)) + -(-(FENCE_BYTES + len(self.name.encode())) // BYTES_A_TOKEN)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The passages that a prompt holds, in the order of their documents, and how many of the same documents it does not."""

    passages: Sequence[Passage] = ()
    left_out: int = 0


def estimated_tokens(text: str) -> int:
    """About how many tokens a text of any language has, rather too many."""
    return -(-len(text.encode()) // BYTES_A_TOKEN)


def most_passages(room: int) -> int:
    """The most passages that `room` tokens can hold, however short they are."""
    return room * BYTES_A_TOKEN // FENCE_BYTES


def fit(passages: Sequence[Passage], room: int) -> bool:
    """Whether all of them fit into `room` tokens."""
    return sum(passage.cost for passage in passages) <= room


def choose(preferred: Iterable[Passage], room: int) -> list[Passage]:
    """The passages that fit into `room` tokens, each taken in its turn unless those before it left too little."""
    chosen = []
    for passage in preferred:
        if passage.cost <= room:
            chosen.append(passage)
            room -= passage.cost
    return chosen
