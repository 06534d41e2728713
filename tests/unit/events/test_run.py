from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from events.event import Event
from events.failures import Rejection
from events.model import StoredObject
from events.run import InlineMarket, InlinePortfolio, RunCompleted, RunRequested
from events.scenario import (
    CreditSpread,
    EquityPrice,
    Fx,
    RateNode,
    RateParallel,
    RateTenors,
    RateTriangle,
    RateTwist,
    Scenario,
    Vol,
)

Decoded = Callable[[dict[str, Any]], Event]


def test_a_run_is_read_as_it_was_said(run: dict[str, Any]) -> None:
    request = RunRequested.model_validate(run)
    assert (request.run_id, request.valuation_date, request.reporting_currency) == (run["run_id"], date(2026, 1, 15), "USD")
    assert request.natural_key() == run["run_id"]
    assert isinstance(request.market, InlineMarket)
    assert request.market.snapshot.curves["USD"].pillars == [date(2026, 1, 15), date(2027, 1, 15)]
    assert request.measures == ["PV", "DV01"]


def test_positions_are_kept_as_received(run: dict[str, Any]) -> None:
    portfolio = RunRequested.model_validate(run).portfolio
    assert isinstance(portfolio, InlinePortfolio)
    assert portfolio.positions is run["portfolio"]["positions"]


def test_a_portfolio_and_a_market_can_be_objects_in_the_store(run: dict[str, Any]) -> None:
    sha256 = "AB" * 32
    places = {"portfolio": {"uri": "books/credit.parquet", "sha256": sha256}, "market": {"uri": "eod.json", "snapshot": None}}
    request = RunRequested.model_validate(run | places)
    assert request.portfolio == StoredObject(uri="books/credit.parquet", sha256=sha256.lower())
    assert request.market == StoredObject(uri="eod.json")


def test_a_run_id_is_told_in_lower_case(run: dict[str, Any]) -> None:
    assert RunRequested.model_validate(run | {"run_id": run["run_id"].upper()}).run_id == run["run_id"]


@pytest.mark.parametrize("changes", [{}, {"scenarios": None}, {"scenarios": []}])
def test_without_scenarios_there_is_the_one_called_base(run: dict[str, Any], changes: dict[str, Any]) -> None:
    assert RunRequested.model_validate(run | changes).scenarios == [Scenario(id="base", shocks=[])]


SHOCKS = [
    (
        {"kind": "rate_parallel", "bp": 100},
        RateParallel(kind="rate_parallel", bp=100.0, currency="*"),
    ),
    (
        {"kind": "rate_parallel", "bp": -100.5, "currency": "USD"},
        RateParallel(kind="rate_parallel", bp=-100.5, currency="USD"),
    ),
    (
        {"kind": "rate_node", "currency": "USD", "pillar": "2031-01-15", "bp": 25},
        RateNode(kind="rate_node", currency="USD", pillar=date(2031, 1, 15), bp=25.0),
    ),
    (
        {"kind": "credit_spread", "bp": 100},
        CreditSpread(kind="credit_spread", bp=100.0),
    ),
    (
        {"kind": "rate_tenors", "currency": "USD", "bp": {"1Y": 1, "10Y": -2.5}},
        RateTenors(kind="rate_tenors", currency="USD", bp={"1Y": 1.0, "10Y": -2.5}),
    ),
    (
        {"kind": "rate_triangle", "currency": "USD", "left": "2030-01-15", "centre": "2031-01-15", "bp": 25},
        RateTriangle(
            kind="rate_triangle", currency="USD", left=date(2030, 1, 15), centre=date(2031, 1, 15), right=None, bp=25.0
        ),
    ),
    (
        {"kind": "rate_twist", "currency": "USD", "short_bp": -10, "long_bp": 20, "pivot": "2031-01-15"},
        RateTwist(kind="rate_twist", currency="USD", short_bp=-10.0, long_bp=20.0, pivot=date(2031, 1, 15)),
    ),
    (
        {"kind": "credit_spread", "bp": 100, "issuer": "ACME"},
        CreditSpread(kind="credit_spread", bp=100.0, issuer="ACME"),
    ),
    (
        {"kind": "fx", "pair": "EURUSD", "relative": 0.1},
        Fx(kind="fx", pair="EURUSD", relative=0.1),
    ),
    (
        {"kind": "fx", "pair": "EURUSD", "absolute": -0.1},
        Fx(kind="fx", pair="EURUSD", absolute=-0.1),
    ),
    (
        {"kind": "vol", "pair": "EURUSD", "absolute": 0.01},
        Vol(kind="vol", pair="EURUSD", absolute=0.01),
    ),
    (
        {"kind": "equity", "name": "AAPL", "relative": -1},
        EquityPrice(kind="equity", name="AAPL", relative=-1.0),
    ),
]


def test_every_kind_of_shock_is_understood(run: dict[str, Any]) -> None:
    raw = [shock for shock, _ in SHOCKS]
    [scenario] = RunRequested.model_validate(run | {"scenarios": [{"id": "s", "shocks": raw}]}).scenarios
    assert scenario.shocks == [understood for _, understood in SHOCKS]


TENORS = {"kind": "rate_tenors", "currency": "USD"}
TRIANGLE = {"kind": "rate_triangle", "currency": "USD", "centre": "2031-01-15", "bp": 1}


def with_shock(**shock: Any) -> dict[str, Any]:
    return {"scenarios": [{"id": "s", "shocks": [shock]}]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"run_id": "0197"}, "data.run_id: must be a UUID"),
        ({"run_id": "{01970000-0000-7000-8000-00000000000a}"}, "data.run_id: must be a UUID"),
        ({"valuation_date": 20260115}, "data.valuation_date: must be a date such as 2026-01-15"),
        ({"valuation_date": "20260115"}, "data.valuation_date: must be a date such as 2026-01-15"),
        ({"valuation_date": "2026-W03-4"}, "data.valuation_date: must be a date such as 2026-01-15"),
        ({"valuation_date": "2026-02-30"}, "data.valuation_date: must be a date such as 2026-01-15"),
        ({"valuation_date": "2026-01-15T00:00:00"}, "data.valuation_date: must be a date such as 2026-01-15"),
        ({"reporting_currency": "usd"}, "data.reporting_currency: must be a currency such as USD"),
        ({"portfolio": {}}, "data.portfolio: must have one of positions, uri"),
        ({"portfolio": {"positions": [], "uri": "a"}}, "data.portfolio: must have one of positions, uri"),
        ({"portfolio": [1]}, "data.portfolio: must have one of positions, uri"),
        ({"portfolio": {"positions": {}}}, "data.portfolio.positions: must be an array"),
        ({"portfolio": {"positions": [1]}}, "data.portfolio.positions[0]: must be an object"),
        (
            {"portfolio": {"positions": [{"position_id": "a"}, {}]}},
            "data.portfolio.positions[1].position_id: field required",
        ),
        (
            {"portfolio": {"positions": [{"position_id": 7}]}},
            "data.portfolio.positions[0].position_id: input should be a valid string",
        ),
        (
            {"portfolio": {"positions": [{"position_id": "a\x00"}]}},
            "data.portfolio.positions[0].position_id: must be 1 to 256 printable characters",
        ),
        ({"portfolio": {"uri": ""}}, "data.portfolio.uri: string should have at least 1 character"),
        ({"portfolio": {"uri": "a\x00b"}}, "data.portfolio.uri: must not contain the NUL character"),
        ({"portfolio": {"uri": "a", "sha256": "ab"}}, "data.portfolio.sha256: must be 64 hexadecimal digits"),
        ({"market": {"snapshot": {"snapshot_id": "a"}}}, "data.market.snapshot.as_of: field required (and 2 more)"),
        ({"scenarios": {}}, "data.scenarios: must be an array"),
        ({"scenarios": [{"id": "a"}, {"id": "a"}]}, "data.scenarios: scenario ids must be unique"),
        ({"scenarios": [{"id": "a\n"}]}, "data.scenarios[0].id: must be 1 to 256 printable characters"),
        ({"scenarios": [{"id": str(n)} for n in range(10_001)]}, "data.scenarios: list should have at most 10000 items"),
        (with_shock(), "data.scenarios[0].shocks[0]: must have 'kind'"),
        (with_shock(kind="rho"), "data.scenarios[0].shocks[0]: input tag 'rho' found using 'kind' does not match"),
        (with_shock(kind="vol"), "data.scenarios[0].shocks[0]: must have either relative or absolute"),
        (
            with_shock(kind="vol", relative=0.1, absolute=0.1),
            "data.scenarios[0].shocks[0]: must have either relative or absolute",
        ),
        (with_shock(kind="fx", pair="EURUSD"), "data.scenarios[0].shocks[0]: must have either relative or absolute"),
        (with_shock(kind="equity", relative=-1.1), "data.scenarios[0].shocks[0].relative: input should be greater"),
        (with_shock(kind="equity", name=""), "data.scenarios[0].shocks[0].name: "),
        (
            with_shock(kind="credit_spread", bp=1, issuer="A", rating="B"),
            "data.scenarios[0].shocks[0]: must not have both issuer and rating",
        ),
        (with_shock(**TENORS, bp={}), "data.scenarios[0].shocks[0].bp: dictionary should have at least 1 item"),
        (with_shock(**TENORS, bp={"1X": 1}), "data.scenarios[0].shocks[0].bp.1X: must be a tenor such as 5D, 2W, 3M or 10Y"),
        (with_shock(**TENORS, bp={"1Y": "1"}), "data.scenarios[0].shocks[0].bp.1Y: input should be a valid number"),
        (with_shock(**TENORS, bp={"1Y": 1, "12M": 1}), "data.scenarios[0].shocks[0].bp: must not have one tenor twice"),
        (with_shock(**TRIANGLE, left="2031-01-15"), "data.scenarios[0].shocks[0]: left must be before centre"),
        (with_shock(**TRIANGLE, right="2030-01-15"), "data.scenarios[0].shocks[0]: right must be after centre"),
        (
            with_shock(kind="rate_twist", currency="USD", short_bp=1, long_bp=1),
            "data.scenarios[0].shocks[0].pivot: field required",
        ),
        (with_shock(kind="credit_spread", bp="1"), "data.scenarios[0].shocks[0].bp: input should be a valid number"),
        (with_shock(kind="credit_spread", bp=True), "data.scenarios[0].shocks[0].bp: input should be a valid number"),
        (with_shock(kind="credit_spread"), "data.scenarios[0].shocks[0].bp: field required"),
        (with_shock(kind="rate_node", bp=1, currency="*", pillar="2031-01-15"), "data.scenarios[0].shocks[0].currency: "),
        (with_shock(kind="rate_parallel", bp=1, currency="all"), "data.scenarios[0].shocks[0].currency: "),
        (with_shock(kind="fx", pair="EURUSD", relative=-1), "data.scenarios[0].shocks[0].relative: input should be greater"),
        (
            with_shock(kind="fx", pair="EUR/USD", relative=0),
            "data.scenarios[0].shocks[0].pair: must be a pair of currencies such as EURUSD",
        ),
        ({"measures": []}, "data.measures: list should have at least 1 item"),
        ({"measures": ["PV", "PV"]}, "data.measures: measures must be unique"),
        ({"measures": ["PV", "RHO"]}, "data.measures[1]: input should be 'PV', 'ACCRUED'"),
    ],
)
def test_a_wrong_run_names_the_field(envelope: dict[str, Any], decoded: Decoded, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(Rejection) as caught:
        decoded(envelope | {"data": envelope["data"] | changes})
    assert caught.value.message.startswith(message)


def test_the_number_of_shocks_curves_and_spots_is_bounded(
    envelope: dict[str, Any], market: dict[str, Any], decoded: Decoded
) -> None:
    shocks = [{"kind": "credit_spread", "bp": 1}] * 1_001
    curves = {f"{n:03}": 0 for n in range(201)}
    spots = {f"{n:06}": 0 for n in range(2_001)}
    for changes in (
        {"scenarios": [{"id": "s", "shocks": shocks}]},
        {"market": {"snapshot": market | {"curves": curves}}},
        {"market": {"snapshot": market | {"fx_spot": spots}}},
    ):
        with pytest.raises(Rejection, match=r"at most \d+ (items|entries)"):
            decoded(envelope | {"data": envelope["data"] | changes})


def test_numbers_are_finite_also_when_no_json_said_them() -> None:
    for number in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="finite"):
            CreditSpread(kind="credit_spread", bp=number)


def test_a_completed_run_can_have_a_total_that_is_missing() -> None:
    completed = RunCompleted.model_validate(
        {
            "run_id": "01970000-0000-7000-8000-00000000000a",
            "status": "partial",
            "positions": 2,
            "errors": 1,
            "scenarios": ["base"],
            "measures": ["PV"],
            "totals": {"PV": {"base": None}},
            "input_sha256": "ab" * 32,
            "pricer_version": "1",
            "started_at": "2026-11-20T10:00:00Z",
            "completed_at": "2026-11-20T10:00:01.5Z",
        }
    )
    assert completed.totals == {"PV": {"base": None}}
