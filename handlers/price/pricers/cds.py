"""CDS: protection against the default of an issuer, bought for a premium."""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter

import numpy as np

from handlers.price.arrays import Bools
from handlers.price.calendars import NONE
from handlers.price.default_swap import DefaultSwapTerms, following, payments, premiums
from handlers.price.default_value import cs01, discounted, dv01, krd, present_value, theta
from handlers.price.fields import Column, calendar, choice, currency, day, name, number
from handlers.price.names import NOTHING, issuer_code, rating_code
from handlers.price.pricers.pricer import Pricer
from handlers.price.requirements import Requirements
from handlers.price.schedule import NO_DATE, SHORT_FIRST, STUBS

_QUARTERLY = 4
_RECOVERY = 0.4
_DAYS_A_YEAR = {"ACT/360": 360, "ACT/365F": 365}


def _terms(columns: Mapping[str, Column]) -> DefaultSwapTerms:
    start, end = columns["start_date"], columns["maturity_date"]
    upfront_date = columns["upfront_date"]
    return DefaultSwapTerms(
        currency=columns["currency"],
        notional=columns["notional"],
        issuer=columns["issuer"],
        rating=columns["rating"],
        start=start,
        end=end,
        maturity=following(end, columns["calendar"]),
        coupon=columns["coupon"],
        basis=columns["day_count"],
        frequency=columns["frequency"],
        stub=columns["stub"],
        first_coupon=columns["first_coupon_date"],
        calendar=columns["calendar"],
        recovery=columns["recovery_rate"],
        upfront=columns["upfront"],
        upfront_date=np.where(upfront_date == NO_DATE, start, upfront_date),
    )


def _faults(terms: DefaultSwapTerms) -> list[tuple[Bools, str]]:
    given = terms.first_coupon != NO_DATE
    outside = (terms.first_coupon <= terms.start) | (terms.first_coupon > terms.end)
    return [
        ((terms.issuer == NOTHING) & (terms.rating == NOTHING), "issuer: must be given, or rating"),
        (terms.end <= terms.start, "maturity_date: must be after start_date"),
        (given & outside, "first_coupon_date: must be after start_date and not after maturity_date"),
        ((terms.upfront != 0.0) & (terms.upfront_date > terms.maturity), "upfront_date: must not be after the last premium"),
        ((terms.recovery < 0.0) | (terms.recovery > 1.0), "recovery_rate: must lie between 0 and 1"),
    ]


def _requirements(terms: DefaultSwapTerms, _valuation: int) -> Requirements:
    return Requirements(curves=(terms.currency,), hazards=((terms.issuer, terms.rating),))


CDS = Pricer(
    fields=(
        currency("currency"),
        number("notional"),
        name("issuer", issuer_code, absent=NOTHING),
        name("rating", rating_code, absent=NOTHING),
        day("start_date"),
        day("maturity_date"),
        number("coupon"),
        choice("day_count", _DAYS_A_YEAR, absent=_DAYS_A_YEAR["ACT/360"]),
        choice("frequency", {1: 1, 2: 2, 4: 4, 12: 12}, absent=_QUARTERLY),
        choice("stub", STUBS, absent=SHORT_FIRST),
        day("first_coupon_date", absent=NO_DATE),
        calendar("calendar", absent=NONE),
        number("recovery_rate", absent=_RECOVERY),
        number("upfront", absent=0.0),
        day("upfront_date", absent=NO_DATE),
    ),
    terms=_terms,
    faults=_faults,
    requirements=_requirements,
    flows=premiums,
    accrued=attrgetter("accrued"),
    discounted=discounted,
    measures={"PV": present_value, "DV01": dv01, "CS01": cs01, "KRD": krd, "THETA": theta},
    payments=payments,
    nodes_by_flow=True,
)
