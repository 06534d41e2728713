"""The market of the book of six desks, and what could become of it tomorrow."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

VALUATION = date(2026, 1, 15)
LABEL = "Illustrative: made up by examples/make_desks.py."

PILLAR_YEARS = (0.25, 0.5, 1, 2, 3, 5, 7, 10, 15, 30)
# Level at the short end and the long end, continuous, ACT/365F, and how the curve goes between its pillars.
CURVES = {
    "USD": (0.0365, 0.0432, "log_linear_df"),
    "EUR": (0.0195, 0.0288, "linear_zero"),
    "GBP": (0.0372, 0.0461, "monotone_cubic_zero"),
    "JPY": (0.0075, 0.0215, "flat_forward"),
    "BRL": (0.1420, 0.1310, "linear_zero"),
}
PROJECTIONS = {"USD-SOFR-3M": ("USD", 0.0372, 0.0440), "EUR-EURIBOR-6M": ("EUR", 0.0205, 0.0297)}
HAZARD_YEARS = (0.5, 1, 3, 5, 7, 10)
ISSUERS = {"ALDERMOOR": ("BBB", 0.014, 0.022), "BRACKWELL": ("BBB", 0.018, 0.027), "CORNFORD": ("BB", 0.035, 0.048)}
SPOTS = {"EURUSD": 1.0875, "GBPUSD": 1.2710, "USDJPY": 152.40, "USDBRL": 5.42, "USDSEK": 9.8}
EXPIRY_DAYS = (30, 91, 182, 365, 730)
DELTAS = (0.1, 0.25, 0.5, 0.75, 0.9)
SMILES = {"EURUSD": (0.072, 0.004), "GBPUSD": (0.084, 0.006), "USDJPY": (0.101, -0.008)}
FIXING_DAYS = 200


def market() -> dict[str, Any]:
    """A snapshot of one evening, with all that thirteen products need, and one slip of the pen."""
    return {
        "snapshot_id": "illustrative-close-2026-01-15",
        "note": LABEL,
        "as_of": VALUATION.isoformat(),
        "curves": {name: _curve(short, long, kind) for name, (short, long, kind) in CURVES.items()},
        "projection_curves": {
            name: {"currency": currency} | _curve(short, long, "log_linear_df")
            for name, (currency, short, long) in PROJECTIONS.items()
        },
        "credit_curves": {"issuers": {name: _hazards(*terms) for name, terms in ISSUERS.items()}},
        "fixings": {name: _past(short) for name, (_, short, _) in PROJECTIONS.items()}
        | {"USDBRL": {(VALUATION - timedelta(days=1)).isoformat(): 5.4085}},
        "fx_spot": SPOTS,
        "fx_vols": {name: _smile(*terms) for name, terms in SMILES.items()} | {"EURGBP": _slip()},
        "equities": {
            "ALDERMOOR": {"currency": "USD", "price": 84.5},
            "DUNMERE": {"currency": "EUR", "price": 31.2},
            "EASTHOLT": {"currency": "GBP", "price": 6.48},
            "FENWICK": {"currency": "JPY", "price": 2115.0},
        },
    }


def scenarios() -> list[dict[str, Any]]:
    """The market as it is, and six ways in which it could be otherwise tomorrow."""
    return [
        {"id": "base", "shocks": []},
        {"id": "rates_up_100", "shocks": [{"kind": "rate_parallel", "bp": 100, "currency": "*"}]},
        {
            "id": "usd_steeper",
            "shocks": [{"kind": "rate_twist", "currency": "USD", "short_bp": -25, "long_bp": 40, "pivot": "2029-01-15"}],
        },
        {"id": "bbb_wider_75", "shocks": [{"kind": "credit_spread", "bp": 75, "rating": "BBB"}]},
        {"id": "dollar_down", "shocks": [{"kind": "fx", "pair": pair, "relative": by} for pair, by in _dollar_down().items()]},
        {"id": "vols_up_25pct", "shocks": [{"kind": "vol", "pair": "*", "relative": 0.25}]},
        {
            "id": "crash",
            "shocks": [
                {"kind": "rate_parallel", "bp": -60, "currency": "*"},
                {"kind": "credit_spread", "bp": 200},
                {"kind": "equity", "name": "*", "relative": -0.3},
                {"kind": "vol", "pair": "*", "relative": 0.5},
                {"kind": "fx", "pair": "USDJPY", "relative": -0.08},
            ],
        },
    ]


def _dollar_down() -> dict[str, float]:
    return {"EURUSD": 0.1, "GBPUSD": 0.08, "USDJPY": -0.1, "USDBRL": -0.12}


def _days_ahead(years: tuple[float, ...]) -> list[str]:
    return [(VALUATION + timedelta(days=round(365.25 * each))).isoformat() for each in years]


def _curve(short: float, long: float, interpolation: str) -> dict[str, Any]:
    rates = [round(short + (long - short) * (1 - 2 ** (-years / 4)), 6) for years in PILLAR_YEARS]
    kind = {"interpolation": interpolation, "compounding": "continuous", "day_count": "ACT/365F"}
    return kind | {"pillars": _days_ahead(PILLAR_YEARS), "zero_rates": rates}


def _hazards(rating: str, short: float, long: float) -> dict[str, Any]:
    rates = [round(short + (long - short) * years / 10, 6) for years in HAZARD_YEARS]
    kind = {"kind": "hazard", "interpolation": "log_linear_df", "rating": rating}
    return kind | {"pillars": _days_ahead(HAZARD_YEARS), "rates": rates}


def _past(level: float) -> dict[str, float]:
    """Fixings of the weekdays of half a year, which came down slowly."""
    days = [VALUATION - timedelta(days=before) for before in range(FIXING_DAYS, 0, -1)]
    return {day.isoformat(): round(level + 0.00003 * (VALUATION - day).days, 5) for day in days if day.weekday() < 5}


def _smile(level: float, skew: float) -> dict[str, Any]:
    """Dearer towards the wings, and on one side."""
    rows = [
        [round(level * (1 + row / 40) + skew * (delta - 0.5) + 0.06 * (delta - 0.5) ** 2, 5) for delta in DELTAS]
        for row in range(len(EXPIRY_DAYS))
    ]
    expiries = [(VALUATION + timedelta(days=days)).isoformat() for days in EXPIRY_DAYS]
    return {"expiries": expiries, "deltas": list(DELTAS), "vols": rows}


def _slip() -> dict[str, Any]:
    """Somebody typed 0.61 for 0.061: a smile that allows arbitrage, from which no price follows."""
    return {"expiries": ["2026-04-15"], "deltas": [0.25, 0.5, 0.75], "vols": [[0.063, 0.61, 0.065]]}
