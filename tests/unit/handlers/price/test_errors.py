"""What cannot be priced is null, says why, and keeps to itself."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import numpy as np
import pytest

from tests.unit.handlers.price.books import BOND, FORWARD, LOAN, MEASURES, error, priced, value, world

NO_CALENDAR = (
    "must be one or, with a +, several of NONE, WEEKENDS, TARGET, US, US_GOVERNMENT_BOND, US_FED, US_NYSE, UK, CA, AU, NZ, JP,"
    " CH, SE, NO, DK, PL, CZ"
)
NO_CONVENTION = "must be one of unadjusted, following, modified_following, preceding"

INVALID = [
    (BOND, "notional", None, "notional: missing"),
    (BOND, "notional", "1000", "notional: must be a number, not '1000'"),
    (BOND, "notional", True, "notional: must be a number, not True"),
    (BOND, "notional", math.nan, "notional: must be finite, not nan"),
    (BOND, "coupon", math.inf, "coupon: must be finite, not inf"),
    (BOND, "coupon", 10**400, "coupon: must be finite, not inf"),
    (BOND, "coupon", [], "coupon: must be a number, not []"),
    (BOND, "currency", "usd", "currency: must be three capital letters such as USD"),
    (BOND, "currency", 840, "currency: must be three capital letters such as USD, not 840"),
    (BOND, "start_date", "2021-02-30", "start_date: is no date of the calendar: '2021-02-30'"),
    (BOND, "start_date", "20210315", "start_date: must be a date such as 2026-01-15, not '20210315'"),
    (BOND, "start_date", "2021-W01-1", "start_date: must be a date such as 2026-01-15, not '2021-W01-1'"),
    (BOND, "start_date", "0001-01-01", "start_date: must lie between 1900-01-01 and 2299-12-31, not 0001-01-01"),
    (BOND, "maturity_date", "9999-12-31", "maturity_date: must lie between 1900-01-01 and 2299-12-31, not 9999-12-31"),
    (BOND, "maturity_date", "2021-03-15", "maturity_date: must be after start_date"),
    (BOND, "maturity_date", "2020-03-15", "maturity_date: must be after start_date"),
    (BOND, "first_coupon_date", "2021-03-15", "first_coupon_date: must be after start_date and not after maturity_date"),
    (BOND, "first_coupon_date", "soon", "first_coupon_date: must be a date such as 2026-01-15, not 'soon'"),
    (BOND, "day_count", "ACT/999", "day_count: must be one of ACT/365F, ACT/360, 30/360, 30E/360, ACT/ACT ISMA, not 'ACT/999'"),
    (BOND, "frequency", 3, "frequency: must be one of 1, 2, 4, 12, not 3"),
    (BOND, "frequency", True, "frequency: must be one of 1, 2, 4, 12, not True"),
    (BOND, "frequency", "2", "frequency: must be one of 1, 2, 4, 12, not '2'"),
    (BOND, "stub", "long_last", "stub: must be one of short_first, short_last, long_first, not 'long_last'"),
    (BOND, "credit_spread", "wide", "credit_spread: must be a number, not 'wide'"),
    (BOND, "calendar", "LONDON", f"calendar: {NO_CALENDAR}"),
    (BOND, "calendar", 7, f"calendar: {NO_CALENDAR}"),
    (BOND, "payment_convention", "following", "calendar: must be given with accrual_convention or payment_convention"),
    (BOND, "accrual_convention", "end", f"accrual_convention: {NO_CONVENTION}, not 'end'"),
    (BOND, "end_of_month", "yes", "end_of_month: must be true or false, not 'yes'"),
    (BOND, "end_of_month", 1, "end_of_month: must be true or false, not 1"),
    (BOND, "ex_coupon_days", 7.5, "ex_coupon_days: must be a whole number from 0 to 60, not 7.5"),
    (BOND, "ex_coupon_days", -1, "ex_coupon_days: must be a whole number from 0 to 60, not -1"),
    (BOND, "ex_coupon_days", 1e300, "ex_coupon_days: must be a whole number from 0 to 60, not 1e+300"),
    (
        BOND | {"calendar": "US", "day_count": "ACT/ACT ISMA"},
        "accrual_convention",
        "following",
        "accrual_convention: must be unadjusted with ACT/ACT ISMA, which counts between the contract's dates",
    ),
    (LOAN, "rate", None, "rate: missing"),
    (LOAN, "rate", -12.0, "rate: no level payment repays a loan at -100 % a period or less"),
    (LOAN, "amortization", "balloon", "amortization: must be one of level_pay, straight_line, bullet, not 'balloon'"),
    (FORWARD, "strike", None, "strike: missing"),
    (FORWARD, "quote_currency", "EUR", "quote_currency: must differ from base_currency"),
]


@pytest.mark.parametrize(("position", "field", "wrong", "sentence"), INVALID)
def test_wrong_terms_name_their_field(position: dict[str, Any], field: str, wrong: Any, sentence: str) -> None:
    assert error(position | {field: wrong}) == ("INVALID_TERMS", sentence)


@pytest.mark.parametrize("wrong", ["SWAPTION", 7, None, ["FIXED_BOND"]])
def test_an_unknown_product_is_an_error_in_every_measure(wrong: Any) -> None:
    run = priced([BOND | {"product_type": wrong}], measures=MEASURES)
    assert run.error == ["UNKNOWN_PRODUCT"] * len(MEASURES)
    assert np.isnan(run.values).all()


def test_a_measure_that_a_product_does_not_have_is_unsupported() -> None:
    assert error(BOND, "FX_DELTA") == ("UNSUPPORTED", "FIXED_BOND has no FX_DELTA")
    assert error(LOAN, "FX_DELTA") == ("UNSUPPORTED", "AMORT_LOAN has no FX_DELTA")
    assert error(FORWARD, "CS01") == ("UNSUPPORTED", "FX_FWD has no CS01")


def test_a_currency_without_curve_is_missing_market_data_but_its_accrued_interest_stands() -> None:
    run = priced([BOND | {"currency": "CHF"}], measures=("PV", "ACCRUED", "KRD"))
    assert run.error == ["MISSING_MARKET_DATA", None, "MISSING_MARKET_DATA"]
    assert run.error_detail == ["no CHF curve", None, "no CHF curve"]
    assert run.values[1, 0] == value(BOND, "ACCRUED")


def test_a_forward_needs_both_curves_and_a_spot() -> None:
    assert error(FORWARD | {"base_currency": "CHF"}) == ("MISSING_MARKET_DATA", "no CHF curve")
    curves = world().curves
    no_spot = world(curves=curves, GBPUSD=1.27)
    assert error(FORWARD, in_market=no_spot) == ("MISSING_MARKET_DATA", "no EURUSD spot, quoted or derived")


def test_a_result_that_is_not_finite_is_null_in_its_cell_alone() -> None:
    shocks = [{"kind": "rate_parallel", "bp": -1e9, "currency": "USD"}]
    run = priced([BOND, BOND | {"currency": "EUR"}], [], shocks)
    assert run.error == ["CALCULATION_FAILED", None]
    assert np.isnan(run.values).tolist() == [[False, True], [False, False]]
    assert run.totals["PV"]["s1"] == pytest.approx(run.values[1, 1] * 1.0875)


def test_a_spot_shocked_past_zero_is_no_number_in_the_cells_that_need_it() -> None:
    shocks = [{"kind": "fx", "pair": "EURUSD", "absolute": -2.0}]
    run = priced([FORWARD, BOND], [], shocks)
    assert run.error == ["CALCULATION_FAILED", None]
    assert np.isnan(run.values).tolist() == [[False, True], [False, False]]


def test_numbers_that_overflow_stay_in_their_position() -> None:
    wild = LOAN | {"rate": 1e300, "start_date": "1900-01-31", "maturity_date": "2299-12-31"}
    book = [LOAN, wild, LOAN, BOND | {"notional": 1.7e308, "coupon": 1e6}, FORWARD | {"strike": 1e308}] * 20
    run = priced(book, measures=("PV", "ACCRUED", "DV01"))
    sound = [code is None for code in run.error]
    assert [sum(sound[row * 3 : row * 3 + 3]) for row in range(5)] == [3, 0, 3, 0, 1]
    alone = priced([LOAN], measures=("PV", "ACCRUED", "DV01"))
    assert run.values[:3].tolist() == alone.values.tolist()
    assert run.totals["PV"]["base"] == pytest.approx(40 * alone.values[0, 0] * 1.0875)


MISSING_SHOCKS = [
    ({"kind": "rate_parallel", "bp": 1.0, "currency": "CHF"}, "scenario s1: no CHF curve"),
    ({"kind": "rate_node", "bp": 1.0, "currency": "CHF", "pillar": "2027-01-15"}, "scenario s1: no CHF curve"),
    (
        {"kind": "rate_node", "bp": 1.0, "currency": "USD", "pillar": "2027-01-16"},
        "scenario s1: the USD curve has no pillar 2027-01-16",
    ),
    ({"kind": "fx", "pair": "USDJPY", "relative": 0.1}, "scenario s1: no USDJPY spot is quoted"),
    ({"kind": "credit_spread", "bp": 1.0, "issuer": "ACME"}, "scenario s1: no credit curve of issuer ACME"),
    ({"kind": "vol", "pair": "EURUSD", "absolute": 0.1}, "scenario s1: no EURUSD vols"),
]


@pytest.mark.parametrize(("shock", "sentence"), MISSING_SHOCKS)
def test_a_scenario_that_shocks_what_the_market_lacks_has_no_values(shock: dict[str, Any], sentence: str) -> None:
    """None of its shocks is applied, and what needs no market stands."""
    also = {"kind": "rate_parallel", "bp": 100.0, "currency": "*"}
    matured = BOND | {"maturity_date": "2025-03-15"}
    run = priced([BOND, FORWARD, matured], [], [also, shock], [also], measures=("PV", "ACCRUED", "KRD"))
    by_measure = {name: np.array([measure == name for measure in run.measure]) for name in ("PV", "ACCRUED", "KRD")}
    living = run.row_no < 2
    for name in ("PV", "KRD"):
        rows = living & by_measure[name]
        assert np.isnan(run.values[rows, 1]).all()
        assert np.isfinite(run.values[rows][:, [0, 2]]).all()
        assert {run.error[row] for row in np.flatnonzero(rows)} == {"MISSING_MARKET_DATA"}
        assert {run.error_detail[row] for row in np.flatnonzero(rows)} == {sentence}
    assert np.isfinite(run.values[by_measure["ACCRUED"]]).all()
    assert (run.values[run.row_no == 2] == 0.0).all()
    assert run.totals["PV"]["s1"] is None
    assert run.totals["PV"]["s2"] is not None


def test_bad_positions_leave_their_neighbours_as_they_are() -> None:
    bad = [position | {field: wrong} for position, field, wrong, _ in INVALID]
    alone = priced([BOND, LOAN, FORWARD], measures=MEASURES)
    among = priced([*bad, BOND, *bad, LOAN, FORWARD, *bad], measures=MEASURES)
    good = np.isin(among.row_no, [len(bad), 2 * len(bad) + 1, 2 * len(bad) + 2])
    np.testing.assert_array_equal(among.values[good], alone.values)
    assert among.totals == alone.totals
    assert among.errors == 3 * len(bad) * len(MEASURES) + alone.errors


def test_totals_whose_conversion_is_missing_are_null_and_zero_needs_none() -> None:
    curves = world().curves
    no_spots = world(curves=curves, GBPUSD=1.27)
    euro = BOND | {"currency": "EUR"}
    assert priced([BOND, euro], in_market=no_spots).totals == {"PV": {"base": None}}
    assert priced([BOND, euro | {"notional": 0.0}], in_market=no_spots).totals == {"PV": {"base": value(BOND)}}
    assert priced([BOND, euro], in_market=no_spots, measures=("KRD", "FX_DELTA")).totals == {}


def test_totals_leave_error_cells_out() -> None:
    run = priced([BOND, BOND | {"currency": "CHF"}, BOND | {"coupon": None}])
    assert run.totals == {"PV": {"base": value(BOND)}}
    assert priced([BOND | {"coupon": None}]).totals == {"PV": {"base": 0.0}}


@pytest.mark.parametrize("wrong", [None, "", 5, "a\x00b", "x" * 257, "\ud800"])
def test_a_position_without_a_usable_id_is_invalid_and_its_id_can_be_stored(wrong: Any) -> None:
    run = priced([BOND | {"position_id": wrong}])
    assert run.error == ["INVALID_TERMS"]
    assert run.position_id[0].isprintable()
    assert len(run.position_id[0]) <= 256
    run.position_id[0].encode()


def test_a_matured_position_is_worth_zero_without_error_even_without_market_data() -> None:
    over = {"maturity_date": "2026-01-15", "currency": "CHF", "quote_currency": "CHF"}
    for position in (BOND, LOAN, FORWARD):
        for measure in ("PV", "ACCRUED", "DV01", "KRD"):
            assert value(position | over, measure) == 0.0
    assert value(BOND | over, valuation=date(2030, 1, 1)) == 0.0
