"""What the tries of one call may cost together."""

from __future__ import annotations

from decimal import Decimal

from handlers.llm.model import Usage
from handlers.llm.prices import Prices

NOTHING = Decimal(0)


class Budget:
    """Allows another try as long as all of them stay within `usd`, however long its answer gets. Pure.

    `longest` are the most tokens that a try can take. One whose tokens nobody told has cost as much, as far as can be known.
    """

    def __init__(self, usd: Decimal | None, prices: Prices, model: str, longest: Usage) -> None:
        self.usd, self.prices, self.model, self.longest = usd, prices, model, longest
        self.spent = NOTHING

    def spend(self, usage: Usage) -> None:
        """Counts an answer; the next one reads as many tokens."""
        if usage.input_tokens:
            self.longest = Usage(usage.input_tokens, output_tokens=self.longest.output_tokens)
            self.spent += self.prices.cost(self.model, usage)
        else:
            self.spent += self.prices.cost(self.model, self.longest)

    def has_room(self) -> bool:
        """Whether another try can be paid for; the first one, and what repeats one that brought no answer, always can."""
        if self.usd is None or self.spent == NOTHING:
            return True
        return self.spent + self.prices.cost(self.model, self.longest) <= self.usd
