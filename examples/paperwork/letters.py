"""The engagement letter of the auditors, a note on related parties, and two papers that cannot be read by a program."""

from __future__ import annotations

import textwrap

from paperwork import company as of
from paperwork.company import AUDITORS, CHAIR, COMPANY, FINANCE, MANAGING, YEAR_END, day, usd

ENGAGEMENT = f"""
{AUDITORS}
12 Assize Court, Tarnside

To the directors of {COMPANY}
4 Weir Lane, Quillmere

3 November 2025

Audit of the financial statements for the year ending {day(YEAR_END)}

1. What we do

You have asked us to audit the financial statements of {COMPANY}, which comprise the balance sheet, the income
statement, the statement of cash flows and the notes. We are pleased to confirm that we accept. We conduct our audit
with the objective of expressing an opinion on whether they give a true and fair view.

We will conduct it in accordance with International Standards on Auditing. They require that we comply with ethical
requirements, and that we plan and perform the audit to obtain reasonable assurance that the financial statements are
free from material misstatement, whether caused by fraud or error.

2. What we shall look at in particular

Revenue and receivables, since machines are invoiced in parts and around the end of the year; inventories, since the
QM-60 is new and its costs are still being learned; borrowings, since the term loan carries financial covenants; and
dealings between the company, its directors and persons connected with them.

We have set materiality for the financial statements as a whole at USD 60,000. We report to you every difference above
USD 3,000 that is not corrected.

3. What we need of you

The directors are responsible for the financial statements and for the internal control that they need. Please give
us, by 16 January 2026, the trial balance, the sales ledger and ageing report, the minutes of all meetings of the
board, the loan agreement, a list of dealings with connected persons, and a valuation of the financial instruments
that the company holds.

4. When, who and for how much

We start in the week of 19 January 2026 and expect to sign our report by 30 April 2026. Our fee is USD 34,000 plus
expenses, of which half is due when we start. Additional work that incomplete or late papers cause is charged by the
hour.

Please sign and return the attached copy to show that you agree.

{AUDITORS}

Agreed for {COMPANY} on 7 November 2025:
{CHAIR}, chair                {FINANCE}, finance director
"""

RELATED = f"""
# Dealings with directors and persons connected with them

Prepared by {FINANCE} for the auditors, 15 January 2026. Amounts are of the year that ended on {day(YEAR_END)}.

## 1. Loan to {MANAGING}

The company lent {MANAGING}, managing director, {usd(of.DIRECTORS_LOAN)} on 2 June 2025, to be repaid on demand. It
bears no interest. This director's loan is account 1210 of the trial balance. The loan note is unsigned, and the
minutes of the board do not mention it. Nothing was repaid by the end of the year.

## 2. Rent of the works

The works at 4 Weir Lane belong to {of.LANDLORD}, whose only shareholder is {of.LANDLADY}, the managing director's
wife; it is therefore a related party. The company paid rent of {usd(of.RENT)} for the year. A valuer whom the bank
asked in 2023 put the market rent at {usd(of.MARKET_RENT)}.

The written lease expired on 30 September 2025. The parties carry on as before; a new lease has been drafted by the
landlord and asks for the same rent.

## 3. Surety for the bank

{MANAGING} guarantees up to USD 300,000 of the term loan. He receives no fee for it.

## 4. Pay of directors

| director | office | pay for the year |
|---|---|---|
| {MANAGING} | managing director | USD 138,000 |
| {FINANCE} | finance director | USD 104,000 |
| {CHAIR} | chair | USD 24,000 |

Details by month are in `directors-pay.pdf`, which is protected by a password.
"""

PAY = f"""
# Pay of the directors, 2025

Confidential. {COMPANY}, {day(YEAR_END)}.

{MANAGING}: USD 11,500 a month, USD 138,000 in all. {FINANCE}: USD 8,667 a month, USD 104,000 in all. {CHAIR}: USD
6,000 a quarter, USD 24,000 in all.
"""
PAY_PASSWORD = "quillmere"  # noqa: S105  (a password that is meant to be known)

DELIVERY_NOTE = (
    "QUILLMERE MILLING MACHINES LTD",
    "4 WEIR LANE, QUILLMERE",
    "",
    "DELIVERY NOTE  DN-2025-0388",
    "",
    "TO: BRINDLE PUMPS LTD",
    "DATE: 2 DECEMBER 2025",
    "ORDER: BP-7741",
    "",
    "1  MILLING MACHINE QM-60",
    "   SERIAL 60-088",
    "1  SET OF TOOL HOLDERS",
    "2  MANUALS",
    "",
    "RECEIVED WITH RESERVATION:",
    "SPINDLE DOES NOT REACH SPEED,",
    "COOLANT LEAKS AT THE TABLE.",
    "",
    "SIGNED FOR BRINDLE PUMPS LTD",
    "STORES",
)


def wrapped(text: str, width: int | None = None) -> str:
    """The text with its prose in lines of at most `width` characters, or a line a paragraph; other blocks stay as they are."""
    blocks = (_filled(block, width or len(block)) if block.endswith(".") else block for block in text.strip().split("\n\n"))
    return "\n\n".join(blocks) + "\n"


def _filled(block: str, width: int) -> str:
    return textwrap.fill(" ".join(block.split()), width, break_on_hyphens=False)
