"""The products: one literal table, product type to pricer."""

from __future__ import annotations

from handlers.price.pricers.cds import CDS
from handlers.price.pricers.deposit import DEPOSIT
from handlers.price.pricers.floating_bond import FLOATING_BOND
from handlers.price.pricers.fx_forward import FX_FWD
from handlers.price.pricers.fx_option import FX_OPTION
from handlers.price.pricers.fx_swap import FX_SWAP
from handlers.price.pricers.holdings import CASH, EQUITY
from handlers.price.pricers.lending import AMORT_LOAN, FIXED_BOND
from handlers.price.pricers.ndf import NDF
from handlers.price.pricers.pricer import Pricer
from handlers.price.pricers.swap import IRS
from handlers.price.pricers.zero_bond import ZERO_BOND

PRICERS: dict[str, Pricer] = {
    "FIXED_BOND": FIXED_BOND,
    "FLOATING_BOND": FLOATING_BOND,
    "ZERO_BOND": ZERO_BOND,
    "AMORT_LOAN": AMORT_LOAN,
    "DEPOSIT": DEPOSIT,
    "IRS": IRS,
    "FX_FWD": FX_FWD,
    "FX_SWAP": FX_SWAP,
    "NDF": NDF,
    "FX_OPTION": FX_OPTION,
    "EQUITY": EQUITY,
    "CASH": CASH,
    "CDS": CDS,
}


def registered_types() -> tuple[str, ...]:
    """The product types that can be priced."""
    return tuple(PRICERS)
