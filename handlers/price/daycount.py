"""Year fractions of accrual periods, by day count convention.

Sources: 2006 ISDA Definitions, section 4.16 (d) ACT/365F, (e) ACT/360, (f) 30/360, (g) 30E/360; ICMA rule 251 for
ACT/ACT ISMA.
"""

from __future__ import annotations

import numpy as np

from handlers.price.arrays import Floats, Ints
from handlers.price.dates import add_months, is_31st, is_month_end, month_end, thirty_day_months
from handlers.price.schedule import Schedule

ACT_365F, ACT_360, THIRTY_360, THIRTY_E_360, ACT_ACT_ISMA = range(5)
DAY_COUNTS = {
    "ACT/365F": ACT_365F,
    "ACT/360": ACT_360,
    "30/360": THIRTY_360,
    "30E/360": THIRTY_E_360,
    "ACT/ACT ISMA": ACT_ACT_ISMA,
}
# What needs no coupon periods around the dates.
DAY_COUNTS_BY_DATES = {name: code for name, code in DAY_COUNTS.items() if code != ACT_ACT_ISMA}


def act_365f(start: Ints, end: Ints) -> Floats:
    return (end - start) / 365.0


def act_360(start: Ints, end: Ints) -> Floats:
    return (end - start) / 360.0


def thirty_360(start: Ints, end: Ints) -> Floats:
    """The 31st counts as the 30th; at the end only if the start is the 30th or 31st too."""
    begin, stop = thirty_day_months(start), thirty_day_months(end)
    late = np.flatnonzero(is_31st(end))
    stop[late] += begin[late] % 30 != 0
    return (stop - begin) / 360.0


def thirty_e_360(start: Ints, end: Ints) -> Floats:
    """The 31st counts as the 30th at both ends."""
    return (thirty_day_months(end) - thirty_day_months(start)) / 360.0


_BY_DATES = {ACT_365F: act_365f, ACT_360: act_360, THIRTY_360: thirty_360, THIRTY_E_360: thirty_e_360}


def fractions_between(start: Ints, end: Ints, day_count: Ints) -> Floats:
    """The year fraction from each start to its end, by any of DAY_COUNTS_BY_DATES."""
    fractions = (end - start) / _days_a_year(day_count)
    present = np.flatnonzero(np.bincount(day_count, minlength=5))
    for code in present[present > ACT_360].tolist():
        chosen = day_count == code
        fractions[chosen] = _BY_DATES[code](start[chosen], end[chosen])
    return fractions


def period_fractions(schedule: Schedule, day_count: Ints, frequency: Ints) -> Floats:
    """The year fraction of every period of a schedule; `day_count` and `frequency` are those of its positions."""
    present = np.flatnonzero(np.bincount(day_count, minlength=5))
    if present.size == 1:
        return _fractions_by(int(present[0]), schedule, slice(None), frequency)
    fractions = (schedule.end - schedule.start) / np.repeat(_days_a_year(day_count), schedule.counts)
    code_of = np.repeat(day_count.astype(np.int8), schedule.counts)
    for code in present[present > ACT_360].tolist():
        chosen = np.flatnonzero(code_of == code)
        fractions[chosen] = _fractions_by(code, schedule, chosen, frequency)
    return fractions


def _days_a_year(day_count: Ints) -> Floats:
    """What actual days are divided by; of no meaning for other rules."""
    return np.where(day_count == ACT_360, 360.0, 365.0)


def _fractions_by(code: int, schedule: Schedule, chosen: Ints | slice, frequency: Ints) -> Floats:
    if code != ACT_ACT_ISMA:
        return _BY_DATES[code](schedule.start[chosen], schedule.end[chosen])
    fractions = (1.0 / frequency)[schedule.owner]
    odd = schedule.irregular
    if odd.size:
        fractions[odd] = _quasi_fractions(schedule, odd, schedule.start[odd], schedule.end[odd], frequency)
    return fractions[chosen]


def partial_fractions(schedule: Schedule, period: Ints, begin: Ints, stop: Ints, day_count: Ints, frequency: Ints) -> Floats:
    """The year fraction from `begin` to `stop` within each of these periods."""
    owner = schedule.owner[period]
    rule = day_count[owner]
    fractions = (stop - begin) / _days_a_year(rule)
    present = np.flatnonzero(np.bincount(rule, minlength=5))
    for code in present[present > ACT_360].tolist():
        chosen = np.flatnonzero(rule == code)
        if code != ACT_ACT_ISMA:
            fractions[chosen] = _BY_DATES[code](begin[chosen], stop[chosen])
            continue
        whole = schedule.end[period[chosen]] - schedule.start[period[chosen]]
        fractions[chosen] = (stop[chosen] - begin[chosen]) / (frequency[owner[chosen]] * whole)
        odd = chosen[np.isin(period[chosen], schedule.irregular)]
        fractions[odd] = _quasi_fractions(schedule, period[odd], begin[odd], stop[odd], frequency)
    return fractions


def _quasi_fractions(schedule: Schedule, period: Ints, begin: Ints, stop: Ints, frequency: Ints) -> Floats:
    """ACT/ACT ISMA from `begin` to `stop` within each of these irregular periods.

    The period is covered with quasi-coupon periods, rolled one after the other from the regular coupon date beside it:
    back from its end, or on from its start when the schedule is `forward`. Each of them weighs 1 / frequency.
    """
    owner, start, end = schedule.owner[period], schedule.start[period], schedule.end[period]
    forward, frequency = schedule.forward[owner], frequency[owner]
    step = np.where(forward, 12 // frequency, -12 // frequency)
    near, fractions = np.where(forward, start, end), np.zeros(start.size)
    left = np.arange(start.size)
    while left.size:
        far = add_months(near[left], step[left])
        far = np.where(schedule.end_of_month[owner[left]] & is_month_end(near[left]), month_end(far), far)
        low, high = np.minimum(near[left], far), np.maximum(near[left], far)
        days = np.minimum(stop[left], high) - np.maximum(begin[left], low)
        fractions[left] += np.maximum(days, 0) / (frequency[left] * (high - low))
        near[left] = far
        left = left[np.where(forward[left], far < end[left], far > start[left])]
    return fractions
