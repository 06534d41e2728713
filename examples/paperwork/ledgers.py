"""The books: trial balance with its reconciliations, sales ledger, ageing report."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from html import escape
from io import StringIO

from paperwork.company import (
    ACCOUNTS,
    AGED,
    AGED_TOTAL,
    COMPANY,
    INVOICES,
    LOAN,
    OPEN,
    RECEIVABLES,
    YEAR_END,
    Invoice,
    day,
    usd,
)
from paperwork.office import Rows

_BANDS = ("not due", "1-30 days", "31-60 days", "61-90 days", "over 90 days")


def trial_balance() -> Mapping[str, Rows]:
    """Two sheets: the accounts, and what the balances were compared with."""
    lines = [(account, name, max(amount, 0) or "", max(-amount, 0) or "") for account, name, amount in ACCOUNTS]
    debit, credit = (sum(max(sign * amount, 0) for _, _, amount in ACCOUNTS) for sign in (1, -1))
    head: Rows = [(f"{COMPANY}: trial balance at {day(YEAR_END)}, USD",), ("Account", "Name", "Debit", "Credit")]
    return {"Trial balance": [*head, *lines, ("", "Total", debit, credit)], "Reconciliations": _reconciliations()}


def _reconciliations() -> Rows:
    gap = RECEIVABLES - AGED_TOTAL
    return [
        ("Account", "What", "Trial balance", "Other record", "Difference", "Remark"),
        (
            "1200",
            "Trade receivables against the ageing report",
            RECEIVABLES,
            AGED_TOTAL,
            gap,
            f"A difference of {usd(gap)} is unreconciled",
        ),
        ("1300", "Bank, current account, against the bank's statement", 64_750, 64_750, 0, "Agrees"),
        ("1310", "Bond held as reserve against the custodian's statement", 250_000, 250_000, 0, "Agrees"),
        ("2100 and 2110", "Term loan against Schedule 1 of the agreement", LOAN.outstanding, LOAN.outstanding, 0, "Agrees"),
        ("5800", "Interest on the term loan, recomputed", LOAN.interest, LOAN.interest, 0, "Agrees"),
    ]


def sales_ledger() -> str:
    """The invoices of the second half-year as CSV, as the bookkeeping program exports them."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("invoice", "date", "customer", "goods", "amount_usd", "due", "paid", "state"))
    for each in INVOICES:
        writer.writerow(
            (each.number, each.day, each.customer, each.goods, f"{each.amount:.2f}", each.due, each.paid or "", _state(each))
        )
    return out.getvalue()


def _state(invoice: Invoice) -> str:
    if invoice.paid:
        return "paid"
    return f"open, {invoice.days_late} days overdue" if invoice.days_late else "open"


def ageing_report() -> str:
    """The open invoices by age as a page of HTML, with the remarks of the program that printed it."""
    head = "".join(f"<th>{name}</th>" for name in ("Invoice", "Customer", "Due", *_BANDS))
    rows = "\n".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in _aged(invoice))}</tr>" for invoice in AGED)
    sums = "".join(f"<td>{_sum(band)}</td>" for band in range(len(_BANDS)))
    title = f"Receivables by age at {day(YEAR_END)}"
    twice = next(invoice.number for invoice in OPEN if invoice not in AGED)
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{COMPANY}: {title}</title>
<style>body {{font-family: sans-serif}} td {{padding: 2px 10px}} td:nth-child(n+4) {{text-align: right}}</style></head>
<body>
<h1>{title}</h1>
<p>{COMPANY}. Amounts in USD. Printed on 9 January 2026.</p>
<table>
<tr>{head}</tr>
{rows}
<tr><td>Total {AGED_TOTAL:,}</td><td></td><td></td>{sums}</tr>
</table>
<h2>Remarks of the program</h2>
<ul>
<li>Duplicate invoice number {twice}: posted on 18 and on 25 November 2025, shown once in this report.</li>
<li>Pellworth Castings Ltd is over its credit limit of USD 150,000.</li>
</ul>
</body>
</html>
"""


def _aged(invoice: Invoice) -> tuple[str, ...]:
    amounts = (f"{invoice.amount:,}" if band == _band(invoice) else "" for band in range(len(_BANDS)))
    return (invoice.number, invoice.customer, invoice.due.isoformat(), *amounts)


def _band(invoice: Invoice) -> int:
    return 0 if not invoice.days_late else min(4, 1 + (invoice.days_late - 1) // 30)


def _sum(band: int) -> str:
    total = sum(invoice.amount for invoice in AGED if _band(invoice) == band)
    return f"{total:,}" if total else ""
