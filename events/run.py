"""Runs: a portfolio, a market, scenarios and measures in; totals and a count of errors out."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    StringConstraints,
    Tag,
    TypeAdapter,
)

from events.market import Market
from events.model import COLUMN_PATTERN, Count, Currency, Data, Date, Sha256, StoredObject, UuidText, one_form
from events.scenario import Scenario
from events.text import IDENTIFIER_LENGTH, Identifier, Timestamp

MAX_SCENARIOS = 10_000

Measure = Literal[
    "PV",
    "ACCRUED",
    "CLEAN_PRICE",
    "YTM",
    "MODIFIED_DURATION",
    "CONVEXITY",
    "Z_SPREAD",
    "DV01",
    "SPREAD_DV01",
    "CS01",
    "KRD",
    "FX_DELTA",
    "GAMMA",
    "VEGA",
    "THETA",
    "CASHFLOWS",
    "EXPECTED_LOSS",
]
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


class InlineMarket(Data):
    """The market snapshot in the event itself."""

    snapshot: Market


class MarketById(Data):
    """A market snapshot that was loaded for this client; `sha256` is that of its content."""

    snapshot_id: Identifier
    sha256: Sha256 | None = None


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


MAX_GROUP_COLUMNS = 8


def _unique_columns(columns: list[str]) -> list[str]:
    if len(set(columns)) < len(columns):
        raise ValueError("group_by must be unique")
    return columns


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
        one_form(inline="positions", stored="uri", loaded="portfolio_id"),
    ]
    market: Annotated[
        Annotated[InlineMarket, Tag("inline")] | Annotated[StoredObject, Tag("stored")] | Annotated[MarketById, Tag("loaded")],
        one_form(inline="snapshot", stored="uri", loaded="snapshot_id"),
    ]
    scenarios: Annotated[
        list[Scenario],
        Field(fail_fast=True, max_length=MAX_SCENARIOS),
        AfterValidator(_unique_scenarios),
        BeforeValidator(_base_if_none),
    ] = Field(default_factory=lambda: [Scenario(id="base")])
    measures: Annotated[list[Measure], Field(fail_fast=True, min_length=1), AfterValidator(_unique_measures)]
    group_by: Annotated[
        list[Annotated[str, StringConstraints(pattern=COLUMN_PATTERN)]],
        Field(fail_fast=True, max_length=MAX_GROUP_COLUMNS, description="Columns of the portfolio to sum by"),
        AfterValidator(_unique_columns),
    ] = Field(default_factory=list)


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
