"""How the dates of positions roll, how they move off holidays and when coupons are traded ex: fields that products share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from handlers.price.adjustment import CONVENTIONS, UNADJUSTED, adjust
from handlers.price.arrays import Bools, Columnar, Ints
from handlers.price.calendars import NONE
from handlers.price.fields import Column, calendar, choice, flag, whole

_SAME_CALENDAR = -1
_MOST_EX_DAYS = 60

PAYMENT_FIELDS = (calendar("calendar", absent=NONE), choice("payment_convention", CONVENTIONS, absent=UNADJUSTED))
ADJUSTMENT_FIELDS = (*PAYMENT_FIELDS, choice("accrual_convention", CONVENTIONS, absent=UNADJUSTED))
SCHEDULE_FIELDS = (*ADJUSTMENT_FIELDS, flag("end_of_month"))
EX_COUPON_FIELDS = (
    whole("ex_coupon_days", _MOST_EX_DAYS, absent=0),
    calendar("ex_coupon_calendar", absent=_SAME_CALENDAR),
)


@dataclass(frozen=True, slots=True)
class DateRules(Columnar):
    """The rules of P positions.

    `accrual` is the convention by which the dates between which interest accrues move, `payment` that by which payments,
    counted from those dates, move. A coupon is traded ex from `ex_days` business days of `ex_calendar` before its payment on.
    """

    calendar: Ints
    accrual: Ints
    payment: Ints
    end_of_month: Bools
    ex_days: Ints
    ex_calendar: Ints

    @classmethod
    def of(cls, columns: Mapping[str, Column]) -> Self:
        """The rules in these columns; a field that the product does not have is as if it was not given."""
        calendar = columns["calendar"]
        absent = np.zeros(calendar.size, dtype=np.int64)
        ex_calendar = columns.get("ex_coupon_calendar", absent)
        return cls(
            calendar,
            columns.get("accrual_convention", absent),
            columns["payment_convention"],
            columns.get("end_of_month", absent) != 0,
            columns.get("ex_coupon_days", absent),
            np.where(ex_calendar == _SAME_CALENDAR, calendar, ex_calendar),
        )

    def accrual_dates(self, dates: Ints) -> Ints:
        """Dates of the contract, one of each position, as interest accrues between them."""
        return adjust(dates, self.calendar, self.accrual)

    def payment_dates(self, accrual_dates: Ints) -> Ints:
        """When what has accrued until these dates, one of each position, is paid."""
        return adjust(accrual_dates, self.calendar, self.payment)

    def last_payments(self, end: Ints) -> Ints:
        """The day of each position's last payment."""
        return self.payment_dates(self.accrual_dates(end))

    def faults(self) -> list[tuple[Bools, str]]:
        """What contradicts itself."""
        moved = (self.accrual != UNADJUSTED) | (self.payment != UNADJUSTED)
        return [(moved & (self.calendar == NONE), "calendar: must be given with accrual_convention or payment_convention")]
