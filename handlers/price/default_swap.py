"""Credit default swaps as they stand in the contract: premiums still to be paid, and spans of time over which default counts.

Conventions of the ISDA CDS Standard Model (cdsmodel.com), whose clock stands at the end of each day. Premiums accrue from
the first day of a period to the day before its end, in the last period to maturity itself. A premium is paid in full if
there was no default until the day before it; otherwise what accrued until the default is paid, with half a day more than
the clock says. The buyer is protected through maturity.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from handlers.price.arrays import Bools, Floats, Ints, offsets
from handlers.price.schedule import Schedule, build

# A period accrues from the end of the day before it, and the model adds half a day.
_ACCRUAL_LEAD = 1.5

# A position's place and a day as one number: days of the calendar are less than 2**23 apart.
_SHIFT = 2**23


@dataclass(frozen=True, slots=True)
class DefaultSwapTerms:
    """Terms of P swaps; a positive notional is protection bought.

    The buyer pays `coupon` a year, of `basis` days, and `upfront`, a share of the notional, on `upfront_date`.
    """

    currency: Ints
    notional: Floats
    issuer: Ints
    rating: Ints
    start: Ints
    maturity: Ints
    coupon: Floats
    basis: Ints
    frequency: Ints
    stub: Ints
    first_coupon: Ints
    recovery: Floats
    upfront: Floats
    upfront_date: Ints

    def take(self, chosen: Ints | slice) -> Self:
        """The terms of the chosen positions."""
        return type(self)(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @property
    def sizes(self) -> Ints:
        """About how many premiums and spans each position has."""
        return 2 * ((self.maturity - self.start) * self.frequency // 365 + 2)


@dataclass(frozen=True, slots=True)
class Premiums:
    """Premiums after the valuation date, flat over P positions in time order.

    Each belongs to its `owner`, accrues from `start` to `end`, when it is paid, and comes to the signed `amount`. `accrued`
    (P) is what accrued through the valuation date.
    """

    terms: DefaultSwapTerms
    valuation: int
    owner: Ints
    start: Ints
    end: Ints
    amount: Floats
    accrued: Floats


def premiums(terms: DefaultSwapTerms, valuation: int) -> Premiums:
    """What swaps that have not matured still pay in premiums."""
    schedule = build(terms.start, terms.maturity, 12 // terms.frequency, terms.stub, terms.first_coupon)
    daily = -terms.notional * terms.coupon / terms.basis
    ahead = schedule.end > valuation
    owner, start, end = schedule.owner[ahead], schedule.start[ahead], schedule.end[ahead]
    days = end - start + (end == terms.maturity[owner])
    return Premiums(terms, valuation, owner, start, end, daily[owner] * days, daily * _days_accrued(schedule, ahead, valuation))


def _days_accrued(schedule: Schedule, ahead: Bools, valuation: int) -> Ints:
    """The days of each position's current period, the valuation date included."""
    current = schedule.bounds[1:] - np.bincount(schedule.owner[ahead], minlength=schedule.counts.size)
    days: Ints = np.maximum(valuation + 1 - schedule.start[current], 0)
    return days


@dataclass(frozen=True, slots=True)
class Spans:
    """Spans of days, flat over P positions in time order, from the end of day `first` to the end of day `last`.

    Within one, no curve has a pillar and no period begins or ends. A default at a time t of it is worth
    `base` + `slope` · (t - first), t in days.
    """

    owner: Ints
    first: Ints
    last: Ints
    base: Floats
    slope: Floats


def spans(flows: Premiums, owner: Ints, pillar: Ints) -> Spans:
    """The spans of each position to its maturity, cut at those of the days `pillar` of their `owner` that lie within."""
    terms, today = flows.terms, flows.valuation
    begin = np.maximum(terms.start, today + 1) - 1
    period_begin = np.maximum(flows.start - 1, begin[flows.owner])
    within = (pillar > begin[owner]) & (pillar < terms.maturity[owner])
    places = np.arange(terms.maturity.size)
    owners = np.concatenate((flows.owner, places, places, owner[within]))
    days = np.concatenate((period_begin, terms.maturity - 1, terms.maturity, pillar[within]))
    cuts = np.unique(owners * _SHIFT + (days - today))
    cut_owner, cut_day = np.divmod(cuts, _SHIFT)
    inner = cut_owner[1:] == cut_owner[:-1]
    span_owner, first, last = cut_owner[:-1][inner], cut_day[:-1][inner] + today, cut_day[1:][inner] + today
    period = np.searchsorted(flows.owner * _SHIFT + (period_begin - today), cuts[:-1][inner], side="right") - 1
    return _valued(flows, span_owner, first, last, period)


def _valued(flows: Premiums, owner: Ints, first: Ints, last: Ints, period: Ints) -> Spans:
    terms = flows.terms
    protection = (terms.notional * (1.0 - terms.recovery))[owner]
    daily = (-terms.notional * terms.coupon / terms.basis)[owner]
    slope = np.where(last <= flows.end[period] - 1, daily, 0.0)
    return Spans(owner, first, last, protection + slope * (first - flows.start[period] + _ACCRUAL_LEAD), slope)


def default_integrals(
    discount_first: Floats, discount_last: Floats, survival_first: Floats, survival_last: Floats, days: Floats
) -> tuple[Floats, Floats]:
    """∫ DF · (-dQ) and ∫ (t - first) · DF · (-dQ) over spans (N × S), t in days, each `days` (N) long.

    Exact where the forward rate and the hazard rate are constant within the span: there ln DF and ln Q are linear.
    """
    hazard = np.log(survival_first / survival_last)
    decay = np.log(discount_first / discount_last) + hazard
    mass = discount_first * survival_first * hazard
    level, moment = _decay_means(decay)
    return mass * level, mass * moment * days[:, None]


# Below this the series is more exact than the difference that it stands for.
_SMALL_DECAY = 1e-2


def _decay_means(decay: Floats) -> tuple[Floats, Floats]:
    """∫ exp(-x u) du and ∫ u exp(-x u) du over u from 0 to 1."""
    x = np.where(decay == 0.0, 1.0, decay)
    level = np.where(decay == 0.0, 1.0, -np.expm1(-x) / x)
    series = 1 / 2 - decay * (1 / 3 - decay * (1 / 8 - decay * (1 / 30 - decay * (1 / 144 - decay / 840))))
    moment = np.where(np.abs(decay) < _SMALL_DECAY, series, (level - np.exp(-x)) / x)
    return level, moment


def row_bounds(owner: Ints, positions: int) -> Ints:
    """Where each position's entries begin among those with these ascending owners; the last element is how many there are."""
    return offsets(np.bincount(owner, minlength=positions))
