"""How many tokens a text has, near enough: about what OpenAI's tokenisers find in English prose, never nothing."""

import re

PIECE = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")
WORD_BYTES = 6  # of a word, in one token
DIGITS = 3
REQUEST_BYTES = 4  # by which OpenAI estimates a whole request before it counts


def count(text: str) -> int:
    """Tokens of the text, at least 1."""
    return max(1, sum(_tokens_of(piece) for piece in PIECE.findall(text)))


def estimate(text: str) -> int:
    """What the limit of a request goes by: bytes, whatever they say."""
    return -(-len(text.encode()) // REQUEST_BYTES)


def _tokens_of(piece: str) -> int:
    if piece.isdecimal():
        return -(-len(piece) // DIGITS)
    return -(-len(piece.encode()) // WORD_BYTES)
