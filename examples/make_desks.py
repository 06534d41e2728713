"""Writes the book of six desks, its market and its scenarios: `python examples/make_desks.py`. The same bytes every time.

Thirteen products. Everything here is made up to look plausible; none of it is a quote, a client's position or anybody's
opinion. Four positions are wrong on purpose, each in its own way.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from desk_market import VALUATION, market, scenarios

HERE = Path(__file__).resolve().parent
SEED = 20260115
EACH = 8
INDICES = {"USD": ("USD-SOFR-3M", 4, "US"), "EUR": ("EUR-EURIBOR-6M", 2, "TARGET")}
ISSUERS = ("ALDERMOOR", "BRACKWELL", "CORNFORD")
SHARES = {"ALDERMOOR": "USD", "DUNMERE": "EUR", "EASTHOLT": "GBP", "FENWICK": "JPY"}
PAIRS = (("EUR", "USD"), ("GBP", "USD"), ("USD", "JPY"), ("EUR", "GBP"))
NEAR = {("EUR", "USD"): 1.0875, ("GBP", "USD"): 1.2710, ("USD", "JPY"): 152.40, ("EUR", "GBP"): 0.8556, ("USD", "BRL"): 5.42}

Position = dict[str, Any]
Draw = random.Random


def after(days: int) -> str:
    """So many days after the valuation date."""
    return (VALUATION + timedelta(days=days)).isoformat()


def life(draw: Draw, years: tuple[int, ...]) -> Position:
    """A start in the past and a maturity in the future."""
    whole = draw.choice(years)
    start = VALUATION - timedelta(days=draw.randrange(20, 300 * whole))
    day = min(start.day, 28)
    return {"start_date": start.isoformat(), "maturity_date": date(start.year + whole, start.month, day).isoformat()}


def amount(draw: Draw, unit: float, most: int) -> float:
    """A whole number of units, one in four of them short."""
    return draw.choice((-1, 1, 1, 1)) * draw.randrange(1, most) * unit


def fixed_bond(draw: Draw) -> Position:
    """A bond of one of the issuers."""
    terms = {
        "day_count": draw.choice(("30/360", "ACT/ACT ISMA", "30E/360")),
        "frequency": draw.choice((1, 2)),
        "stub": "short_first",
    }
    rates = {"coupon": round(draw.uniform(0.01, 0.06), 4), "credit_spread": round(draw.uniform(0.004, 0.03), 4)}
    money = {"currency": draw.choice(("USD", "EUR", "GBP")), "notional": amount(draw, 1e6, 40)}
    return {"desk": "Credit"} | money | life(draw, (3, 5, 10)) | terms | {"stub": "short_first"} | rates


def floating(draw: Draw) -> Position:
    """The floating terms of a bond or a swap, fixed two business days ahead."""
    currency = draw.choice(list(INDICES))
    index, _, calendar = INDICES[currency]
    terms = {"index": index, "fixing_days": 2, "calendar": calendar, "payment_convention": "following", "stub": "short_first"}
    return {"currency": currency, "notional": amount(draw, 1e6, 60)} | life(draw, (2, 5, 10)) | terms


def floating_bond(draw: Draw) -> Position:
    """A floater of a bank."""
    terms = floating(draw)
    frequency = INDICES[terms["currency"]][1]
    rates = {"spread": round(draw.uniform(0.002, 0.012), 4), "credit_spread": round(draw.uniform(0.002, 0.012), 4)}
    return {"desk": "Rates"} | terms | {"day_count": "ACT/360", "frequency": frequency} | rates


def swap(draw: Draw) -> Position:
    """Fixed against floating."""
    terms = floating(draw)
    legs = {"fixed_day_count": "30/360", "fixed_frequency": 1, "floating_day_count": "ACT/360"}
    legs["floating_frequency"] = INDICES[terms["currency"]][1]
    return (
        {"desk": "Rates", "pay_receive": draw.choice(("pay", "receive")), "fixed_rate": round(draw.uniform(0.02, 0.045), 4)}
        | terms
        | legs
    )


def zero_bond(draw: Draw) -> Position:
    """A bill or a strip."""
    money = {"currency": draw.choice(("USD", "GBP", "JPY")), "notional": amount(draw, 1e6, 50)}
    return {"desk": "Rates"} | money | {"maturity_date": after(draw.randrange(40, 4000))}


def loan(draw: Draw) -> Position:
    """A loan that is paid back in one of the three ways."""
    terms = {"day_count": draw.choice(("ACT/360", "30/360")), "frequency": draw.choice((4, 12)), "stub": "short_last"}
    rates = {"rate": round(draw.uniform(0.03, 0.08), 4), "credit_spread": round(draw.uniform(0.01, 0.04), 4)}
    money = {"currency": draw.choice(("USD", "EUR", "GBP")), "notional": draw.randrange(4, 200) * 1e5}
    kind = {"amortization": draw.choice(("level_pay", "straight_line", "bullet"))}
    return {"desk": "Lending"} | money | life(draw, (3, 7, 10)) | kind | terms | rates


def deposit(draw: Draw) -> Position:
    """Money placed or taken, some of it from a later day on."""
    start = draw.randrange(-60, 20)
    terms = {"start_date": after(start), "maturity_date": after(start + draw.randrange(90, 360)), "day_count": "ACT/360"}
    money = {
        "currency": draw.choice(("USD", "EUR", "GBP", "JPY")),
        "notional": draw.choice((-1, 1)) * draw.randrange(1, 50) * 1e6,
    }
    return {"desk": "Treasury"} | money | terms | {"rate": round(draw.uniform(0.005, 0.045), 4)}


def cash(draw: Draw) -> Position:
    """A balance."""
    return {"desk": "Treasury", "currency": draw.choice(("USD", "EUR", "GBP", "JPY")), "notional": amount(draw, 1e5, 80)}


def pair(draw: Draw, pairs: tuple[tuple[str, str], ...] = PAIRS) -> tuple[Position, float]:
    """Two currencies, an amount of the first, and a price near today's."""
    base, quote = draw.choice(pairs)
    terms = {"base_currency": base, "quote_currency": quote, "notional": draw.choice((-1, 1)) * draw.randrange(1, 80) * 5e5}
    return {"desk": "FX"} | terms, NEAR[base, quote]


def forward(draw: Draw) -> Position:
    """A currency bought or sold for a later day."""
    terms, near = pair(draw)
    return terms | {"strike": round(near * draw.uniform(0.96, 1.04), 4), "maturity_date": after(draw.randrange(20, 700))}


def fx_swap(draw: Draw) -> Position:
    """Bought near and sold far; the near leg of some is over."""
    terms, near = pair(draw)
    first = draw.randrange(-60, 60)
    far = {"far_date": after(first + draw.randrange(90, 400)), "far_strike": round(near * draw.uniform(0.98, 1.02), 4)}
    return terms | {"near_date": after(first), "near_strike": near} | far


def ndf(draw: Draw) -> Position:
    """The real, settled in dollars; the first days of some fixings have passed."""
    terms, near = pair(draw, (("USD", "BRL"),))
    fixing = draw.choice((-1, 30, 90, 180, 360))
    dates = {"fixing_date": after(fixing), "maturity_date": after(fixing + 2)}
    return terms | {"settlement_currency": "USD", "strike": round(near * draw.uniform(0.95, 1.05), 4)} | dates


def option(draw: Draw) -> Position:
    """A call or a put on a pair that has a smile."""
    terms, near = pair(draw, PAIRS[:3])
    expiry = draw.randrange(20, 600)
    kind = {"option_type": draw.choice(("call", "put")), "strike": round(near * draw.uniform(0.92, 1.08), 4)}
    return terms | kind | {"expiry_date": after(expiry), "delivery_date": after(expiry + 2)}


def cds(draw: Draw) -> Position:
    """Protection on one of the issuers, bought or sold."""
    dates = {"start_date": "2025-09-20", "maturity_date": f"{draw.choice((2028, 2030, 2032))}-12-20"}
    money = {"currency": "USD", "notional": draw.choice((-1, 1)) * draw.randrange(1, 30) * 1e6, "coupon": 0.01}
    return {"desk": "Credit"} | money | dates | {"issuer": draw.choice(ISSUERS)}


def equity(draw: Draw) -> Position:
    """Shares, some of them short."""
    name = draw.choice(list(SHARES))
    return {"desk": "Equities", "equity": name, "currency": SHARES[name], "quantity": amount(draw, 100.0, 400)}


PRODUCTS: dict[str, Callable[[Draw], Position]] = {
    "FIXED_BOND": fixed_bond, "FLOATING_BOND": floating_bond, "ZERO_BOND": zero_bond, "AMORT_LOAN": loan, "DEPOSIT": deposit,
    "IRS": swap, "FX_FWD": forward, "FX_SWAP": fx_swap, "NDF": ndf, "FX_OPTION": option, "CDS": cds, "EQUITY": equity,
    "CASH": cash,
}  # fmt: skip


def wrong(draw: Draw) -> Iterator[Position]:
    """One position for each way in which pricing a position can fail, VEGA of what is no option apart."""
    bond, bought = fixed_bond(draw), forward(draw) | {"base_currency": "USD", "quote_currency": "SEK", "strike": 9.8}
    turned = {"start_date": "2031-06-01", "maturity_date": "2030-06-01"}
    yield {"position_id": "WRONG-PRODUCT", "product_type": "CAT_BOND"} | bond
    yield {"position_id": "WRONG-DATES", "product_type": "FIXED_BOND"} | bond | turned
    yield {"position_id": "WRONG-NO-CURVE", "product_type": "FX_FWD"} | bought
    terms = {"desk": "FX", "base_currency": "EUR", "quote_currency": "GBP", "notional": 2e6, "option_type": "call"}
    yield {"position_id": "WRONG-SMILE", "product_type": "FX_OPTION"} | terms | {"strike": 0.8556, "expiry_date": after(90)}


def book() -> list[Position]:
    """All positions, the wrong ones among the others."""
    draw = Draw(SEED)
    positions = [
        {"position_id": f"{product}-{number}", "product_type": product} | make(draw)
        for product, make in PRODUCTS.items()
        for number in range(1, EACH + 1)
    ]
    positions += wrong(draw)
    draw.shuffle(positions)
    return positions


def main() -> None:
    """Writes all three, into the folder that is named or beside this script."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    positions = book()
    files = {
        "books/desks.jsonl": "".join(json.dumps(position) + "\n" for position in positions),
        "markets/close.json": json.dumps(market(), indent=1) + "\n",
        "desk_scenarios.json": json.dumps(scenarios(), indent=1) + "\n",
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    print(f"{len(positions)} positions, {len(scenarios())} scenarios")


if __name__ == "__main__":
    main()
