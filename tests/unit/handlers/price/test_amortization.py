"""How loans are repaid: period by period against a plain loop, textbooks, and the public cases of the ACTUS standard."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.unit.handlers.price.books import LOAN, VALUATION, error, lending, priced, value, world
from tests.unit.handlers.price.oracle import _date, accrual, adjusted

MONTHLY = LOAN | {"notional": 5000.0, "day_count": "ACT/365F", "start_date": "2013-01-01", "maturity_date": "2014-01-01"}
BEFORE = date(2012, 12, 30)


def cash_flows(position: dict[str, Any], valuation: date = VALUATION) -> dict[str, float]:
    run = priced([position], measures=("CASHFLOWS",), valuation=valuation, in_market=world(valuation))
    assert run.errors == 0, run.error_detail
    return dict(zip(run.bucket, run.values[:, 0].tolist(), strict=True))


@st.composite
def special_loans(draw: st.DrawFn) -> dict[str, Any]:
    loan = draw(lending("AMORT_LOAN"))
    notional = loan["notional"]
    own: dict[str, Any] = {
        "interest_only_periods": draw(st.sampled_from([None, 0, 1, 5, 400])),
        "cpr": draw(st.sampled_from([None, 0.0, 0.06, 0.5, 1.0])),
        "commitment": draw(st.sampled_from([None, notional, 1.5 * notional])),
        "commitment_fee": draw(st.sampled_from([None, 0.005])),
    }
    if loan["amortization"] != "bullet":
        other = draw(st.sampled_from([{}, {"balloon": 0.3 * notional}, {"balloon": notional}, {"payment": 0.04 * notional}]))
        own |= other
    return loan | own


def expected(loan: dict[str, Any], valuation: date) -> dict[str, float]:
    """A loop over the periods with plain numbers, as the documentation tells it."""
    dates, counter = accrual(loan)
    dates = list(dates)
    count, yearly = len(dates) - 1, loan["frequency"]
    notional, rate, left, found = loan["notional"], loan["rate"], 1.0, {}
    undrawn = (loan["commitment"] or notional) - notional
    balance = notional
    for number in range(count):
        years = counter.yearFraction(dates[number], dates[number + 1])
        interest = balance * rate * years
        principal = _principal(loan, balance, interest, number, count)
        paid = adjusted(dates[number + 1], loan, "payment_convention")
        if paid > _date(valuation.isoformat()):
            prepaid = (balance - principal) * (1 - (1 - (loan["cpr"] or 0.0)) ** (1 / yearly))
            fee = undrawn * (loan["commitment_fee"] or 0.0) * years
            day = paid.ISO()
            found[day] = found.get(day, 0.0) + left * (interest + fee + principal + prepaid)
            left *= (1 - (loan["cpr"] or 0.0)) ** (1 / yearly)
        balance -= principal
    return found


def _principal(loan: dict[str, Any], balance: float, interest: float, number: int, count: int) -> float:
    free, balloon = loan["interest_only_periods"] or 0, loan.get("balloon", 0.0)
    if number == count - 1:
        return balance
    if number < free or loan["amortization"] == "bullet":
        return 0.0
    due, rate = count - free, loan["rate"] / loan["frequency"]
    repaid = (loan["notional"] - balloon) / due
    if loan["amortization"] == "level_pay":
        annuity = rate / (1 - (1 + rate) ** -due) if rate else 1 / due
        paid = loan.get("payment") or (loan["notional"] - balloon) * annuity + balloon * rate
        repaid = paid - interest
    elif loan.get("payment"):
        repaid = loan["payment"]
    is_plain = not (free or balloon or loan.get("payment"))
    return repaid if is_plain or (balance - repaid) * loan["notional"] >= 0.0 else balance


@settings(max_examples=150)
@given(special_loans(), st.dates(date(2017, 6, 1), date(2032, 1, 1)))
def test_cash_flows_are_those_of_a_loop_over_the_periods(loan: dict[str, Any], valuation: date) -> None:
    assume(valuation < date.fromisoformat(loan["maturity_date"]))
    dates, counter = accrual(loan)
    assume(hasattr(counter, "quasi") is False)
    assume(adjusted(dates[-1], loan, "payment_convention") > _date(valuation.isoformat()))
    run = priced([loan], measures=("CASHFLOWS",), valuation=valuation, in_market=world(valuation))
    found: dict[str, float] = {}
    for day, amount in zip(run.bucket, run.values[:, 0].tolist(), strict=True):
        found[day] = found.get(day, 0.0) + amount
    assert found == pytest.approx(expected(loan, valuation), abs=1e-8 * abs(loan["notional"]))


def test_many_special_loans_at_once_are_what_each_is_alone() -> None:
    """Of different lengths, kinds and options, among plain ones."""
    book = [
        LOAN
        | {
            "amortization": kind,
            "maturity_date": f"{2028 + number}-01-31",
            "interest_only_periods": number,
            "cpr": 0.01 * number,
            "balloon": 0.0 if kind == "bullet" else 1000.0 * number,
        }
        for number in range(12)
        for kind in ("level_pay", "straight_line", "bullet")
    ]
    run = priced([*book, LOAN], measures=("PV", "ACCRUED", "YTM"))
    for row, position in enumerate([*book, LOAN]):
        alone = priced([position], measures=("PV", "ACCRUED", "YTM"))
        np.testing.assert_allclose(run.values[3 * row : 3 * row + 3], alone.values, rtol=1e-12)


def test_a_balloon_is_what_the_last_payment_finds() -> None:
    """200,000 at 6 % over 84 months as if over 360: by the formula payments of 1,199.10, then a balloon of 179,278.30."""
    loan = LOAN | {"day_count": "30/360", "notional": 200_000.0, "rate": 0.06, "start_date": "2026-01-15"}
    payment = 200_000.0 * 0.005 / (1 - 1.005**-360)
    balloon = 200_000.0 * 1.005**84 - payment * (1.005**84 - 1) / 0.005
    found = cash_flows(loan | {"maturity_date": "2033-01-15", "balloon": balloon})
    amounts = list(found.values())
    assert payment == pytest.approx(1199.10, abs=0.005)
    assert amounts[:-1] == pytest.approx([payment] * 83)
    assert amounts[-1] == pytest.approx(payment + balloon)


def test_prepayment_is_the_single_monthly_mortality_of_mortgages() -> None:
    """1 - (1 - CPR)^(1/12), the single monthly mortality of mortgages, is 0.005143 for a CPR of 6 %."""
    loan = LOAN | {"notional": 100_000.0, "day_count": "30/360", "start_date": "2026-01-15", "maturity_date": "2056-01-15"}
    plain, prepaid = (list(cash_flows(loan | {"cpr": cpr}).values()) for cpr in (0.0, 0.06))
    first_principal = plain[0] - 100_000.0 * 0.05 / 12
    assert prepaid[0] - plain[0] == pytest.approx(0.005143 * (100_000.0 - first_principal), rel=1e-4)
    assert sum(prepaid) < sum(plain)


def test_a_loan_that_prepays_at_once_pays_once() -> None:
    found = cash_flows(LOAN | {"cpr": 1.0})
    first, *others = found.values()
    assert others == [0.0] * len(others)
    one_month = LOAN["rate"] * 31 / 360
    assert first == pytest.approx(value(LOAN, "ACCRUED") / (LOAN["rate"] * 15 / 360) * (1 + one_month))


def test_an_undrawn_facility_earns_its_fee_and_its_accrued_interest() -> None:
    """1,000,000 not drawn at 0.5 % a quarter of 90 days, ACT/360; nothing is repaid."""
    facility = LOAN | {
        "notional": 0.0,
        "commitment": 1_000_000.0,
        "commitment_fee": 0.005,
        "frequency": 4,
        "amortization": "bullet",
        "start_date": "2026-01-01",
        "maturity_date": "2027-01-01",
    }
    assert list(cash_flows(facility).values()) == pytest.approx([5000.0 * days / 360 for days in (90, 91, 92, 92)])
    assert value(facility, "ACCRUED") == pytest.approx(5000.0 * 14 / 360)
    drawn = facility | {"notional": 400_000.0, "rate": 0.04}
    assert value(drawn, "ACCRUED") == pytest.approx((0.04 * 400_000.0 + 0.005 * 600_000.0) * 14 / 360)


PAM01 = [25.4794520547945, 23.013698630137, 25.4794520547945, 24.6575342465753, 25.4794520547945, 24.6575342465753]
PAM01 += [25.4794520547945, 25.4794520547945, 24.6575342465753, 25.4794520547945, 24.6575342465753, 3025.4794520547945]


def test_actus_pam01() -> None:
    """actusfrf/actus-tests, actus-tests-pam.json, pam01: 3,000 at 10 % for a year, A365, interest each month."""
    loan = MONTHLY | {"notional": 3000.0, "rate": 0.1, "amortization": "bullet"}
    found = cash_flows(loan, BEFORE)
    assert list(found) == [f"2013-{month:02}-01" for month in range(2, 13)] + ["2014-01-01"]
    assert list(found.values()) == pytest.approx(PAM01, abs=1e-10)


ANN01 = [  # interest and principal
    (33.9726027397, 400.8939913786),
    (28.2246505734, 406.6419435448),
    (28.4857832366, 406.3808108816),
    (24.8947940001, 409.9718001181),
    (22.9390586468, 411.9275354714),
    (19.4905243963, 415.376069722),
    (17.317927302, 417.5486668163),
    (14.4808843055, 420.3857098127),
    (11.2495789956, 423.6170151227),
    (8.7462904484, 426.1203036698),
    (5.6622651186, 429.2043289996),
    (2.9347696566, 431.9318244617),
]


def test_actus_ann01() -> None:
    """actus-tests-ann.json, ann01: 5,000 at 8 %, A365, PRNXT 434.866594118346 a month, the rest at maturity."""
    loan = MONTHLY | {"rate": 0.08, "amortization": "level_pay", "payment": 434.866594118346}
    assert list(cash_flows(loan, BEFORE).values()) == pytest.approx([sum(both) for both in ANN01], abs=1e-9)
    outstanding = [value(loan, "ACCRUED", valuation=date(2013, month, 2)) * 365 / 0.08 for month in (2, 3, 12)]
    assert outstanding == pytest.approx([4599.1060086213, 4192.4640650764, 431.9318244617], abs=1e-6)


def test_actus_ann02_begins_with_these_payments() -> None:
    """actus-tests-ann.json, ann02: 100,000 at 7 % over ten years, 30E360, which is the formula's payment of 1,161.08."""
    loan = LOAN | {"notional": 100_000.0, "rate": 0.07, "day_count": "30E/360"}
    loan |= {"start_date": "2013-01-01", "maturity_date": "2023-01-01"}
    found = cash_flows(loan, BEFORE)
    assert list(found.values()) == pytest.approx([1161.08479218624] * 120, abs=1e-9)
    balances = [value(loan, "ACCRUED", valuation=date(2013, month, 2)) * 360 / 0.07 for month in (2, 3, 4)]
    assert balances == pytest.approx([99422.2485411471, 98841.1268654508, 98256.6153133131], abs=1e-6)


def test_actus_lam01_until_its_rate_is_reset() -> None:
    """actus-tests-lam.json, lam01: 5,000 at 8 %, A365, 500 of principal a month; the rate is reset on 1 April."""
    loan = MONTHLY | {"rate": 0.08, "amortization": "straight_line", "maturity_date": "2013-11-01"}
    for own in ({}, {"payment": 500.0}):
        found = list(cash_flows(loan | own, BEFORE).values())
        assert found[:3] == pytest.approx([533.972602739726, 527.6164383561644, 527.1780821917808], abs=1e-10)
        assert len(found) == 10


def test_actus_nam01_until_its_rate_is_reset() -> None:
    """actus-tests-nam.json, nam01: 5,000 at 8 %, A365, 500 a month in all; the rate is reset on 1 April."""
    loan = MONTHLY | {"rate": 0.08, "amortization": "level_pay", "payment": 500.0, "maturity_date": "2013-12-01"}
    assert list(cash_flows(loan, BEFORE).values())[:3] == pytest.approx([500.0] * 3)
    balances = [value(loan, "ACCRUED", valuation=date(2013, month, 2)) * 365 / 0.08 for month in (2, 3, 4)]
    assert balances == pytest.approx([4533.9726027397, 4061.7975304935, 3589.395497276], abs=1e-6)


def test_a_payment_below_the_interest_lets_the_balance_grow() -> None:
    """Negative amortization: 100 a month of 5,000 at 30 %."""
    loan = MONTHLY | {"rate": 0.30, "payment": 100.0, "day_count": "30/360"}
    *regular, last = cash_flows(loan, BEFORE).values()
    assert regular == pytest.approx([100.0] * 11)
    owed = 5000.0
    for _ in regular:
        owed = owed * 1.025 - 100.0
    assert last == pytest.approx(owed * 1.025)
    assert owed > 5000.0


def test_a_payment_that_repays_early_is_followed_by_nothing() -> None:
    for kind in ("level_pay", "straight_line"):
        found = list(cash_flows(MONTHLY | {"rate": 0.0, "payment": 2000.0, "amortization": kind}, BEFORE).values())
        assert found == [2000.0, 2000.0, 1000.0, *[0.0] * 9]
        sold = {"notional": -5000.0, "payment": -2000.0}
        assert list(cash_flows(MONTHLY | {"rate": 0.0, "amortization": kind} | sold, BEFORE).values())[2] == -1000.0


INVALID = [
    ({"cpr": 1.01}, "cpr: must lie between 0 and 1"),
    ({"cpr": -0.01}, "cpr: must lie between 0 and 1"),
    ({"balloon": -1.0}, "balloon: must lie between 0 and notional"),
    ({"balloon": 500_001.0}, "balloon: must lie between 0 and notional"),
    ({"payment": -1.0}, "payment: must be of the sign of notional"),
    ({"payment": 1.0, "notional": 0.0}, "payment: must be of the sign of notional"),
    ({"payment": 1.0, "balloon": 1.0}, "payment: leaves what it leaves, so there cannot be a balloon too"),
    ({"balloon": 1.0, "amortization": "bullet"}, "amortization: a bullet loan has neither balloon nor payment"),
    ({"commitment": 499_999.0}, "commitment: must not be less than notional, and of the same sign"),
    ({"commitment": -600_000.0}, "commitment: must not be less than notional, and of the same sign"),
    ({"credit_conversion_factor": 1.5}, "credit_conversion_factor: must lie between 0 and 1"),
    ({"recovery_rate": -0.1}, "recovery_rate: must lie between 0 and 1"),
    ({"interest_only_periods": 1.5}, "interest_only_periods: must be a whole number from 0 to 4800, not 1.5"),
]


@pytest.mark.parametrize(("own", "sentence"), INVALID)
def test_terms_that_contradict_themselves_are_invalid(own: dict[str, Any], sentence: str) -> None:
    assert error(LOAN | own) == ("INVALID_TERMS", sentence)
