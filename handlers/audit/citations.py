"""Citations: a quote holds when its chunk was given and says so, letter by letter and digit by digit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from unicodedata import normalize
from uuid import UUID

from events.audit import Doubt
from handlers.audit.evidence import Passage
from handlers.audit.schema import DraftCitation, DraftFinding


@dataclass(frozen=True, slots=True)
class Citation:
    """A quote that its passage holds."""

    passage: Passage
    quote: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding of the model, with those of its citations that hold."""

    draft: DraftFinding
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """Why an audit needs review: what is wrong with a citation of the finding at place `finding`, or that it has none."""

    finding: int
    reason: Doubt
    chunk_id: str = ""
    quote: str = ""


def check(drafts: Iterable[DraftFinding], given: Iterable[Passage]) -> tuple[list[Finding], list[Note]]:
    """The findings with the citations that hold, and a note for each that does not and for each finding without any."""
    passages = {str(passage.chunk_id): passage for passage in given}
    findings, notes = list[Finding](), list[Note]()
    for place, draft in enumerate(drafts):
        citations = []
        for cited in draft.citations:
            passage = passages.get(_id_text(cited.chunk_id))
            doubt = _doubt(cited, passage)
            if passage is not None and doubt is None:
                citations.append(Citation(passage, cited.quote))
            elif doubt is not None:
                notes.append(Note(place, doubt, cited.chunk_id, cited.quote))
        if not draft.citations:
            notes.append(Note(place, "no_citation"))
        findings.append(Finding(draft, tuple(citations)))
    return findings, notes


def holds(quote: str, text: str) -> bool:
    """Whether `text` says what `quote` says, comparing letters and digits only; a quote without any holds nowhere."""
    wanted = folded(quote)
    return bool(wanted) and wanted in folded(text)


def folded(text: str) -> str:
    """The letters and digits of a text, without case, accents, ligatures or width.

    Folding goes character by character, so the folded part of a text is part of the folded text, wherever it was cut.
    """
    return "".join(map(_folded_character, text))


def _doubt(cited: DraftCitation, passage: Passage | None) -> Doubt | None:
    if passage is None:
        return "unknown_chunk"
    return None if holds(cited.quote, passage.text) else "quote_not_found"


def _id_text(chunk_id: str) -> str:
    try:
        return str(UUID(chunk_id.strip()))
    except ValueError:
        return chunk_id


@lru_cache(maxsize=4096)
def _folded_character(character: str) -> str:
    decomposed = normalize("NFKD", normalize("NFKD", character).casefold())
    return "".join(each for each in decomposed if each.isalnum())
