"""Scenarios: shocks of a market snapshot that apply together."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from events.model import Currency, CurrencyPair, Data, Date
from events.text import Identifier

MAX_SHOCKS = 1_000


class RateParallel(Data):
    """Every zero rate of one currency's curve, or of all, moved by `bp` basis points."""

    kind: Literal["rate_parallel"]
    bp: float
    currency: Currency | Literal["*"] = "*"


class RateNode(Data):
    """The zero rate at one pillar moved by `bp` basis points."""

    kind: Literal["rate_node"]
    currency: Currency
    pillar: Date
    bp: float


class CreditSpread(Data):
    """Every credit spread moved by `bp` basis points."""

    kind: Literal["credit_spread"]
    bp: float


class Fx(Data):
    """One spot multiplied by 1 + `relative`."""

    kind: Literal["fx"]
    pair: CurrencyPair
    relative: Annotated[float, Field(gt=-1)]


Shock = Annotated[RateParallel | RateNode | CreditSpread | Fx, Field(discriminator="kind")]


class Scenario(Data):
    """Shocks that apply together; none: the market as it is."""

    id: Identifier
    shocks: Annotated[list[Shock], Field(fail_fast=True, max_length=MAX_SHOCKS)] = Field(default_factory=list)
