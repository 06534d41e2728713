"""Runs: a portfolio, a market, scenarios and measures in; totals and a count of errors out."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    PlainValidator,
    Tag,
    TypeAdapter,
    model_validator,
)

from events.model import Count, Currency, CurrencyPair, Data, Date, Sha256, StoredObject, UuidText
from events.text import IDENTIFIER_LENGTH, Identifier, Timestamp

MAX_SCENARIOS = 10_000
MAX_SHOCKS = 1_000
MAX_CURVES = 200
MAX_SPOTS = 2_000

Measure = Literal["PV", "ACCRUED", "DV01", "CS01", "KRD", "FX_DELTA"]
RunStatus = Literal["completed", "partial", "failed", "cancelled", "superseded"]
RunFailureCode = Literal[
    "portfolio_not_found",
    "portfolio_unreadable",
    "market_not_found",
    "market_unreadable",
    "checksum_mismatch",
    "forbidden_uri",
    "too_large",
    "run_not_found",
    "kills_worker",
    "internal",
]


class PositionRef(Data):
    """The one field of a position that the event model asks for; the pricers judge the rest, position by position."""

    position_id: Identifier


_position_refs = TypeAdapter(Annotated[list[PositionRef], Field(fail_fast=True)])


def _checked_positions(value: Any) -> list[dict[str, Any]]:
    """The positions as received; the models are built only to say what is wrong, as they take fifty times as long."""
    if not (type(value) is list and all(map(_has_position_id, value))):
        _position_refs.validate_python(value)
    return value  # type: ignore[no-any-return]


def _has_position_id(position: Any) -> bool:
    if type(position) is not dict:
        return False
    name = position.get("position_id")
    return type(name) is str and 0 < len(name) <= IDENTIFIER_LENGTH and name.isprintable()


class InlinePortfolio(Data):
    """Positions in the event itself, each a JSON object as received."""

    positions: Annotated[list[dict[str, Any]], PlainValidator(_checked_positions, json_schema_input_type=list[PositionRef])]


class PortfolioById(Data):
    """A portfolio that was loaded for this client; `sha256` is that of its content."""

    portfolio_id: Identifier
    sha256: Sha256 | None = None


class Curve(Data):
    """Zero rates of one currency, as decimals, at strictly ascending pillars."""

    interpolation: Literal["linear_zero"]
    compounding: Literal["continuous"]
    day_count: Literal["ACT/365F"]
    pillars: Annotated[list[Date], Field(fail_fast=True, min_length=1)]
    zero_rates: Annotated[list[float], Field(fail_fast=True, min_length=1)]

    @model_validator(mode="after")
    def _is_a_curve(self) -> Curve:
        if len(self.pillars) != len(self.zero_rates):
            raise ValueError(f"{len(self.pillars)} pillars but {len(self.zero_rates)} zero_rates")
        if any(earlier >= later for earlier, later in pairwise(self.pillars)):
            raise ValueError("pillars must be strictly ascending")
        return self


def _at_most(limit: int) -> BeforeValidator:
    """Bounds an object before its entries are read: Pydantic's own bound collects an error for each of them first."""

    def bounded(value: Any) -> Any:
        if isinstance(value, dict) and len(value) > limit:
            raise ValueError(f"must have at most {limit} entries")
        return value

    return BeforeValidator(bounded)


class Market(Data):
    """One discount curve per currency, and spots: `fx_spot["EURUSD"]` is USD for 1 EUR."""

    snapshot_id: Identifier
    as_of: Date
    curves: Annotated[dict[Currency, Curve], _at_most(MAX_CURVES)]
    fx_spot: Annotated[dict[CurrencyPair, Annotated[float, Field(gt=0)]], _at_most(MAX_SPOTS)]


class InlineMarket(Data):
    """The market snapshot in the event itself."""

    snapshot: Market


class MarketById(Data):
    """A market snapshot that was loaded for this client; `sha256` is that of its content."""

    snapshot_id: Identifier
    sha256: Sha256 | None = None


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


def _has(value: Any, name: str) -> bool:
    return (value.get(name) if isinstance(value, dict) else getattr(value, name, None)) is not None


def _form(**names: str) -> Discriminator:
    """Tells the forms of a thing by the one name that each of them has; several or none of the names is an error."""

    def form(value: Any) -> str | None:
        forms = [tag for tag, name in names.items() if _has(value, name)]
        return forms[0] if len(forms) == 1 else None

    message = f"must have one of {', '.join(names.values())}"
    return Discriminator(form, custom_error_type="one_form", custom_error_message=message)


def _base_if_none(value: Any) -> Any:
    return [Scenario(id="base")] if value is None or value == [] else value


def _unique_scenarios(scenarios: list[Scenario]) -> list[Scenario]:
    if len({scenario.id for scenario in scenarios}) < len(scenarios):
        raise ValueError("scenario ids must be unique")
    return scenarios


def _unique_measures(measures: list[Measure]) -> list[Measure]:
    if len(set(measures)) < len(measures):
        raise ValueError("measures must be unique")
    return measures


class RunRequested(Data):
    """run.requested.v1: price this portfolio in this market, under each scenario, by each measure."""

    key_fields: ClassVar[tuple[str, ...]] = ("run_id",)

    run_id: UuidText
    valuation_date: Date
    reporting_currency: Currency = "USD"
    portfolio: Annotated[
        Annotated[InlinePortfolio, Tag("inline")]
        | Annotated[StoredObject, Tag("stored")]
        | Annotated[PortfolioById, Tag("loaded")],
        _form(inline="positions", stored="uri", loaded="portfolio_id"),
    ]
    market: Annotated[
        Annotated[InlineMarket, Tag("inline")] | Annotated[StoredObject, Tag("stored")] | Annotated[MarketById, Tag("loaded")],
        _form(inline="snapshot", stored="uri", loaded="snapshot_id"),
    ]
    scenarios: Annotated[
        list[Scenario],
        Field(fail_fast=True, max_length=MAX_SCENARIOS),
        AfterValidator(_unique_scenarios),
        BeforeValidator(_base_if_none),
    ] = Field(default_factory=lambda: [Scenario(id="base")])
    measures: Annotated[list[Measure], Field(fail_fast=True, min_length=1), AfterValidator(_unique_measures)]


class RunFailure(Data):
    """Why there are no rows."""

    code: RunFailureCode
    message: str


class RunCompleted(Data):
    """run.completed.v1: the end of a run.

    `partial`: at least one row has an error; `failed`: there are no rows. `errors` counts rows with an error. `totals`
    are sums in the reporting currency by measure and scenario; null where a conversion is missing.
    """

    run_id: UuidText
    status: RunStatus
    positions: Count
    errors: Count
    scenarios: list[str]
    measures: list[Measure]
    totals: dict[Measure, dict[str, float | None]]
    failure: RunFailure | None = None
    input_sha256: Sha256 | None
    pricer_version: str
    started_at: Timestamp
    completed_at: Timestamp
