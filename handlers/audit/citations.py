"""Citations: which of those that a model gives hold, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from events.audit import Doubt
from handlers.audit.evidence import Passage
from handlers.audit.quotes import holds
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
    """Why an audit needs review: what is wrong with the finding at place `finding`, or with one of its citations."""

    finding: int
    reason: Doubt
    chunk_id: str = ""
    quote: str = ""


def check(drafts: Sequence[DraftFinding], given: Iterable[Passage], max_findings: int) -> tuple[list[Finding], list[Note]]:
    """The first findings with the citations that hold; a note for each that does not, each finding without, and the rest."""
    passages = {str(passage.chunk_id): passage for passage in given}
    findings, notes = list[Finding](), list[Note]()
    for place, draft in enumerate(drafts[:max_findings]):
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
    if len(drafts) > max_findings:
        notes.append(Note(max_findings, "too_many_findings"))
    return findings, notes


def _doubt(cited: DraftCitation, passage: Passage | None) -> Doubt | None:
    if passage is None:
        return "unknown_chunk"
    return None if holds(cited.quote, passage.text) else "quote_not_found"


def _id_text(chunk_id: str) -> str:
    try:
        return str(UUID(chunk_id.strip()))
    except ValueError:
        return chunk_id
