"""What a run must be worth: the closed formulas of docs/pricing.md, one position and one scenario at a time."""

from __future__ import annotations

import calendar
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

BASIS_POINT = 1e-4
TOTALLED = ("PV", "ACCRUED", "DV01")
MEASURES = {"FX_FWD": ("PV", "ACCRUED", "DV01", "FX_DELTA"), "FIXED_BOND": ("PV", "ACCRUED", "DV01")}

Shocks = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Cells:
    """One row of a run: a value for each scenario, or a code and no values."""

    row_no: int
    position_id: str
    measure: str
    values: tuple[float | None, ...]
    error: str | None


@dataclass(frozen=True, slots=True)
class Valued:
    """All of a run: its rows in order, and its totals by measure and scenario."""

    rows: tuple[Cells, ...]
    totals: dict[str, dict[str, float | None]]

    @property
    def errors(self) -> int:
        return sum(row.error is not None for row in self.rows)


class World:
    """A market under the shocks of one scenario, with every zero rate moved by `bump`."""

    def __init__(self, market: Mapping[str, Any], valuation: date, shocks: Shocks, bump: float = 0.0) -> None:
        self.market, self.valuation, self.shocks, self.bump = market, valuation, shocks, bump
        self._curves: dict[str, tuple[list[date], list[float]]] = {}

    def discount(self, currency: str, when: date, spread: float = 0.0) -> float:
        years = (when - self.valuation).days / 365
        return math.exp(-(self._zero(currency, when) + spread) * years)

    def spot(self, base: str, quote: str) -> float | None:
        """How much of `quote` one `base` is worth; inverted where only the other pair is told."""
        if base == quote:
            return 1.0
        told = self._spot(base + quote)
        if told is not None:
            return told
        other = self._spot(quote + base)
        return None if other is None else 1 / other

    def _spot(self, pair: str) -> float | None:
        spot = self.market["fx_spot"].get(pair)
        if spot is None:
            return None
        return float(
            spot * math.prod(1 + each["relative"] for each in self.shocks if each["kind"] == "fx" and each["pair"] == pair)
        )

    def _zero(self, currency: str, when: date) -> float:
        """Linear in time between pillars, flat outside them."""
        pillars, rates = self._curves.get(currency) or self._shifted(currency)
        if when <= pillars[0]:
            return float(rates[0])
        for place in range(1, len(pillars)):
            if when <= pillars[place]:
                share = (when - pillars[place - 1]).days / (pillars[place] - pillars[place - 1]).days
                return float(rates[place - 1] + share * (rates[place] - rates[place - 1]))
        return float(rates[-1])

    def _shifted(self, currency: str) -> tuple[list[date], list[float]]:
        curve = self.market["curves"][currency]
        pillars = [date.fromisoformat(each) for each in curve["pillars"]]
        self._curves[currency] = shifted = pillars, [rate + self._shift(currency) for rate in curve["zero_rates"]]
        return shifted

    def _shift(self, currency: str) -> float:
        parallel = (each for each in self.shocks if each["kind"] == "rate_parallel")
        return self.bump + sum(BASIS_POINT * each["bp"] for each in parallel if each.get("currency", "*") in {"*", currency})


def valued(data: Mapping[str, Any]) -> Valued:
    """What comes of the data of a run.requested event whose portfolio and market are inline."""
    rows = tuple(_rows(data, list(zip(_worlds(data), _worlds(data, BASIS_POINT), strict=True))))
    return Valued(rows, totals_of(data, rows))


def totals_of(data: Mapping[str, Any], rows: Sequence[Cells]) -> dict[str, dict[str, float | None]]:
    """The totals of some of a run's rows, by measure and scenario."""
    worlds, reporting = _worlds(data), data.get("reporting_currency", "USD")
    return {
        measure: {
            each["id"]: _total(data, rows, measure, place, worlds[place], reporting)
            for place, each in enumerate(_scenarios(data))
        }
        for measure in data["measures"]
        if measure in TOTALLED
    }


def _scenarios(data: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return data.get("scenarios") or [{"id": "base"}]


def _worlds(data: Mapping[str, Any], bump: float = 0.0) -> list[World]:
    valuation, market = date.fromisoformat(data["valuation_date"]), data["market"]["snapshot"]
    return [World(market, valuation, each.get("shocks", []), bump) for each in _scenarios(data)]


def _rows(data: Mapping[str, Any], worlds: Sequence[tuple[World, World]]) -> Iterator[Cells]:
    for row_no, position in enumerate(data["portfolio"]["positions"]):
        for measure in data["measures"]:
            error = _error(position, measure, worlds[0][0])
            values = tuple(None if error else value_of(position, measure, *pair) for pair in worlds)
            yield Cells(row_no, position["position_id"], measure, values, error)


def _error(position: Mapping[str, Any], measure: str, world: World) -> str | None:
    product = position["product_type"]
    if product not in MEASURES:
        return "UNKNOWN_PRODUCT"
    if measure not in MEASURES[product]:
        return "UNSUPPORTED"
    if measure == "ACCRUED":
        return None  # the contract alone tells it
    if product == "FX_FWD" and world.spot(position["base_currency"], position["quote_currency"]) is None:
        return "MISSING_MARKET_DATA"
    return None


def value_of(position: Mapping[str, Any], measure: str, world: World, bumped: World) -> float:
    """One cell, in the position's currency."""
    matured = date.fromisoformat(position["maturity_date"]) <= world.valuation
    price = _forward if position["product_type"] == "FX_FWD" else _bond
    if measure == "ACCRUED":
        return _accrued(position, world.valuation) if price is _bond and not matured else 0.0
    if matured:
        return 0.0
    if measure == "DV01":
        return price(position, bumped) - price(position, world)
    if measure == "FX_DELTA":
        when = date.fromisoformat(position["maturity_date"])
        return float(position["notional"] * world.discount(position["base_currency"], when))
    return price(position, world)


def _forward(position: Mapping[str, Any], world: World) -> float:
    """PV = notional · (spot · DF_base(T) − strike · DF_quote(T))."""
    base, quote, when = position["base_currency"], position["quote_currency"], date.fromisoformat(position["maturity_date"])
    spot = world.spot(base, quote) or math.nan
    return float(position["notional"] * (spot * world.discount(base, when) - position["strike"] * world.discount(quote, when)))


def _bond(position: Mapping[str, Any], world: World) -> float:
    """Coupons of 30/360 and the redemption, those after the valuation, discounted at the zero rate and the spread."""
    dates, spread = _schedule(position), position.get("credit_spread", 0.0)
    total = 0.0
    for start, end in pairwise(dates):
        if end > world.valuation:
            coupon = position["notional"] * position["coupon"] * _thirty360(start, end)
            total += coupon * world.discount(position["currency"], end, spread)
    return float(total + position["notional"] * world.discount(position["currency"], dates[-1], spread))


def _accrued(position: Mapping[str, Any], valuation: date) -> float:
    dates = _schedule(position)
    for start, end in pairwise(dates):
        if start < valuation < end:
            return float(position["notional"] * position["coupon"] * _thirty360(start, valuation))
    return 0.0


def _schedule(position: Mapping[str, Any]) -> list[date]:
    """Rolled back from maturity, a short first period where the start falls between two dates."""
    start, maturity = date.fromisoformat(position["start_date"]), date.fromisoformat(position["maturity_date"])
    months, dates, back = 12 // position["frequency"], [maturity], 1
    while (earlier := _months_before(maturity, back * months)) > start:
        dates.append(earlier)
        back += 1
    return [start, *reversed(dates)]


def _months_before(when: date, months: int) -> date:
    year, month = divmod(when.year * 12 + when.month - 1 - months, 12)
    return date(year, month + 1, min(when.day, calendar.monthrange(year, month + 1)[1]))


def _thirty360(start: date, end: date) -> float:
    """ISDA 4.16(f)."""
    first = min(start.day, 30)
    last = 30 if end.day == 31 and first == 30 else end.day
    return (360 * (end.year - start.year) + 30 * (end.month - start.month) + last - first) / 360


def _total(
    data: Mapping[str, Any], rows: Sequence[Cells], measure: str, scenario: int, world: World, reporting: str
) -> float | None:
    total = 0.0
    for row in rows:
        value = row.values[scenario]
        if row.measure != measure or value is None or value == 0.0:
            continue
        position = data["portfolio"]["positions"][row.row_no]
        spot = world.spot(position.get("quote_currency") or position["currency"], reporting)
        if spot is None:
            return None
        total += value * spot
    return total
