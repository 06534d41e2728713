"""Minutes of the board: what the directors knew, decided, and left undecided."""

from __future__ import annotations

from paperwork import company as of
from paperwork.company import LOAN, OVERDUE, day, usd

# In the markup of `docx`.
TEXT = f"""
# {of.COMPANY}: minutes of the board

Meeting held at 4 Weir Lane on 14 January 2026, from 14:00 to 16:20.

| Present | Office |
| {of.CHAIR} | Chair |
| {of.MANAGING} | Managing director |
| {of.FINANCE} | Finance director |
| {of.OUTSIDE} | Director |

## 1. Opening

The chair noted that notice had been given and that a quorum was present. The minutes of 15 December 2025 were approved.

## 2. Orders and production

{of.MANAGING} reported eleven machines on order: four QM-25, four QM-40 and three QM-60. Delivery of the QM-60 takes
five months, since castings arrive late. Two machines that were promised for December will be delivered in February.

## 3. Customers

Invoice {OVERDUE.number} to {of.PELLWORTH} for {usd(OVERDUE.amount)} is {OVERDUE.days_late} days overdue at the end of
the year. The customer says that it waits for a loan of its own. No allowance has been made in the accounts.

{of.BRINDLE} refuses to pay the last part of {usd(of.DISPUTED)} for the QM-60 with serial 60-088, because the spindle
does not reach its speed, and has announced a claim against the company of {usd(of.CLAIMED)} for lost production.
{of.OUTSIDE} asked for the advice of counsel. No provision has been made.

## 4. Finances

{of.FINANCE} presented the trial balance at {day(of.YEAR_END)}. Sales were in line with the budget, materials and
energy were not.

Interest cover for the year is {of.COVER_FOUND:.1f} times against {LOAN.cover:.1f} times in the loan agreement, so the
covenant is in breach. {of.BANK} has not yet been told. {of.MANAGING} will call the bank once the next order is
certain.

The forecast shows that cash falls below USD 50,000 in June 2026 if the bank asks for its money, which the company
could not repay. The directors discussed whether there is a material uncertainty about the company's future and will
come back to it when they approve the accounts.

The interim dividend of {usd(of.DIVIDEND)}, which was decided on 15 December 2025, was paid on 19 December 2025.

## 5. Works

The rent that is paid to {of.LANDLORD} was not discussed, since {of.MANAGING} had left the room for a call.

## 6. Actions

| What | Who | By |
| Ask {of.PELLWORTH} for a plan of payments | {of.MANAGING} | 31 January 2026 |
| Counsel's advice on {of.BRINDLE} | {of.FINANCE} | 15 February 2026 |
| Forecast of cash until June 2027 | {of.FINANCE} | 28 February 2026 |

## 7. Next meeting

18 March 2026. There being no further business the chair closed the meeting. Signed: {of.CHAIR}, chair.
"""
