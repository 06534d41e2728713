"""Market snapshots: curves, spots, fixings, volatilities and prices at the end of one day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, Tag, model_validator

from events.model import Currency, CurrencyPair, Data, Date, one_form
from events.text import Identifier

MAX_CURVES = 200
MAX_PROJECTIONS = 500
MAX_CREDIT_CURVES = 5_000
MAX_SPOTS = 2_000
MAX_INDICES = 2_000
MAX_FIXINGS = 50_000
MAX_VOLS = 500
MAX_EQUITIES = 20_000
MAX_EXPIRIES = 200
MAX_DELTAS = 100

Interpolation = Literal["linear_zero", "log_linear_df", "flat_forward", "monotone_cubic_zero"]
Pillars = Annotated[list[Date], Field(fail_fast=True, min_length=1)]
Rates = Annotated[list[float], Field(fail_fast=True, min_length=1)]
Positive = Annotated[float, Field(gt=0)]


def _at_most(limit: int) -> BeforeValidator:
    """Bounds an object before its entries are read: Pydantic's own bound collects an error for each of them first."""

    def bounded(value: Any) -> Any:
        if isinstance(value, dict) and len(value) > limit:
            raise ValueError(f"must have at most {limit} entries")
        return value

    return BeforeValidator(bounded)


def _check_ascending(name: str, values: Sequence[Any]) -> None:
    if any(earlier >= later for earlier, later in pairwise(values)):
        raise ValueError(f"{name} must be strictly ascending")


def _check_pillars(pillars: list[date], name: str, rates: list[float]) -> None:
    if len(pillars) != len(rates):
        raise ValueError(f"{len(pillars)} pillars but {len(rates)} {name}")
    _check_ascending("pillars", pillars)


class Curve(Data):
    """Zero rates of one currency, as decimals, at strictly ascending pillars."""

    interpolation: Interpolation
    compounding: Literal["continuous"]
    day_count: Literal["ACT/365F"]
    pillars: Pillars
    zero_rates: Rates

    @model_validator(mode="after")
    def _is_a_curve(self) -> Curve:
        _check_pillars(self.pillars, "zero_rates", self.zero_rates)
        return self


class ProjectionCurve(Curve):
    """Zero rates from which the forward rates of one index follow; rate shocks of its currency move it too."""

    currency: Currency


class CreditCurve(Data):
    """What the market asks for credit risk, as continuous rates at strictly ascending pillars, time being ACT/365F.

    `spread`: what is added to zero rates; `hazard`: zero hazard rates, so that exp(-rate · t) is the chance to survive until t.
    """

    kind: Literal["spread", "hazard"]
    interpolation: Interpolation
    pillars: Pillars
    rates: Rates

    @model_validator(mode="after")
    def _is_a_curve(self) -> CreditCurve:
        _check_pillars(self.pillars, "rates", self.rates)
        return self


class IssuerCurve(CreditCurve):
    """One issuer's; shocks of its `rating` move it too."""

    rating: Identifier | None = None


class CreditCurves(Data):
    """By issuer and by rating; an issuer's own curve goes before its rating's."""

    issuers: Annotated[dict[Identifier, IssuerCurve], _at_most(MAX_CREDIT_CURVES)] = Field(default_factory=dict)
    ratings: Annotated[dict[Identifier, CreditCurve], _at_most(MAX_CREDIT_CURVES)] = Field(default_factory=dict)


class FlatVol(Data):
    """One volatility (annual, lognormal) for every strike and expiry."""

    flat: Positive


class VolSurface(Data):
    """Volatilities by expiry (rows) and forward delta of the call (columns), both strictly ascending."""

    expiries: Annotated[list[Date], Field(fail_fast=True, min_length=1, max_length=MAX_EXPIRIES)]
    deltas: Annotated[list[Annotated[float, Field(gt=0, lt=1)]], Field(fail_fast=True, min_length=1, max_length=MAX_DELTAS)]
    vols: Annotated[
        list[Annotated[list[Positive], Field(fail_fast=True, max_length=MAX_DELTAS)]],
        Field(fail_fast=True, max_length=MAX_EXPIRIES),
    ]

    @model_validator(mode="after")
    def _is_a_surface(self) -> VolSurface:
        _check_ascending("expiries", self.expiries)
        _check_ascending("deltas", self.deltas)
        if len(self.vols) != len(self.expiries):
            raise ValueError(f"{len(self.expiries)} expiries but {len(self.vols)} rows of vols")
        for expiry, row in zip(self.expiries, self.vols, strict=True):
            if len(row) != len(self.deltas):
                raise ValueError(f"{len(self.deltas)} deltas but {len(row)} vols at {expiry}")
        return self


FxVol = Annotated[Annotated[FlatVol, Tag("one")] | Annotated[VolSurface, Tag("surface")], one_form(one="flat", surface="vols")]
Fixings = Annotated[dict[Date, float], _at_most(MAX_FIXINGS)]


class Equity(Data):
    """The price of one share."""

    currency: Currency
    price: Annotated[float, Field(ge=0)]


class Market(Data):
    """One discount curve per currency, spots (`fx_spot["EURUSD"]` is USD for 1 EUR), and what other products need.

    Projection curves go by the name of their index, as do fixings, those of a currency pair by the pair.
    """

    snapshot_id: Identifier
    as_of: Date
    curves: Annotated[dict[Currency, Curve], _at_most(MAX_CURVES)]
    fx_spot: Annotated[dict[CurrencyPair, Positive], _at_most(MAX_SPOTS)]
    projection_curves: Annotated[dict[Identifier, ProjectionCurve], _at_most(MAX_PROJECTIONS)] = Field(default_factory=dict)
    credit_curves: CreditCurves = Field(default_factory=CreditCurves)
    fixings: Annotated[dict[Identifier, Fixings], _at_most(MAX_INDICES)] = Field(default_factory=dict)
    fx_vols: Annotated[dict[CurrencyPair, FxVol], _at_most(MAX_VOLS)] = Field(default_factory=dict)
    equities: Annotated[dict[Identifier, Equity], _at_most(MAX_EQUITIES)] = Field(default_factory=dict)
