from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from handlers.audit.citations import check, folded, holds
from handlers.audit.schema import DraftCitation, DraftFinding
from tests.unit.handlers.audit.passages import passage

# Neither letters nor digits, and what PDFs and models do to them.
SEPARATORS = [" ", "\n", "\t", "\u00a0", "\u00ad", "\u200b", "-\n", "–", "’", "'", '"', "“", ", ", ". ", "… ", "|", "\r\n", "*"]
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=80)
WORDS = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=12)


def draft(*citations: tuple[str, str], **changes: Any) -> DraftFinding:
    told = {"title": "t", "description": "d", "severity": "high", "recommendation": "r"}
    cited = [DraftCitation(chunk_id=chunk_id, quote=quote) for chunk_id, quote in citations]
    return DraftFinding.model_validate(told | changes | {"citations": cited})


@given(TEXTS, st.data())
def test_a_part_of_a_text_always_holds(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    quote = text[start : data.draw(st.integers(start, len(text)))]
    assert holds(quote, text) == bool(folded(quote))


@given(st.lists(WORDS, min_size=1, max_size=12), st.data())
def test_a_quote_holds_whatever_became_of_its_spaces_and_punctuation(words: list[str], data: st.DataObject) -> None:
    assume(any(map(folded, words)))
    separators = st.lists(st.sampled_from(SEPARATORS), min_size=len(words), max_size=len(words))
    text, quote = ("".join(word + mark for word, mark in zip(words, data.draw(separators), strict=True)) for _ in range(2))
    assert holds(quote, text)
    assert holds(quote.upper(), text) or folded(quote.upper()) != folded(quote)


@given(TEXTS, TEXTS)
def test_folding_a_text_folds_its_parts(one: str, other: str) -> None:
    assert folded(one + other) == folded(one) + folded(other)
    assert all(character.isalnum() for character in folded(one))


@given(st.text("abcdef .,\n0123", max_size=60), st.text("abcdef .,0123", max_size=20), st.sampled_from("xyz9"), st.data())
def test_a_quote_with_a_letter_or_digit_that_the_text_has_not_never_holds(
    text: str, quote: str, stranger: str, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(quote)))
    assert not holds(quote[:place] + stranger + quote[place:], text)


@given(st.text(" .,;:-–—…\n\t\u200b\u0301'\"«»()[]€$%&*", max_size=20), TEXTS)
def test_a_quote_without_letters_and_digits_holds_nowhere(quote: str, text: str) -> None:
    assert not holds(quote, text)
    assert not holds(quote, quote)


@pytest.mark.parametrize(
    ("quote", "text"),
    [
        ("The borrower’s “net debt”", 'the BORROWER\'s "net debt"'),
        ("repayment on 31 March", "repay-\nment on\n31 March"),
        ("ﬁnancial oﬀer", "financial offer"),
        ("café", "cafe\u0301"),
        ("STRASSE", "Straße"),
        ("\uff11\uff12\uff13", "123"),
        ("EUR 1,250,000.00", "EUR 1 250 000,00"),
        ("1,250,000", "a claim of 1.250.000 euros"),
    ],
)
def test_what_holds(quote: str, text: str) -> None:
    assert holds(quote, text)


@pytest.mark.parametrize(
    ("quote", "text"),
    [
        ("the loan is unsecured", "the loan is secured"),
        ("EUR 1,350,000", "EUR 1,250,000"),
        ("first part … last part", "first part and something between and last part"),
        ("one two", "two one"),
        ("", "anything"),
        ("—", "—"),
    ],
)
def test_what_does_not_hold(quote: str, text: str) -> None:
    assert not holds(quote, text)


def test_citations_that_hold_are_kept_and_the_others_noted() -> None:
    given_one, given_two = passage(1, "The loan is secured."), passage(2, "The loan is due.")
    told = draft(
        (str(UUID(int=1)), "the loan is secured"),
        (str(UUID(int=2)), "the loan is secured"),
        (str(UUID(int=3)), "the loan is secured"),
        ("the first one", "the loan is secured"),
    )
    [finding], notes = check([told], [given_one, given_two])
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
    [finding], notes = check([draft((f" {str(chunk_id).upper()} ", "secured"))], [passage(chunk_id=chunk_id)])
    assert (len(finding.citations), notes) == (1, [])


def test_a_finding_without_citations_is_noted_and_kept() -> None:
    findings, notes = check([draft((str(UUID(int=1)), "secured")), draft()], [passage(1)])
    assert len(findings) == 2
    assert [(note.finding, note.reason, note.quote) for note in notes] == [(1, "no_citation", "")]
