"""Texts as unit vectors by hashed word n-grams: the more words and pairs of words two texts share, the nearer they are."""

import base64
import math
import re
import struct
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise

WORD = re.compile(r"\w+")
PLACES = 4  # dimensions that one n-gram goes to, so that a collision in one of them says little
PAIR_WEIGHT = 0.5
COMMON_WEIGHT = 0.1
COMMON = frozenset(
    WORD.findall(
        "a an and are as at be been but by can could did do does for from had has have he how if in into is it its may more no "
        "not of on or our shall she should so such than that the their there these they this those to under up was we were "
        "what when where which who will with would you your"
    )
)


def embed(text: str, dimensions: int) -> list[float]:
    """The vector of a text, of length 1; the same for the same text wherever and whenever it is asked for."""
    vector = [0.0] * dimensions
    for gram, weight in _weights(text).items():
        for place in _places(gram):
            vector[(place >> 1) % dimensions] += weight if place & 1 else -weight
    length = math.sqrt(sum(value * value for value in vector))
    if length == 0.0:
        return [1.0] + [0.0] * (dimensions - 1)
    return [value / length for value in vector]


def as_base64(vector: Sequence[float]) -> str:
    """Little-endian 32-bit floats, as the API encodes them."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _weights(text: str) -> dict[str, float]:
    words = [_singular(word) for word in WORD.findall(text.casefold())] or [text]
    found = {word: _often(times) * (COMMON_WEIGHT if word in COMMON else 1.0) for word, times in Counter(words).items()}
    pairs = Counter(f"{one} {other}" for one, other in pairwise(words) if one not in COMMON or other not in COMMON)
    return found | {pair: _often(times) * PAIR_WEIGHT for pair, times in pairs.items()}


def _often(times: int) -> float:
    return 1.0 + math.log(times)


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


@lru_cache(maxsize=1 << 17)
def _places(gram: str) -> tuple[int, ...]:
    return struct.unpack(f"<{PLACES}I", blake2b(gram.encode("utf-8", "surrogatepass"), digest_size=4 * PLACES).digest())
