"""Scenarios: shocks of a market snapshot that apply together."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from events.model import Currency, CurrencyPair, Data, Date, Tenor
from events.text import Identifier

MAX_SCENARIOS = 10_000
MAX_SHOCKS = 1_000

MAX_TENORS = 100

_UNITS = {"D": 1, "W": 7, "M": 1, "Y": 12}

# Larger ones would move what they shock to zero or past it.
Relative = Annotated[float, Field(gt=-1)]


class RateParallel(Data):
    """Every zero rate of one currency's curves, or of all, moved by `bp` basis points."""

    kind: Literal["rate_parallel"]
    bp: float
    currency: Currency | Literal["*"] = "*"


class RateNode(Data):
    """The zero rate at one pillar of a currency's curves moved by `bp` basis points."""

    kind: Literal["rate_node"]
    currency: Currency
    pillar: Date
    bp: float


class RateTriangle(Data):
    """Zero rates moved by `bp` basis points at `centre`, by less towards `left` and `right`, and not at all there.

    Without `left` everything before the centre moves by `bp`, without `right` everything after it.
    """

    kind: Literal["rate_triangle"]
    currency: Currency
    left: Date | None = None
    centre: Date
    right: Date | None = None
    bp: float

    @model_validator(mode="after")
    def _is_a_triangle(self) -> RateTriangle:
        if self.left is not None and self.left >= self.centre:
            raise ValueError("left must be before centre")
        if self.right is not None and self.right <= self.centre:
            raise ValueError("right must be after centre")
        return self


class RateTwist(Data):
    """Zero rates moved by `short_bp` at the first pillar, by `long_bp` at the last, by nothing at `pivot`, linearly between."""

    kind: Literal["rate_twist"]
    currency: Currency
    short_bp: float
    long_bp: float
    pivot: Date


def _check_tenors(tenors: dict[str, float]) -> dict[str, float]:
    """1Y and 12M are one day, which cannot move twice."""
    counts = {(tenor[-1] in "MY", int(tenor[:-1]) * _UNITS[tenor[-1]]) for tenor in tenors}
    if len(counts) < len(tenors):
        raise ValueError("must not have one tenor twice")
    return tenors


class RateTenors(Data):
    """Zero rates moved by so many basis points at tenors from the valuation date, linearly between, flat outside."""

    kind: Literal["rate_tenors"]
    currency: Currency
    bp: Annotated[dict[Tenor, float], Field(min_length=1, max_length=MAX_TENORS), AfterValidator(_check_tenors)]


class CreditSpread(Data):
    """Every credit spread moved by `bp` basis points; with `issuer` or `rating` the credit curves of that one."""

    kind: Literal["credit_spread"]
    bp: float
    issuer: Identifier | None = None
    rating: Identifier | None = None

    @model_validator(mode="after")
    def _has_one_name(self) -> CreditSpread:
        if self.issuer is not None and self.rating is not None:
            raise ValueError("must not have both issuer and rating")
        return self


def _check_one_size(relative: float | None, absolute: float | None) -> None:
    if (relative is None) == (absolute is None):
        raise ValueError("must have either relative or absolute")


class Fx(Data):
    """One spot multiplied by 1 + `relative`, or moved by `absolute`."""

    kind: Literal["fx"]
    pair: CurrencyPair
    relative: Relative | None = None
    absolute: float | None = None

    @model_validator(mode="after")
    def _has_one_size(self) -> Fx:
        _check_one_size(self.relative, self.absolute)
        return self


class Vol(Data):
    """Every volatility of one pair, or of all, multiplied by 1 + `relative`, or moved by `absolute`."""

    kind: Literal["vol"]
    pair: CurrencyPair | Literal["*"] = "*"
    relative: Relative | None = None
    absolute: float | None = None

    @model_validator(mode="after")
    def _has_one_size(self) -> Vol:
        _check_one_size(self.relative, self.absolute)
        return self


class EquityPrice(Data):
    """The price of one share, or of all, multiplied by 1 + `relative`."""

    kind: Literal["equity"]
    name: Identifier = "*"
    relative: Annotated[float, Field(ge=-1)]


Shock = Annotated[
    RateParallel | RateNode | RateTenors | RateTriangle | RateTwist | CreditSpread | Fx | Vol | EquityPrice,
    Field(discriminator="kind"),
]


class Scenario(Data):
    """Shocks that apply together; none: the market as it is."""

    id: Identifier
    shocks: Annotated[list[Shock], Field(fail_fast=True, max_length=MAX_SHOCKS)] = Field(default_factory=list)


def unique_scenarios(scenarios: list[Scenario]) -> list[Scenario]:
    """The scenarios, whose ids must differ; ValueError if they do not."""
    if len({scenario.id for scenario in scenarios}) < len(scenarios):
        raise ValueError("scenario ids must be unique")
    return scenarios
