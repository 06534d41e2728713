"""Cash flows of the ACTUS standard's public test cases (github.com/actusfrf/actus-tests), each named by its contract id.

Amounts are those of the cases' results, the events of one day added up; what is exchanged at the start is not among them.
More cases of loans are in test_amortization.py.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from tests.unit.handlers.price import fx_books, rates_books, whole_book
from tests.unit.handlers.price.books import BOND, FORWARD, LOAN, world
from tests.unit.handlers.price.books import priced as priced_debt

BEFORE = date(2012, 12, 30)
LENT = BOND | {"notional": 3000.0, "coupon": 0.1, "frequency": 12, "stub": "short_last"}
MONTH_ENDS = LENT | {"start_date": "2013-01-31", "maturity_date": "2014-01-01", "day_count": "30E/360", "end_of_month": True}
# The last period of these cases is a long one, which no stub here is, so that they are followed until 2 December.
WEEKDAYS = MONTH_ENDS | {"calendar": "WEEKENDS"}


def shifted(convention: str) -> dict[str, Any]:
    """ACTUS's SC: dates are moved first, and interest is counted between the moved ones."""
    return WEEKDAYS | {"accrual_convention": convention, "payment_convention": convention}


def cash_flows(position: dict[str, Any], valuation: date = BEFORE) -> dict[str, float]:
    run = priced_debt([position], measures=("CASHFLOWS",), valuation=valuation, in_market=world(valuation))
    assert run.errors == 0, run.error_detail
    return dict(zip(run.bucket, run.values[:, 0].tolist(), strict=True))


BULLETS = {
    "pam04": (
        LENT | {"start_date": "2013-01-01", "maturity_date": "2014-01-01", "day_count": "30E/360"},
        {f"2013-{month:02}-01": 25.0 for month in range(2, 13)} | {"2014-01-01": 3025.0},
    ),
    "pam06": (  # calculated before it is shifted, modified following
        WEEKDAYS | {"payment_convention": "modified_following"},
        {
            "2013-02-28": 23.3333333333, "2013-03-29": 26.6666666667, "2013-04-30": 25.0, "2013-05-31": 25.0,
            "2013-06-28": 25.0, "2013-07-31": 25.0, "2013-08-30": 25.0, "2013-09-30": 25.0, "2013-10-31": 25.0,
            "2013-11-29": 25.0,
        },
    ),
    "pam07": (  # shifted first, modified following
        shifted("modified_following"),
        {
            "2013-02-28": 23.3333333333, "2013-03-29": 25.8333333333, "2013-04-30": 25.8333333333, "2013-05-31": 25.0,
            "2013-06-28": 23.3333333333, "2013-07-31": 26.6666666667, "2013-08-30": 25.0, "2013-09-30": 25.0,
            "2013-10-31": 25.0, "2013-11-29": 24.1666666667,
        },
    ),
    "pam08": (  # calculated before it is shifted, following
        WEEKDAYS | {"payment_convention": "following"},
        {
            "2013-02-28": 23.3333333333, "2013-04-01": 26.6666666667, "2013-04-30": 25.0, "2013-05-31": 25.0,
            "2013-07-01": 25.0, "2013-07-31": 25.0, "2013-09-02": 25.0, "2013-09-30": 25.0, "2013-10-31": 25.0,
            "2013-12-02": 25.0,
        },
    ),
    "pam09": (  # shifted first, following
        shifted("following"),
        {
            "2013-02-28": 23.3333333333, "2013-04-01": 27.5, "2013-04-30": 24.1666666667, "2013-05-31": 25.0,
            "2013-07-01": 25.8333333333, "2013-07-31": 24.1666666667, "2013-09-02": 26.6666666667,
            "2013-09-30": 23.3333333333, "2013-10-31": 25.0, "2013-12-02": 26.6666666667,
        },
    ),
    "pam16": (
        LENT | {"start_date": "2013-01-01", "maturity_date": "2016-01-01", "frequency": 1, "day_count": "ACT/365F"},
        {"2014-01-01": 300.0, "2015-01-01": 300.0, "2016-01-01": 3300.0},
    ),
}  # fmt: skip
INSTALMENTS = {
    "lam06": (
        LOAN
        | {"notional": 50_000.0, "rate": 0.05, "amortization": "straight_line", "payment": 2000.0}
        | {"start_date": "2013-01-01", "maturity_date": "2015-02-01", "day_count": "30E/360"},
        [2000.0 + (50_000.0 - 2000.0 * paid) * 0.05 / 12 for paid in range(25)],
    ),
    "ann05": (
        LOAN
        | {"notional": 5000.0, "rate": 0.08, "amortization": "level_pay", "payment": 700.0, "day_count": "ACT/365F"}
        | {"start_date": "2013-01-01", "maturity_date": "2013-09-01"},
        [*[700.0] * 7, 239.3345424392],
    ),
    "ann31": (
        LOAN
        | {"notional": -5000.0, "rate": 0.08, "amortization": "level_pay", "payment": -700.0, "day_count": "ACT/365F"}
        | {"start_date": "2013-01-01", "maturity_date": "2013-08-01"},
        [*[-700.0] * 6, -937.7193534079],
    ),
}
# Of 25 payments the case's first, second and last, which the formula above must give.
LAM06 = {0: 2208.3333333333, 1: 2200.0, 24: 2008.3333333333}


@pytest.mark.parametrize("name", BULLETS)
def test_bullets(name: str) -> None:
    position, expected = BULLETS[name]
    found = {day: amount for day, amount in cash_flows(position).items() if day <= max(expected)}
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", INSTALMENTS)
def test_instalments(name: str) -> None:
    position, expected = INSTALMENTS[name]
    assert list(cash_flows(position).values()) == pytest.approx(expected, abs=1e-9)
    if name == "lam06":
        assert {place: expected[place] for place in LAM06} == pytest.approx(LAM06, abs=1e-9)


def test_a_swap_of_fixed_against_floating_pays_the_difference() -> None:
    """swppv06: 1,000, 5 % paid, the index + 2 % received, half-yearly for three years; 6 % is fixed first, then 6, then 12 %.

    Each payment is known once its rate is fixed, on the day of the payment before.
    """
    swap = rates_books.SWAP | {"notional": 1000.0, "fixed_rate": 0.05, "fixed_day_count": "ACT/365F", "fixed_frequency": 2}
    swap |= {"floating_day_count": "ACT/365F", "floating_frequency": 2, "spread": 0.02, "index": "USD-SOFR-3M"}
    swap |= {"start_date": "2015-01-01", "maturity_date": "2018-01-01"}
    days = ("2015-01-01", "2015-07-01", "2016-01-01", "2016-07-01", "2017-01-01", "2017-07-01")
    fixed = {"USD-SOFR-3M": dict(zip(days, (0.06, 0.06, 0.12, 0.12, 0.12, 0.12), strict=True))}
    found = {}
    for day in days:
        valuation = date.fromisoformat(day)
        market = whole_book.market(valuation=valuation, fixings=fixed)
        run = whole_book.priced([swap], measures=("CASHFLOWS",), valuation=valuation, in_market=market)
        found[run.bucket[0]] = float(run.values[0, 0])
    assert found == pytest.approx(
        {
            "2015-07-01": 14.8767123288, "2016-01-01": 15.1232876712, "2016-07-01": 44.8767123288,
            "2017-01-01": 45.3698630137, "2017-07-01": 44.6301369863, "2018-01-01": 45.3698630137,
        },
        abs=1e-9,
    )  # fmt: skip


@pytest.mark.parametrize(("sign", "paid"), [(-1.0, {"": 2000.0, "EUR:": -1000.0}), (1.0, {"": -2000.0, "EUR:": 1000.0})])
def test_an_outright_forward_pays_in_both_currencies(sign: float, paid: dict[str, float]) -> None:
    """fxout01 and fxout02: 2,000 dollars against 1,000 euros on 31 December 2014."""
    outright = FORWARD | {"notional": sign * 1000.0, "strike": 2.0, "maturity_date": "2014-12-31"}
    run = whole_book.priced([outright], measures=("CASHFLOWS",), valuation=date(2013, 12, 30))
    assert dict(zip(run.bucket, run.values[:, 0].tolist(), strict=True)) == {
        f"{currency}2014-12-31": amount for currency, amount in paid.items()
    }


def test_a_forward_that_is_settled_in_cash_pays_the_difference() -> None:
    """fxout03: the same on 30 October 2014, when a euro is 1.2612 dollars, paid the day after: 2,000 - 1,261.20."""
    ndf = fx_books.NDF | {"notional": -1000.0, "strike": 2.0, "fixing_date": "2014-10-30", "maturity_date": "2014-10-31"}
    for valuation in (date(2014, 10, 30), date(2014, 10, 31) - timedelta(days=1)):
        market = whole_book.market(valuation=valuation, fixings={"EURUSD": {"2014-10-30": 1.2612}})
        run = whole_book.priced([ndf], measures=("CASHFLOWS",), valuation=valuation, in_market=market)
        assert (run.bucket, run.values[0, 0]) == (["2014-10-31"], pytest.approx(738.8))
