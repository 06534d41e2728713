"""Pages to chunks of at most so many tokens."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from unicodedata import category

from semantic_text_splitter import MarkdownSplitter, TextSplitter

from handlers.embed.kinds import Kind
from handlers.embed.model import Chunk, Page

# The vocabulary of all of OpenAI's embedding models (cl100k_base); it is inside the splitter, nothing is downloaded.
TOKENIZER = "text-embedding-3-small"
CHUNK_TOKENS = 480
OVERLAP_TOKENS = 48
# What became chunks under another version is not taken for unchanged: raise it when reading or cutting gives other chunks.
CHUNKER_VERSION = "1"

_KNOWN_LENGTH = 64
_LONG_WORD = 16
# The places where the tokenizer never joins what stands on both sides: after a letter or digit and before neither, and before
# a digit that follows a sign or a single space. (What follows several spaces decides how they are joined.)
_words = re.compile(r"(?<=[^\W_])(?=\W)|(?<=[!-/:-~])(?=[0-9])|(?<=\S\s)(?=[0-9])").split
_DIGITS_A_TOKEN = 3


def chunks_of(pages: Iterable[Page], kind: Kind) -> Iterator[Chunk]:
    """The chunks of each page in turn; none crosses pages, none is blank.

    A chunk has at most CHUNK_TOKENS tokens, of which up to OVERLAP_TOKENS repeat the end of the one before. It ends at the
    largest boundary that fits: blank lines, lines, sentences, words; for Markdown headings and blocks before these.
    """
    ordinal = 0
    for page in pages:
        for start, text in _splitter(kind).chunk_indices(page.text):
            if text:
                yield Chunk(ordinal, page.number, start, start + len(text), text, tokens_of(text))
                ordinal += 1


def tokens_of(text: str) -> int:
    """How many tokens `text` has: the sum of its words' tokens. Words repeat themselves."""
    return sum(_tokens_of_word(word) if len(word) <= _KNOWN_LENGTH else _least_size(word) for word in _words(text))


@lru_cache(maxsize=1 << 16)
def _tokens_of_word(word: str) -> int:
    if word.isascii() and word.isdigit():
        return -(-len(word) // _DIGITS_A_TOKEN)
    return _least_size(word)


def _least_size(text: str) -> int:
    """The splitter tells only whether it would part a text: the least size at which it does not is the text's tokens.

    It never parts a single character, which is measured after another that is sure not to be joined with it.
    """
    if len(text) == 1:
        return _least_size(("a" if category(text)[0] == "N" else "0") + text) - 1
    low, high = 0, max(1, len(text) // _LONG_WORD)
    while not _fits(text, high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _fits(text, middle) else (middle, high)
    return high


def _fits(text: str, tokens: int) -> bool:
    return len(_measure(tokens).chunks(text)) <= 1


@cache
def _measure(tokens: int) -> TextSplitter:
    return TextSplitter.from_tiktoken_model(TOKENIZER, tokens, trim=False)


@cache
def _splitter(kind: Kind) -> TextSplitter | MarkdownSplitter:
    splitter = MarkdownSplitter if kind is Kind.MARKDOWN else TextSplitter
    return splitter.from_tiktoken_model(TOKENIZER, CHUNK_TOKENS, overlap=OVERLAP_TOKENS)
