"""Why a cell has no value: the error codes of a row."""

from __future__ import annotations

from typing import NamedTuple

UNKNOWN_PRODUCT = "UNKNOWN_PRODUCT"
MISSING_MARKET_DATA = "MISSING_MARKET_DATA"
INVALID_TERMS = "INVALID_TERMS"
UNSUPPORTED = "UNSUPPORTED"
CALCULATION_FAILED = "CALCULATION_FAILED"


class Fault(NamedTuple):
    """An error code and the sentence that goes with it."""

    code: str
    detail: str
