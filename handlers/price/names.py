"""Names (of indices, issuers, ratings, shares) as numbers, so that arrays can hold and compare them.

A name's number comes from the name alone, so it is the same in every process and no table of names is kept. Numbers are
62 bits of BLAKE2b with the highest one set: among a million names the chance that any two meet is one in four million.
"""

from __future__ import annotations

from hashlib import blake2b

from handlers.price.currencies import currency_text, is_pair, pair_code, pair_currencies, parse_pair

# No name's number, and no curve's.
NOTHING = -1

_TOP = 1 << 61


def name_code(text: str) -> int:
    """A number for the name of an index or a share; that of a currency pair is its `pair_code`."""
    return pair_code(*parse_pair(text)) if is_pair(text) else _digest("name", text)


def issuer_code(text: str) -> int:
    """A number for an issuer, which is nothing else's."""
    return _digest("issuer", text)


def rating_code(text: str) -> int:
    """A number for a rating, which is nothing else's."""
    return _digest("rating", text)


def pair_text(code: int) -> str:
    """A currency pair as text."""
    base, quote = pair_currencies(code)
    return currency_text(base) + currency_text(quote)


def _digest(kind: str, text: str) -> int:
    digest = blake2b(text.encode(), digest_size=8, person=kind.encode())
    return int.from_bytes(digest.digest()) >> 3 | _TOP
