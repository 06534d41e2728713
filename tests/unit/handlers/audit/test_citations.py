from __future__ import annotations

from typing import Any
from uuid import UUID

from handlers.audit.citations import check
from handlers.audit.schema import DraftCitation, DraftFinding
from tests.unit.handlers.audit.passages import passage


def draft(*citations: tuple[str, str], **changes: Any) -> DraftFinding:
    told = {"title": "t", "description": "d", "severity": "high", "recommendation": "r"}
    cited = [DraftCitation(chunk_id=chunk_id, quote=quote) for chunk_id, quote in citations]
    return DraftFinding.model_validate(told | changes | {"citations": cited})


def test_citations_that_hold_are_kept_and_the_others_noted() -> None:
    given_one, given_two = passage(1, "The loan is secured."), passage(2, "The loan is due.")
    told = draft(
        (str(UUID(int=1)), "the loan is secured"),
        (str(UUID(int=2)), "the loan is secured"),
        (str(UUID(int=3)), "the loan is secured"),
        ("the first one", "the loan is secured"),
    )
    [finding], notes = check([told], [given_one, given_two], 20)
    assert [(each.passage, each.quote) for each in finding.citations] == [(given_one, "the loan is secured")]
    assert finding.draft is told
    assert [(note.finding, note.reason, note.chunk_id) for note in notes] == [
        (0, "quote_not_found", str(UUID(int=2))),
        (0, "unknown_chunk", str(UUID(int=3))),
        (0, "unknown_chunk", "the first one"),
    ]
    assert {note.quote for note in notes} == {"the loan is secured"}


def test_an_id_is_known_however_it_is_written() -> None:
    chunk_id = UUID(int=0xABC << 64)
    [finding], notes = check([draft((f" {str(chunk_id).upper()} ", "is secured"))], [passage(chunk_id=chunk_id)], 20)
    assert (len(finding.citations), notes) == (1, [])


def test_a_finding_without_citations_is_noted_and_kept() -> None:
    findings, notes = check([draft((str(UUID(int=1)), "is secured")), draft()], [passage(1)], 2)
    assert len(findings) == 2
    assert [(note.finding, note.reason, note.quote) for note in notes] == [(1, "no_citation", "")]


def test_findings_beyond_the_most_that_were_asked_for_are_left_out_and_noted() -> None:
    drafts = [draft((str(UUID(int=1)), "is secured"), title=title) for title in "abcd"]
    findings, notes = check(drafts, [passage(1)], 2)
    assert [finding.draft.title for finding in findings] == ["a", "b"]
    assert [(note.finding, note.reason, note.quote) for note in notes] == [(2, "too_many_findings", "")]
