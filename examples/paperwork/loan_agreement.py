"""The loan agreement: what was borrowed, how it is paid back, and what the company has promised the bank."""

from __future__ import annotations

from datetime import date

from paperwork.company import BANK, COMPANY, FINANCE, LOAN, MANAGING, day, usd

FOOTER = f"Term loan agreement  |  {COMPANY} and {BANK}"

TEXT = f"""
# Term Loan Agreement

Dated {day(LOAN.drawn)}, between {COMPANY} of 4 Weir Lane, Quillmere (the Company) and {BANK} of 1 Corn Exchange,
Tarnside (the Bank).

The Company makes milling machines and has asked the Bank to finance a machining hall and the tooling of the QM-60.
The Bank agrees to lend on the terms that follow. Schedules form part of this agreement.

## 1. Definitions

Business Day means a day on which banks in Tarnside are open for general business. Financial Year means the year that
ends on 31 December. Test Date means the last day of each Financial Year.

EBITDA means, for a Financial Year, the revenue of the Company less its operating expenses, before depreciation,
interest and taxes, as shown by the audited accounts, leaving out gains and losses that are neither recurring nor of
the ordinary business.

Interest Expense means, for a Financial Year, all interest that accrued on Financial Debt. Financial Debt means money
borrowed, the amount outstanding under finance leases, and any amount raised under another transaction that has the
effect of a borrowing.

Interest Cover means, on a Test Date, EBITDA divided by Interest Expense, both of the Financial Year that ends on that day.

Finance Documents means this agreement, the Security Documents listed in Schedule 2, and any fee letter.

## 2. The loan

Subject to the terms of this agreement the Bank makes available to the Company a term loan of {usd(LOAN.principal)}
(the Loan). The Company drew the Loan in one amount on {day(LOAN.drawn)}. An amount that is repaid may not be borrowed
again.

## 3. Purpose

The Company shall apply the Loan to build and equip the machining hall at 4 Weir Lane and to pay for the castings,
spindles and tooling of the QM-60 series. The Bank need not verify how the Loan is applied.

## 4. Interest

The rate of interest on the Loan is fixed at {LOAN.rate:.2%} a year. Interest accrues from day to day, on the basis of
twelve months of thirty days, and is payable in arrear together with each instalment.

An amount that the Company fails to pay on its due date bears interest at the rate of this clause increased by two
percent a year, from the due date until it is paid, before and after judgment.

## 5. Repayment

The Company shall repay the Loan in twenty equal instalments of {usd(LOAN.instalment)} each, on 1 January, 1 April, 1
July and 1 October of each year. The first instalment falls due on 1 October 2023 and the last on {day(LOAN.ends)}.
The balance after each instalment is set out in Schedule 1.

If an instalment falls due on a day that is not a Business Day, it is payable on the next Business Day in the same
calendar month, or else on the Business Day before.

## 6. Prepayment

The Company may prepay the whole or any part of the Loan, being at least USD 100,000, on any date on which interest is
payable, with ten Business Days of notice. In the first three years a fee of one percent of the amount prepaid is due.
Prepayments reduce the remaining instalments in inverse order of their maturity.

## 7. Fees and costs

The Company has paid an arrangement fee of USD 24,000. It shall reimburse the Bank for the reasonable costs of
preparing and enforcing the Finance Documents, and for the yearly inspection of the works.

## 8. Representations

The Company represents on the date of this agreement, and again on each date on which interest is payable, that it is
duly incorporated; that it has the power to enter into the Finance Documents and has taken all corporate action to
authorise them; that its latest accounts give a true and fair view; and that no proceedings are pending which might
have a material adverse effect on its ability to perform its obligations.

## 9. Financial covenants

9.1 Interest Cover shall on each Test Date be at least {LOAN.cover:.1f} times.

9.2 Current assets shall on each Test Date be at least 1.2 times current liabilities, both as shown by the audited accounts.

9.3 The Company shall deliver to the Bank a certificate of compliance with this clause, signed by two directors,
within sixty days of each Test Date, and its audited accounts within one hundred and twenty days of it.

## 10. Undertakings to inform

The Company shall tell the Bank without delay, and in any case within five Business Days, as soon as it becomes aware
that a requirement of clause 9 has not been or is unlikely to be met, and what it proposes to do about it. It shall
supply management accounts within thirty days of the end of each quarter, and any other information that the Bank
reasonably requests.

## 11. General undertakings

11.1 Distributions. The Company shall not declare or pay a dividend, or make any other distribution to its
shareholders, in respect of a Financial Year in which Interest Cover is less than {LOAN.cover:.1f} times, unless the
Bank has given its prior written consent.

11.2 Lending. The Company shall not make a loan to, or give credit to, any director, shareholder or person connected
with them, beyond USD 20,000 in total, unless the Bank has given its prior written consent.

11.3 Other security. The Company shall not create or permit any security over its assets other than the Security
Documents, and rights that arise by operation of law in the ordinary course of business.

11.4 Insurance. The Company shall keep its machines, stock and works insured for their replacement value with the
interest of the Bank noted on each policy.

11.5 Disposals. The Company shall not sell, lease or transfer assets of more than USD 50,000 in a Financial Year other
than stock in the ordinary course of business.

## 12. Security

The obligations of the Company are secured by a charge over the machining hall equipment, inventories and receivables,
and by the personal guarantee of {MANAGING} for up to USD 300,000, as listed in Schedule 2.

## 13. Default

13.1 It is an Event of Default if the Company does not pay an amount on its due date and the failure is not remedied
within three Business Days; if a requirement of clause 9 is not met; if an undertaking of clause 10 or 11 is not
performed and, where it can be remedied, is not remedied within fifteen Business Days; if a representation proves to
have been materially incorrect; or if the Company suspends payment of its debts, or an administrator is appointed over
its assets.

13.2 While it continues the Bank may by notice declare that the Loan, with accrued interest and all other amounts
outstanding, is immediately due and payable, and may enforce its security. A waiver is effective only if given in
writing, and before accounts are approved it does not bind the Bank for any later Test Date.

## 14. Changes and notices

No term of the Finance Documents may be changed except in writing signed by both parties. Notices are given in
writing, to the Company for the attention of its finance director, to the Bank for the attention of its manager of
business loans.

## 15. Governing law

This agreement is governed by the law of the place where the Bank has its registered office, whose courts have jurisdiction.

Signed for {COMPANY} by {MANAGING}, managing director, and {FINANCE}, finance director, and for {BANK} by its
authorised signatory, on {day(LOAN.drawn)}.

## Schedule 1: Balance of the Loan

{{schedule}}

## Schedule 2: Security Documents

1. Charge over equipment, inventories and receivables of the Company, dated {day(LOAN.drawn)}.

2. Personal guarantee of {MANAGING} for up to USD 300,000, dated {day(LOAN.drawn)}.

3. Assignment of the proceeds of the insurance policies, dated {day(LOAN.drawn)}.
"""


def text() -> str:
    """The agreement with its schedule of balances, in the markup of `pages_of`."""
    balances = []
    for number in range(LOAN.principal // LOAN.instalment):
        due = date(LOAN.drawn.year + (number + 3) // 4, (10, 1, 4, 7)[number % 4], 1)
        balances.append(f"{day(due)}: {usd(LOAN.principal - (number + 1) * LOAN.instalment)}")
    return TEXT.replace("{schedule}", "\n\n".join(balances))
