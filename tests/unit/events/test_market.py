from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from events.event import Event
from events.failures import Rejection
from events.market import FlatVol, Market, VolSurface

Decoded = Callable[[dict[str, Any]], Event]


def with_curve(market: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"market": {"snapshot": market | {"curves": {"USD": market["curves"]["USD"] | changes}}}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pillars": ["2026-01-15"]}, ": 1 pillars but 2 zero_rates"),
        ({"pillars": ["2027-01-15", "2026-01-15"]}, ": pillars must be strictly ascending"),
        ({"pillars": ["2026-01-15", "2026-01-15"]}, ": pillars must be strictly ascending"),
        ({"pillars": [], "zero_rates": []}, ".pillars: list should have at least 1 item"),
        ({"zero_rates": [0.01, "0.02"]}, ".zero_rates[1]: input should be a valid number"),
        ({"zero_rates": [0.01, None]}, ".zero_rates[1]: input should be a valid number"),
        ({"interpolation": "cubic"}, ".interpolation: input should be 'linear_zero', 'log_linear_df', 'flat_forward' or"),
        ({"compounding": "annual"}, ".compounding: input should be 'continuous'"),
        ({"day_count": "ACT/360"}, ".day_count: input should be 'ACT/365F'"),
    ],
)
def test_a_wrong_curve_names_the_field(
    envelope: dict[str, Any], market: dict[str, Any], decoded: Decoded, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(Rejection) as caught:
        decoded(envelope | {"data": envelope["data"] | with_curve(market, **changes)})
    assert caught.value.message.startswith(f"data.market.snapshot.curves.USD{message}")


@pytest.mark.parametrize("spot", [{"EURUSD": 0}, {"EURUSD": -1.1}, {"EURUSD": True}, {"EUR": 1.1}, {"eurusd": 1.1}])
def test_a_spot_is_a_positive_number_by_pair(
    envelope: dict[str, Any], market: dict[str, Any], decoded: Decoded, spot: dict[str, Any]
) -> None:
    with pytest.raises(Rejection, match=r"data\.market\.snapshot\.fx_spot\."):
        decoded(envelope | {"data": envelope["data"] | {"market": {"snapshot": market | {"fx_spot": spot}}}})


CREDIT = {"kind": "spread", "interpolation": "linear_zero", "pillars": ["2027-01-15"], "rates": [0.01]}
SURFACE = {"expiries": ["2026-02-15", "2027-02-15"], "deltas": [0.25, 0.75], "vols": [[0.1, 0.11], [0.12, 0.13]]}


def test_a_market_can_have_all_that_products_need(market: dict[str, Any]) -> None:
    extended = market | {
        "projection_curves": {"USD-SOFR-3M": market["curves"]["USD"] | {"currency": "USD"}},
        "credit_curves": {"issuers": {"ACME": CREDIT | {"rating": "BBB"}}, "ratings": {"BBB": CREDIT | {"kind": "hazard"}}},
        "fixings": {"USD-SOFR-3M": {"2026-01-02": 0.0431}, "EURUSD": {"2026-01-02": 1.09}},
        "fx_vols": {"EURUSD": {"flat": 0.08}, "GBPUSD": SURFACE},
        "equities": {"AAPL": {"currency": "USD", "price": 190.0}},
    }
    read = Market.model_validate(extended)
    assert read.projection_curves["USD-SOFR-3M"].currency == "USD"
    assert read.credit_curves.issuers["ACME"].rating == "BBB"
    assert read.fixings["EURUSD"] == {date(2026, 1, 2): 1.09}
    assert read.fx_vols == {"EURUSD": FlatVol(flat=0.08), "GBPUSD": VolSurface.model_validate(SURFACE)}
    assert Market.model_validate(market).credit_curves.ratings == {}


WRONG_MARKETS = [
    ({"projection_curves": {"A": {}}}, "projection_curves.A.interpolation: field required (and 5 more)"),
    ({"projection_curves": {"": {}}}, "projection_curves.: must be 1 to 256 printable characters"),
    (
        {"credit_curves": {"issuers": {"ACME": CREDIT | {"kind": "cds"}}}},
        "credit_curves.issuers.ACME.kind: input should be 'spread'",
    ),
    ({"credit_curves": {"ratings": {"B": CREDIT | {"rates": []}}}}, "credit_curves.ratings.B.rates: list should have at least"),
    ({"credit_curves": {"ratings": {"B": CREDIT | {"rates": [1, 2]}}}}, "credit_curves.ratings.B: 1 pillars but 2 rates"),
    ({"fixings": {"EURUSD": {"2026-1-2": 1.0}}}, "fixings.EURUSD.2026-1-2: must be a date such as 2026-01-15"),
    ({"fixings": {"EURUSD": {"2026-01-02": "1.0"}}}, "fixings.EURUSD.2026-01-02: input should be a valid number"),
    ({"fx_vols": {"EURUSD": 0.08}}, "fx_vols.EURUSD: must have one of flat, vols"),
    ({"fx_vols": {"EURUSD": {"flat": 0.08} | SURFACE}}, "fx_vols.EURUSD: must have one of flat, vols"),
    ({"fx_vols": {"EURUSD": {"flat": 0}}}, "fx_vols.EURUSD.flat: input should be greater than 0"),
    ({"fx_vols": {"EURUSD": SURFACE | {"deltas": [0.75, 0.25]}}}, "fx_vols.EURUSD: deltas must be strictly ascending"),
    ({"fx_vols": {"EURUSD": SURFACE | {"deltas": [0.25, 1.0]}}}, "fx_vols.EURUSD.deltas[1]: input should be less than 1"),
    ({"fx_vols": {"EURUSD": SURFACE | {"vols": [[0.1, 0.1]]}}}, "fx_vols.EURUSD: 2 expiries but 1 rows of vols"),
    ({"fx_vols": {"EURUSD": SURFACE | {"vols": [[0.1, 0.1], [0.1]]}}}, "fx_vols.EURUSD: 2 deltas but 1 vols at 2027-02-15"),
    (
        {"fx_vols": {"EURUSD": SURFACE | {"vols": [[0.1, 0.1], [0.1, -1.0]]}}},
        "fx_vols.EURUSD.vols[1][1]: input should be greater",
    ),
    ({"equities": {"AAPL": {"currency": "USD", "price": -1.0}}}, "equities.AAPL.price: input should be greater than or equal"),
]


@pytest.mark.parametrize(("changes", "message"), WRONG_MARKETS)
def test_a_wrong_market_names_the_field(
    envelope: dict[str, Any], market: dict[str, Any], decoded: Decoded, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(Rejection) as caught:
        decoded(envelope | {"data": envelope["data"] | {"market": {"snapshot": market | changes}}})
    assert caught.value.message.startswith(f"data.market.snapshot.{message}")
