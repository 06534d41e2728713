"""What a budget pays for: a prompt, and an answer of a length that goes with it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from handlers.llm import Price

MILLION = 1_000_000
# More tokens than any model reads or writes.
UNBOUNDED = 2**31
# An answer that has to be shorter is hardly worth its prompt.
SHORTEST_ANSWER = 2_000


@dataclass(frozen=True, slots=True)
class Budget:
    """US dollars that are `left` for one question to a model at `price`, whose answer has at most `longest_answer` tokens.

    A prompt of up to `prompt_tokens` and an answer of `answer_tokens` of it cost no more than what is left.
    """

    left: Decimal
    price: Price
    longest_answer: int

    @property
    def prompt_tokens(self) -> int:
        """How long a prompt may be. Half of what is left is kept for the answer, at least enough for a short one."""
        half = payable(self.left / 2, self.price.output_usd)
        answer = min(self.longest_answer, max(SHORTEST_ANSWER, half))
        return payable(self.left - answer * self.price.output_usd / MILLION, self.price.input_usd)

    def answer_tokens(self, prompt_tokens: int) -> int:
        """How long the answer to a prompt of so many tokens may be: everything else is for it."""
        rest = self.left - prompt_tokens * self.price.input_usd / MILLION
        return min(self.longest_answer, payable(rest, self.price.output_usd))


def payable(usd: Decimal, price: Decimal) -> int:
    """How many tokens an amount pays for, where a million of them cost `price`; never more than `UNBOUNDED`."""
    if usd <= 0:
        return 0
    if usd * MILLION >= price * UNBOUNDED:
        return UNBOUNDED
    return int(usd * MILLION // price)
