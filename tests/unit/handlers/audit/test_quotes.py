from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from handlers.audit.quotes import folded, holds

# Neither letters nor digits, and what PDFs and models do to them.
SEPARATORS = [" ", "\n", "\t", "\u00a0", " \u00ad", "\u200b ", "-\n", "–", "’", "“", ", ", ". ", "… ", "|", "\r\n", "*"]
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=80)
WORDS = st.text(st.characters(codec="utf-8", categories=["L"]), min_size=1, max_size=12)
# Each another figure than all others, with no mark or sign at an end that would be the next one's.
FIGURES = st.sampled_from(
    ["5", "50", "5.0", "500", "3", "3.50", "35", "1,250", "12.5", "125", "1,250,000", "12,500,000", "2026"]
)
EVIDENCE = """\
The borrower’s net debt was EUR 15,000,000 at year end, of which EUR 1,250,000 was claimed.
1200 Trade receivables 1284300 1242100
1300 Cash | 284 | 300
A loss of 50 million, a profit of EUR -3 million, a result of (4,125) and −$12 of interest in 2025–2026.
A rate of 3.50 %, 10² units, 5½ shares, a claim of 1'250'000 and one of 7 250 000; a ratio of 1.250.
See note 12 250 of a repay-
ment of 12.5 on 31.12.2026 by the guar\u00adantor, see 4a.
借款人应分十二期等额偿还贷款。
"""


@given(
    st.lists(
        st.sampled_from(["covenant", "loan", "café", "cafe\u0301", "Straße", "repay\u00adment", "of", "借款人"]), min_size=8
    ),
    st.data(),
)
def test_a_part_of_a_text_holds_from_word_to_word_and_from_nowhere_else(words: list[str], data: st.DataObject) -> None:
    text = "".join(word + data.draw(st.sampled_from([" ", ", ", "\n", " – ", "-\n", ".\t"])) for word in words)
    cuts = [place for place, each in enumerate(text) if not each.isalnum() and each not in "\u00ad\u0301"]
    start, end = data.draw(st.sampled_from(cuts[:2])), data.draw(st.sampled_from(cuts[-3:]))
    quote = text[start:end].strip(" ,\n\t–-.")
    assert holds(quote, text)
    assert holds(quote, f"xx{quote}") == quote.startswith("借")
    assert holds(quote, f"{quote}xx") == quote.endswith("人")


@given(st.lists(WORDS, min_size=1, max_size=12), st.data())
def test_a_quote_holds_whatever_became_of_its_spaces_and_punctuation(words: list[str], data: st.DataObject) -> None:
    assume(any(map(folded, words)))
    separators = st.lists(st.sampled_from(SEPARATORS), min_size=len(words), max_size=len(words))
    text, quote = ("".join(word + mark for word, mark in zip(words, data.draw(separators), strict=True)) for _ in range(2))
    assert holds(quote, text)
    assert holds(quote.upper(), text) or folded(quote.upper()) != folded(quote)


@given(FIGURES, FIGURES, st.sampled_from(["a loss of {} was booked", "{} were lost by then", "what was lost is {}"]))
def test_a_figure_holds_where_the_text_has_that_figure(one: str, other: str, sentence: str) -> None:
    assert holds(sentence.format(one), f"As told, {sentence.format(other)}.") == (one == other)


@given(FIGURES, FIGURES)
def test_a_figure_at_an_end_of_a_quote_is_the_whole_figure(one: str, other: str) -> None:
    assert holds(f"interest paid was {one}", f"The interest paid was {other} in all.") == (one == other)
    assert holds(f"{one} was the interest", f"Some {other} was the interest.") == (one == other)


@given(st.lists(FIGURES, min_size=2, max_size=6), st.data())
def test_a_row_of_figures_holds_as_its_cells_and_no_other_row_does(row: list[str], data: st.DataObject) -> None:
    others = data.draw(st.lists(FIGURES, min_size=len(row), max_size=len(row)))
    told, quote = "Receivables | " + " | ".join(row), "Receivables ; " + " ; ".join(others)
    assert holds(quote, f"Cash | 1\n{told}\nDebt | 2") == (row == others)


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


@given(TEXTS, TEXTS)
def test_any_texts_can_be_compared_and_what_holds_is_in_the_text(quote: str, text: str) -> None:
    assert not holds(quote, text) or folded(quote) in folded(text)
    assert holds(text, text) == bool(folded(text))


@given(st.text(" .,;:-–—…\n\t\u200b\u0301'\"«»()[]€$%&*", max_size=20), TEXTS)
def test_a_quote_without_letters_and_digits_holds_nowhere(quote: str, text: str) -> None:
    assert not holds(quote, text)
    assert not holds(quote, quote)


@pytest.mark.parametrize(
    "quote",
    [
        'The borrower\'s "net debt" was EUR 15.000.000',
        "EUR 15,000,000 at year end, of which EUR 1 250 000 was claimed",
        "1200 Trade receivables 1284300 1242100",
        "Trade receivables  1284300",
        "| 1200 | Trade receivables | 1284300 |",
        "1300 Cash 284 300",
        "A loss of 50 million",
        "a profit of EUR –3 million",
        "a result of (4,125) and -$12 of interest in 2025-2026",
        "of interest in 2025 – 2026",
        "A rate of 3,50%, 10² units",
        "5 1/2 shares, a claim of 1,250,000",
        "one of 7250000; a ratio of 1.250",
        "note 12 250 of a repayment of 12.5",
        "on 31.12.2026 by the guarantor",
        "see 4a. 借款人应分十二期",
        "分十二期等额偿还贷款",
    ],
)
def test_what_the_evidence_says(quote: str) -> None:
    assert holds(quote, EVIDENCE)


@pytest.mark.parametrize(
    "quote",
    [
        "5,000,000 at year end",
        "000,000 at year end",
        "of which EUR 1,250",
        "of which EUR 1",
        "of which EUR 1250,000.0 was claimed",
        "Trade receivables 128430",
        "Trade receivables 1284300 124",
        "Trade receivables 12843001242100",
        "00 Trade receivables",
        "1300 Cash 284300",
        "1300 Cash 284,300",
        "A loss of 5.0",
        "A loss of 5.0 million",
        "A loss of 5",
        "a profit of EUR 3",
        "a profit of EUR 3 million",
        "3 million, a result",
        "a result of 4,125",
        "a result of -4,125",
        "12 of interest in 2025",
        "of interest in 20252026",
        "A rate of 3",
        "A rate of 3.5",
        "A rate of 350 %",
        "50 %, 10² units",
        "102 units",
        "512 shares, a claim",
        "a claim of 1'250",
        "250'000 and one of",
        "one of 7 250",
        "one of 7",
        "250 000; a ratio",
        "a ratio of 1250",
        "a ratio of 1,250",
        "note 12250 of a repayment",
        "note 12,250 of a repayment",
        "see note 12",
        "10² units, 5 1",
        "on 31.12",
        "antor, see 4a",
        "the guaranto",
        "orrower’s net debt",
        "二期等额偿还贷款",
    ],
)
def test_what_the_evidence_does_not_say(quote: str) -> None:
    assert not holds(quote, EVIDENCE)


@pytest.mark.parametrize(
    ("quote", "text"),
    [
        ("ﬁnancial oﬀer", "financial offer"),
        ("café", "cafe\u0301"),
        ("STRASSE", "Straße"),
        ("\uff11\uff12\uff13", "123"),
        ("EUR 1,250,000.00", "EUR 1 250 000,00"),
        ("a sum of 1.250,00", "a sum of 1,250.00"),
        ("a sum of 1.250,125", "a sum of 1,250.125"),
        ("3.500 and more", "sums of 5,12 3.500 and more"),
    ],
)
def test_what_is_the_same_in_other_characters(quote: str, text: str) -> None:
    assert holds(quote, text)


@pytest.mark.parametrize("text", ["EUR 7", "Cash | EUR 7 | EUR 8", "Cash\nEUR 7\nDebt", "Cash\tEUR 7.\r\n"])
def test_a_short_quote_holds_as_a_whole_cell_or_line(text: str) -> None:
    assert holds("EUR 7", text)


@pytest.mark.parametrize("text", ["It owes EUR 7", "EUR 7 is due", "Cash | EUR 7 each", "a EUR 7 b"])
def test_a_short_quote_does_not_hold_within_a_line(text: str) -> None:
    assert not holds("EUR 7", text)
    assert not holds("e", text)


@pytest.mark.parametrize(
    ("quote", "text"),
    [
        ("the loan is unsecured", "the loan is secured"),
        ("first part … last part", "first part and something between and last part"),
        ("a loss of 5", "a loss of 5万"),
        ("a loss of EUR 1,250", "a loss of EUR 1'250"),
        ("nothing like that", ""),
        ("", "anything"),
        ("—", "—"),
    ],
)
def test_what_does_not_hold(quote: str, text: str) -> None:
    assert not holds(quote, text)
