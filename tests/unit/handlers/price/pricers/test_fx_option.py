"""Options: identities, finite differences, and what goes wrong."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from tests.unit.handlers.price.fx_books import OPTION, VOLS, error, fx_world, options, priced, snapshot, value

FLAT = snapshot(fx_vols={pair: {"flat": 0.09} for pair in VOLS})
LIVE = options().filter(lambda option: option["expiry_date"] > "2026-01-15")


def up(pair: str, by: float) -> list[dict[str, Any]]:
    return [{"kind": "fx", "pair": pair, "relative": by}]


@settings(max_examples=60)
@given(LIVE)
def test_a_call_bought_and_a_put_sold_are_a_forward(option: dict[str, Any]) -> None:
    own = {"strike": option["strike"], "maturity_date": option["delivery_date"] or option["expiry_date"]}
    forward = {name: option[name] for name in ("position_id", "base_currency", "quote_currency", "notional")} | own
    call, put = (option | {"option_type": kind} for kind in ("call", "put"))
    run = priced([call, put, forward | {"product_type": "FX_FWD"}], measures=("PV", "DV01", "KRD", "FX_DELTA"))
    bought, sold, held = (run.values[run.row_no == row] for row in range(3))
    np.testing.assert_allclose(bought - sold, held, rtol=0, atol=1e-10 * abs(option["notional"]))
    again = priced([call, put], measures=("GAMMA", "VEGA"))
    np.testing.assert_allclose(again.values[:2], again.values[2:], rtol=0, atol=1e-10 * abs(option["notional"]))


@settings(max_examples=60)
@given(LIVE)
def test_a_call_on_one_currency_is_a_put_on_the_other(option: dict[str, Any]) -> None:
    """N of base at K is N · K of quote at 1 / K, seen from the other side, on one smile."""
    base, quote = option["base_currency"], option["quote_currency"]
    mirrored = option | {
        "base_currency": quote,
        "quote_currency": base,
        "notional": option["notional"] * option["strike"],
        "strike": 1.0 / option["strike"],
        "option_type": {"call": "put", "put": "call"}[option["option_type"]],
    }
    expected = value(option)
    assert value(mirrored) * fx_world().spot(base, quote) == pytest.approx(expected, rel=0, abs=1e-9 * abs(option["notional"]))


@pytest.mark.parametrize("kind", ["call", "put"])
def test_delta_and_gamma_are_differences_in_spot_where_the_smile_is_flat(kind: str) -> None:
    """Central differences of 0.01 %; gamma is what delta gains for 1 % of spot."""
    option, step = OPTION | {"option_type": kind}, 1e-4
    run = priced([option], [], up("EURUSD", step), up("EURUSD", -step), measures=("PV", "FX_DELTA", "GAMMA"), in_market=FLAT)
    present, delta, gamma = run.values
    move = 1.0875 * step
    assert (present[1] - present[2]) / (2 * move) == pytest.approx(delta[0], rel=1e-6)
    assert (delta[1] - delta[2]) / (2 * step) * 0.01 == pytest.approx(gamma[0], rel=1e-6)
    assert (present[1] - 2 * present[0] + present[2]) / move**2 * 1.0875 * 0.01 == pytest.approx(gamma[0], rel=1e-4)


@settings(max_examples=60)
@given(LIVE)
def test_vega_is_what_a_vol_point_more_on_all_quotes_changes(option: dict[str, Any]) -> None:
    higher = {
        pair: {"flat": quoted["flat"] + 0.01}
        if "flat" in quoted
        else quoted | {"vols": [[vol + 0.01 for vol in row] for row in quoted["vols"]]}
        for pair, quoted in VOLS.items()
    }
    change = value(option, in_market=snapshot(fx_vols=higher)) - value(option)
    assert value(option, "VEGA") == pytest.approx(change, rel=0, abs=1e-10 * abs(option["notional"]))


@settings(max_examples=40)
@given(LIVE)
def test_key_rates_are_what_shocks_of_single_pillars_change(option: dict[str, Any]) -> None:
    run = priced([option], measures=("KRD",))
    nodes = [bucket if ":" in bucket else f"{option['quote_currency']}:{bucket}" for bucket in run.bucket]
    shocks = [[{"kind": "rate_node", "currency": node[:3], "pillar": node[4:], "bp": 1.0}] for node in nodes]
    shocked = priced([option], [], *shocks).values[0]
    np.testing.assert_allclose(run.values[:, 0], shocked[1:] - shocked[0], rtol=0, atol=1e-10 * abs(option["notional"]))


def test_an_option_far_in_the_money_is_a_forward_and_far_out_of_it_nothing() -> None:
    deep = OPTION | {"strike": 0.2}
    forward = {"product_type": "FX_FWD", "maturity_date": "2027-01-15", "strike": 0.2}
    kept = {name: deep[name] for name in ("position_id", "base_currency", "quote_currency", "notional")}
    assert value(deep) == pytest.approx(value(kept | forward), rel=1e-12)
    assert value(deep | {"option_type": "put"}) == pytest.approx(0.0, abs=1e-6)


def test_delivery_is_at_expiry_unless_given() -> None:
    plain = {name: term for name, term in OPTION.items() if name != "delivery_date"}
    assert value(plain) == value(OPTION | {"delivery_date": "2027-01-13"})
    assert value(plain) != value(OPTION)


def test_an_option_is_over_on_the_day_of_its_expiry() -> None:
    run = priced([OPTION], measures=("PV", "DV01", "FX_DELTA", "GAMMA", "VEGA"), valuation=date(2027, 1, 13))
    assert (run.values == 0.0).all()
    assert value(OPTION, valuation=date(2027, 1, 12)) != 0.0


INVALID = [
    ({"strike": 0.0}, "strike: must be greater than 0"),
    ({"strike": -1.1}, "strike: must be greater than 0"),
    ({"option_type": "straddle"}, "option_type: must be one of call, put, not 'straddle'"),
    ({"delivery_date": "2027-01-12"}, "delivery_date: must not be before expiry_date"),
    ({"expiry_date": None}, "expiry_date: missing"),
    ({"quote_currency": "EUR"}, "quote_currency: must differ from base_currency"),
]


@pytest.mark.parametrize(("wrong", "sentence"), INVALID)
def test_wrong_terms_name_their_field(wrong: dict[str, Any], sentence: str) -> None:
    assert error(OPTION | wrong) == ("INVALID_TERMS", sentence)


def test_an_option_needs_volatilities_of_its_pair_whichever_way_round() -> None:
    bare = snapshot(fx_vols={})
    assert error(OPTION, in_market=bare) == ("MISSING_MARKET_DATA", "no EURUSD vols")
    assert value(OPTION, "ACCRUED", in_market=bare) == 0.0
    inverse = OPTION | {"base_currency": "USD", "quote_currency": "EUR", "strike": 0.9}
    assert value(inverse) > 0.0


def test_a_smile_that_allows_arbitrage_is_a_failed_calculation_in_its_cell() -> None:
    tangled = {"expiries": ["2027-01-15"], "deltas": [0.1, 0.5, 0.9], "vols": [[0.05, 2.0, 0.05]]}
    broken = snapshot(fx_vols=VOLS | {"EURUSD": tangled})
    long = OPTION | {"expiry_date": "2036-01-15", "delivery_date": None}
    run = priced([long, long | {"base_currency": "GBP"}], in_market=broken)
    assert run.error == ["CALCULATION_FAILED", None]
    assert math.isnan(run.values[0, 0])


def test_wild_numbers_stay_in_their_position() -> None:
    book = [OPTION, OPTION | {"notional": 1.7e308}, OPTION | {"strike": 1e308}, OPTION | {"strike": 1e-300}, OPTION]
    run = priced(book, measures=("PV", "FX_DELTA", "GAMMA", "VEGA"))
    assert run.values[:4].tolist() == run.values[16:].tolist() == priced([OPTION], measures=run.measures).values.tolist()
    assert np.isfinite(run.values[8]).all()
