"""Dates that move off holidays, over arrays.

Conventions: 2006 ISDA Definitions, section 4.12 (Business Day Convention).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from handlers.price.arrays import Ints, distinct, members
from handlers.price.calendars import NONE, BusinessDays, business_days
from handlers.price.dates import month_of

UNADJUSTED, FOLLOWING, MODIFIED_FOLLOWING, PRECEDING = range(4)
CONVENTIONS = {
    "unadjusted": UNADJUSTED,
    "following": FOLLOWING,
    "modified_following": MODIFIED_FOLLOWING,
    "preceding": PRECEDING,
}


def adjust(day: Ints, calendar: Ints, convention: Ints) -> Ints:
    """Each day moved to a business day of its calendar: on, back, or on unless that would leave the month."""
    moving = np.flatnonzero((convention != UNADJUSTED) & (calendar != NONE))
    if not moving.size:
        return day
    adjusted = day.copy()
    for chosen, business in _by_calendar(moving, calendar):
        adjusted[chosen] = _adjusted(day[chosen], business, convention[chosen])
    return adjusted


def _adjusted(day: Ints, business: BusinessDays, convention: Ints) -> Ints:
    place = business.place(day)
    following, preceding = business.following[place], business.preceding[place]
    leaves = (convention == MODIFIED_FOLLOWING) & (month_of(following) != month_of(day))
    return np.where(leaves | (convention == PRECEDING), preceding, following)


def business_days_before(day: Ints, calendar: Ints, count: Ints) -> Ints:
    """The day so many business days earlier; for none, the day itself or the business day before it."""
    earlier = np.empty_like(day)
    for chosen, business in _by_calendar(np.arange(day.size), calendar):
        place = business.place(day[chosen])
        back = business.ordered[np.maximum(business.before[place] - count[chosen], 0)]
        earlier[chosen] = np.where(count[chosen] == 0, business.preceding[place], back)
    return earlier


def _by_calendar(chosen: Ints, calendar: Ints) -> Iterator[tuple[Ints, BusinessDays]]:
    """Those of one calendar after those of another, with its business days."""
    codes, place = distinct(calendar[chosen])
    if codes.size:
        for code, alike in zip(codes.tolist(), members(place, codes.size), strict=True):
            yield chosen[alike], business_days(code)
