"""Names, amounts and days that all papers share, so that they agree wherever they are meant to.

Everything is made up: no company, bank or person here exists. What is wrong with the company's books is wrong on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

COMPANY = "Quillmere Milling Machines Ltd"
BANK = "Tarnside Commercial Bank plc"
AUDITORS = "Ashgrove Pell LLP"
LANDLORD = "Marrow Lane Properties Ltd"
CHAIR, MANAGING, FINANCE, OUTSIDE = "Odile Brandermoor", "Rufus Ellerwick", "Imogen Thackervale", "Tobias Quenby"
LANDLADY = "Clemence Ellerwick"
YEAR_END = date(2025, 12, 31)

DIRECTORS_LOAN = 85_000
DIVIDEND = 120_000
RENT, MARKET_RENT = 264_000, 198_000
COVER_FOUND = 2.4
DISPUTED, CLAIMED = 140_000, 95_000


@dataclass(frozen=True)
class TermLoan:
    """The loan of the agreement: equal instalments, interest on what is left."""

    principal: int = 2_400_000
    rate: float = 0.0675
    drawn: date = date(2023, 7, 1)
    ends: date = date(2028, 7, 1)
    instalment: int = 120_000
    cover: float = 3.0  # the least interest cover
    paid: int = 9  # instalments until the end of the year, the first on 1 October 2023

    @property
    def outstanding(self) -> int:
        """At the end of the year."""
        return self.principal - self.paid * self.instalment

    @property
    def within_a_year(self) -> int:
        """Of that, four instalments."""
        return 4 * self.instalment

    @property
    def interest(self) -> float:
        """Of the year: on what was left in each of its quarters."""
        left = [self.outstanding + before * self.instalment for before in range(4)]
        return sum(left) * self.rate / 4


LOAN = TermLoan()


@dataclass(frozen=True)
class Invoice:
    """One line of the sales ledger; `paid` is missing while it is open."""

    number: str
    day: date
    customer: str
    goods: str
    amount: int
    due: date
    paid: date | None = None

    @property
    def days_late(self) -> int:
        """At the end of the year."""
        return max(0, (YEAR_END - self.due).days) if self.paid is None else 0


def _invoice(number: int, day: str, customer: str, goods: str, amount: int, due: str, paid: str = "") -> Invoice:
    settled = date.fromisoformat(paid) if paid else None
    name = f"INV-2025-{number:04d}"
    return Invoice(name, date.fromisoformat(day), customer, goods, amount, date.fromisoformat(due), settled)


DOVECOTE, PELLWORTH, ORRIN = "Dovecote Gearing Ltd", "Pellworth Castings Ltd", "Orrin Aerospace Parts Ltd"
HEXLEY, BRINDLE = "Hexley Tooling Ltd", "Brindle Pumps Ltd"

INVOICES = (
    _invoice(391, "2025-07-08", DOVECOTE, "Milling machine QM-25, serial 25-133", 118_400, "2025-09-06", "2025-09-03"),
    _invoice(394, "2025-07-17", HEXLEY, "Spindle bearings and belts", 9_850, "2025-08-16", "2025-08-20"),
    _invoice(398, "2025-07-31", PELLWORTH, "Milling machine QM-40, serial 40-217", 186_400, "2025-09-29"),
    _invoice(403, "2025-08-14", ORRIN, "Milling machine QM-60, serial 60-085", 291_000, "2025-10-13", "2025-10-10"),
    _invoice(407, "2025-08-29", BRINDLE, "Service contract, second half-year", 14_200, "2025-09-28", "2025-09-30"),
    _invoice(
        412, "2025-09-15", BRINDLE, "Milling machine QM-60, serial 60-088, first part", 160_000, "2025-11-14", "2025-11-12"
    ),
    _invoice(418, "2025-09-30", DOVECOTE, "Coolant pumps and filters", 21_700, "2025-10-30", "2025-10-28"),
    _invoice(422, "2025-10-16", ORRIN, "Milling machine QM-25, serial 25-138", 116_900, "2025-12-15", "2025-12-12"),
    _invoice(427, "2025-11-05", PELLWORTH, "Tool changer for serial 40-217", 33_600, "2025-12-05", "2025-12-04"),
    _invoice(431, "2025-11-18", HEXLEY, "Overhaul of spindle, serial 40-198", 42_200, "2026-01-17"),
    _invoice(431, "2025-11-25", HEXLEY, "Overhaul of spindle, serial 40-198", 42_200, "2026-01-24"),
    _invoice(436, "2025-11-27", ORRIN, "Milling machine QM-60, serial 60-091", 298_500, "2026-01-26"),
    _invoice(439, "2025-12-02", BRINDLE, "Milling machine QM-60, serial 60-088, last part", DISPUTED, "2026-01-31"),
    _invoice(442, "2025-12-09", DOVECOTE, "Milling machine QM-40, serial 40-221", 209_700, "2026-02-07"),
    _invoice(445, "2025-12-15", PELLWORTH, "Service contract, year 2026", 38_900, "2026-02-13"),
    _invoice(447, "2025-12-18", ORRIN, "Tooling package", 87_600, "2026-02-16"),
    _invoice(449, "2025-12-22", HEXLEY, "Milling machine QM-25, serial 25-140", 117_500, "2026-02-20"),
    _invoice(450, "2025-12-29", DOVECOTE, "Milling machine QM-25, serial 25-141", 121_300, "2026-02-27"),
)

OPEN = tuple(invoice for invoice in INVOICES if invoice.paid is None)
# The ageing report lists a number once, however often it was posted.
AGED = tuple({invoice.number: invoice for invoice in reversed(OPEN)}.values())[::-1]
RECEIVABLES = sum(invoice.amount for invoice in OPEN)
AGED_TOTAL = sum(invoice.amount for invoice in AGED)
OVERDUE = next(invoice for invoice in OPEN if invoice.days_late)

# Account, name, debit (above 0) or credit (below 0).
ACCOUNTS: tuple[tuple[str, str, float], ...] = (
    ("1000", "Plant and machinery, at cost", 1_940_000),
    ("1010", "Plant and machinery, accumulated depreciation", -812_000),
    ("1100", "Inventories: raw materials", 318_500),
    ("1110", "Inventories: work in progress", 441_200),
    ("1120", "Inventories: finished machines", 612_800),
    ("1200", "Trade receivables", RECEIVABLES),
    ("1210", f"Loan to {MANAGING}", DIRECTORS_LOAN),
    ("1220", "Prepayments", 38_600),
    ("1300", "Bank, current account", 64_750),
    ("1310", "Bond held as reserve, at cost", 250_000),
    ("2000", "Trade payables", -738_400),
    ("2010", "Accrued expenses", -121_700),
    ("2020", "Deposits of customers", -296_000),
    ("2030", "Payroll taxes", -88_350),
    ("2100", "Term loan, due within one year", -LOAN.within_a_year),
    ("2110", "Term loan, due after one year", LOAN.within_a_year - LOAN.outstanding),
    ("3000", "Share capital", -500_000),
    ("3100", "Retained earnings brought forward", -1_330_950),
    ("3200", "Interim dividend", DIVIDEND),
    ("4000", "Sales of machines", -5_412_000),
    ("4010", "Service and spare parts", -684_500),
    ("5000", "Materials", 2_988_400),
    ("5100", "Wages and salaries", 1_506_300),
    ("5200", f"Rent of the works, {LANDLORD}", RENT),
    ("5300", "Energy", 171_900),
    ("5400", "Warranty repairs", 96_200),
    ("5500", "Professional fees", 58_400),
    ("5600", "Other operating expenses", 768_300),
    ("5700", "Depreciation", 194_000),
    ("5800", "Interest on the term loan", LOAN.interest),
)


def ebitda() -> float:
    """Revenue less operating expenses, before depreciation and interest, as the trial balance has them."""
    return -sum(amount for account, _, amount in ACCOUNTS if account[0] in "45" and account not in {"5700", "5800"})


def usd(amount: float) -> str:
    """An amount as the papers write it."""
    return f"USD {amount:,.0f}"


def day(when: date) -> str:
    """A day as the papers write it: 31 December 2025."""
    return f"{when.day} {when:%B %Y}"
