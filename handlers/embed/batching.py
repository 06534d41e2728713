"""Texts to requests under the API's limits, and what a request cost to its texts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from hashlib import sha256

# Source: OpenAI's API reference, "Create embeddings". A request is measured before its tokens are counted, by its bytes: a
# text counts for what it has more of, at three bytes a token, and a tenth of the room is left. The API would take 2,048 texts:
# what a worker holds of answers would be four times as much, and of chunks that are full no more than 600 fit anyway.
MAX_INPUTS = 512
REQUEST_TOKENS = 270_000
BYTES_A_TOKEN = 3

# What the tables keep of a dollar.
COST_DIGITS = 10
COST_STEP = Decimal(1).scaleb(-COST_DIGITS)


@dataclass(frozen=True, slots=True)
class ChunkText:
    """A text to embed, the sha256 of its UTF-8, and how many tokens it has."""

    content_sha256: bytes
    text: str
    tokens: int

    @classmethod
    def of(cls, text: str, tokens: int) -> ChunkText:
        """The text with its hash."""
        return cls(sha256(text.encode()).digest(), text, tokens)

    @property
    def weight(self) -> int:
        """What the text counts for in a request, in tokens."""
        return max(self.tokens, -(-len(self.text.encode()) // BYTES_A_TOKEN))


def requests_of(weights: Sequence[int], max_inputs: int = MAX_INPUTS, max_weight: int = REQUEST_TOKENS) -> Iterator[range]:
    """The places of the texts of each request, in order: as many as the limits allow; one that is over them goes alone."""
    first = total = 0
    for place, weight in enumerate(weights):
        if place > first and (place - first == max_inputs or total + weight > max_weight):
            yield range(first, place)
            first, total = place, 0
        total += weight
    if first < len(weights):
        yield range(first, len(weights))


def shares_of(total: int, weights: Sequence[int]) -> list[int]:
    """`total` shared out by weight in whole numbers, exactly: each gets its part, rounded up or down.

    Where all weights are 0 they count as equal. Raises ValueError when there is something to share and nobody to have it.
    """
    if total and not weights:
        raise ValueError("nobody is there to share with")
    weights = weights if any(weights) else [1] * len(weights)
    # Each gets what the running total, rounded down, gains by it: neither order nor rounding loses anything.
    shares, run, given, whole = [], 0, 0, sum(weights)
    for weight in weights:
        run += weight
        shares.append(total * run // whole - given)
        given += shares[-1]
    return shares


def cost_shares_of(total: Decimal, weights: Sequence[int]) -> list[Decimal]:
    """A cost in dollars shared out by weight, exactly, in steps that the tables can keep; the total is rounded to one."""
    steps = int(total.quantize(COST_STEP, ROUND_HALF_EVEN).scaleb(COST_DIGITS))
    return [Decimal(share).scaleb(-COST_DIGITS) for share in shares_of(steps, weights)]


def total_cost(costs: Iterable[Decimal]) -> Decimal:
    """The sum of costs, with the digits that the tables keep."""
    return sum(costs, Decimal()).quantize(COST_STEP)
