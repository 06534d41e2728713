"""What tokens cost. Source: OpenAI's price page, read 2026-11."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final, TypeAlias

from handlers.llm.model import Usage

Amount: TypeAlias = Decimal | float | int

MILLION: Final = 1_000_000
# What the ledger keeps of a dollar.
STEP: Final = Decimal("1e-10")

_without_date = re.compile(r"-\d{4}-\d{2}-\d{2}$")


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens: those a model reads, those of them it has read just before, those it writes."""

    input_usd: Decimal
    cached_usd: Decimal
    output_usd: Decimal


KNOWN: Final[Mapping[str, Price]] = MappingProxyType(
    {
        "text-embedding-3-small": Price(Decimal("0.02"), Decimal("0.02"), Decimal(0)),
        "text-embedding-3-large": Price(Decimal("0.13"), Decimal("0.13"), Decimal(0)),
        "gpt-5.4-mini": Price(Decimal("0.75"), Decimal("0.075"), Decimal("4.50")),
        "gpt-5.4": Price(Decimal("2.50"), Decimal("0.25"), Decimal("15.00")),
    }
)


def priced(
    model: str, *, input_usd: Amount | None = None, cached_usd: Amount | None = None, output_usd: Amount | None = None
) -> Price:
    """The price of a model where some of its amounts are given: the others are the known ones.

    A model that writes nothing has an `output_usd` of 0. Without a price of their own, cached tokens cost as much as
    others. Raises ValueError when an amount is neither given nor known.
    """
    known = _known(model)
    read = _amount(input_usd, None if known is None else known.input_usd)
    written = _amount(output_usd, None if known is None else known.output_usd)
    if read is None or written is None:
        missing = "input" if read is None else "output"
        raise ValueError(f"no price is known for the {missing} of the model {model!r}: say what a million tokens cost")
    cached = _amount(cached_usd, None if known is None or input_usd is not None else known.cached_usd)
    return Price(read, read if cached is None else cached, written)


class Prices:
    """The prices of models: the known ones, unless others are given."""

    def __init__(self, given: Mapping[str, Price] | None = None) -> None:
        self._given = dict(given or {})

    def of(self, model: str) -> Price:
        """Raises ValueError, in a line for whoever configures this, when the model has no price."""
        return self._given.get(model) or priced(model)

    def cost(self, model: str, usage: Usage) -> Decimal:
        """US dollars, to ten decimals. Raises ValueError as `of` does."""
        price = self.of(model)
        amount = (
            price.input_usd * (usage.input_tokens - usage.cached_tokens)
            + price.cached_usd * usage.cached_tokens
            + price.output_usd * usage.output_tokens
        )
        return (amount / MILLION).quantize(STEP)


def _known(model: str) -> Price | None:
    # A dated name is a snapshot of the model without the date, at the same price.
    return KNOWN.get(model) or KNOWN.get(_without_date.sub("", model))


def _amount(given: Amount | None, known: Decimal | None) -> Decimal | None:
    return known if given is None else Decimal(str(given))
