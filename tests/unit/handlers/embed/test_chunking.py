"""Pages to chunks: nothing is lost, nothing is too long, every offset is right."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.embed.chunking import CHUNK_TOKENS, OVERLAP_TOKENS, _least_size, chunks_of, tokens_of
from handlers.embed.kinds import Kind
from handlers.embed.model import Chunk, Page
from handlers.embed.text import clean

WORDS = st.sampled_from(
    [
        "loan",
        " agreement",
        ".",
        "\n",
        "\n\n",
        "# ",
        "## Terms\n",
        "- ",
        "| a | b |\n|---|---|\n",
        "1,234.56",
        "\t",
        "```\n",
        "    ",
    ]
)
PROSE = st.lists(WORDS | st.text(max_size=5), max_size=40).map(lambda parts: clean("".join(parts) * 20))
KINDS = st.sampled_from([Kind.TEXT, Kind.MARKDOWN])


def chunks(text: str, kind: Kind = Kind.TEXT) -> list[Chunk]:
    return list(chunks_of([Page(1, "", text)], kind))


@settings(max_examples=150, deadline=None)
@given(st.lists(PROSE, max_size=3), KINDS)
def test_chunks_hold_every_letter_of_their_page_at_the_offsets_they_name(texts: list[str], kind: Kind) -> None:
    pages = [Page(number, "", text) for number, text in enumerate(texts, start=1)]
    found = list(chunks_of(pages, kind))
    assert [chunk.ordinal for chunk in found] == list(range(len(found)))
    assert [(chunk.page, chunk.start) for chunk in found] == sorted((chunk.page, chunk.start) for chunk in found)
    for page in pages:
        covered = {place for chunk in found if chunk.page == page.number for place in range(chunk.start, chunk.end)}
        assert [page.text[place] for place in set(range(len(page.text))) - covered if not page.text[place].isspace()] == []
    for chunk in found:
        assert pages[chunk.page - 1].text[chunk.start : chunk.end] == chunk.text
        assert chunk.text.strip()


@settings(max_examples=100, deadline=None)
@given(PROSE, KINDS)
def test_no_chunk_has_more_tokens_than_it_may_and_each_knows_how_many(text: str, kind: Kind) -> None:
    for chunk in chunks(text, kind):
        assert 1 <= chunk.tokens <= CHUNK_TOKENS
        assert chunk.tokens == _least_size(chunk.text)


@settings(max_examples=30, deadline=None)
@given(PROSE, KINDS)
def test_the_same_text_gives_the_same_chunks(text: str, kind: Kind) -> None:
    assert chunks(text, kind) == chunks(text, kind)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("a", 1),
        (" ", 1),
        ("hello world", 2),
        ("tiktoken is great!", 6),
        ("2 + 2 = 4", 7),
        ("antidisestablishmentarianism", 6),
        ("お誕生日おめでとう", 9),
        ("\N{GRINNING FACE}", 2),
    ],
)
def test_tokens_are_those_of_openai(text: str, tokens: int) -> None:
    """The counts that OpenAI's cookbook and tiktoken give for cl100k_base."""
    assert tokens_of(text) == tokens


@settings(max_examples=300, deadline=None)
@given(
    st.text(st.sampled_from("abZ09 '’\n\t.-_,é漢😀\u0301²½strllve"), min_size=1, max_size=60)
    | st.text(min_size=1).map(clean).filter(bool)
)
def test_the_tokens_of_words_add_up(text: str) -> None:
    assert tokens_of(text) == _least_size(text)


def test_neighbours_share_some_text_and_pages_share_none() -> None:
    text = " ".join(f"Sentence number {number} says little." for number in range(400))
    first, *rest = found = chunks(text)
    assert len(found) > 3
    for before, after in zip([first, *rest], rest, strict=False):
        assert before.start < after.start < before.end
        assert tokens_of(text[after.start : before.end]) <= OVERLAP_TOKENS
    across = list(chunks_of([Page(1, "", "one"), Page(2, "", "  \n "), Page(3, "", "three")], Kind.PDF))
    assert [(chunk.page, chunk.text) for chunk in across] == [(1, "one"), (3, "three")]


def test_a_chunk_ends_where_a_paragraph_does() -> None:
    paragraph = " ".join(["word"] * 300)
    assert [chunk.text for chunk in chunks(f"{paragraph}\n\n{paragraph}")] == [paragraph, paragraph]


def test_a_chunk_of_markdown_begins_with_its_heading() -> None:
    section = "\n".join(["A line of the section."] * 50)
    source = f"# One\n{section}\n# Two\n{section}"
    assert [chunk.text.split("\n")[0] for chunk in chunks(source, Kind.MARKDOWN)] == ["# One", "# Two"]
    assert [chunk.text.split("\n")[0] for chunk in chunks(source)] != ["# One", "# Two"]


@pytest.mark.parametrize(
    "number", ["1", "12", "123", "1234", "1234567", "1,234,567.89", "\t\t1234", " 1234", ".\n12345", "5½", "1234½"]
)
def test_the_tokens_of_numbers_add_up(number: str) -> None:
    for text in (number, f"total{number}", f"total {number} EUR", f"{number}%\t{number}\n"):
        assert tokens_of(text) == _least_size(text)
