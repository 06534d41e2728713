"""Exchange rate products by QuantLib: its curves, variance curves, deltas and Black formula, one position at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import QuantLib as ql  # noqa: N813

from tests.unit.handlers.price.oracle import BP, World, _date


@dataclass(frozen=True)
class FxWorld:
    """A world with the volatilities and fixings of currency pairs, as a market snapshot has them."""

    world: World
    vols: Mapping[str, Any]
    fixings: Mapping[str, Mapping[str, float]]
    vol_shift: float = 0.0

    def spot(self, base: str, quote: str) -> float:
        spots = self.world.spots
        return spots[base + quote] if base + quote in spots else 1.0 / spots[quote + base]

    def moved(self, by: dict[tuple[str, str], float]) -> FxWorld:
        return replace(self, world=self.world.moved(by))

    def with_spot(self, base: str, quote: str, spot: float) -> FxWorld:
        pair, value = (base + quote, spot) if base + quote in self.world.spots else (quote + base, 1.0 / spot)
        return replace(self, world=replace(self.world, spots={**self.world.spots, pair: value}))


def _pair(position: dict[str, Any]) -> tuple[str, str]:
    return position["base_currency"], position["quote_currency"]


def _factors(position: dict[str, Any], market: FxWorld, day: str) -> tuple[float, float]:
    base, quote = (market.world.discount(name).discount(_date(day)) for name in _pair(position))
    return base, quote


def _is_over(day: str, market: FxWorld) -> bool:
    return day <= market.world.valuation


def swap_value(position: dict[str, Any], market: FxWorld) -> float:
    total = 0.0
    for side, leg in ((1.0, "near"), (-1.0, "far")):
        day = position[f"{leg}_date"]
        if not _is_over(day, market):
            base, quote = _factors(position, market, day)
            total += side * (market.spot(*_pair(position)) * base - position[f"{leg}_strike"] * quote)
    return position["notional"] * total


def ndf_value(position: dict[str, Any], market: FxWorld) -> float:
    if _is_over(position["maturity_date"], market):
        return 0.0
    base, quote = _factors(position, market, position["maturity_date"])
    fixing = None
    if position["fixing_date"] <= market.world.valuation:
        fixing = market.fixings.get("".join(_pair(position)), {}).get(position["fixing_date"])
    rate = market.spot(*_pair(position)) * base / quote if fixing is None else fixing
    in_base = position["settlement_currency"] == position["base_currency"]
    difference = rate - position["strike"]
    return position["notional"] * (base * difference / rate if in_base else quote * difference)


def option_value(position: dict[str, Any], market: FxWorld) -> float:
    if _is_over(position["expiry_date"], market):
        return 0.0
    base, quote = _factors(position, market, position.get("delivery_date") or position["expiry_date"])
    forward = market.spot(*_pair(position)) * base / quote
    value = ql.blackFormula(_kind(position), position["strike"], forward, deviation(position, market), quote)
    return float(position["notional"] * value)


def _kind(position: dict[str, Any]) -> int:
    return int(ql.Option.Call if position["option_type"] == "call" else ql.Option.Put)


def deviation(position: dict[str, Any], market: FxWorld) -> float:
    """Volatility times the root of time."""
    valuation, expiry = _date(market.world.valuation), _date(position["expiry_date"])
    time = ql.Actual365Fixed().yearFraction(valuation, expiry)
    base, quote = _factors(position, market, position.get("delivery_date") or position["expiry_date"])
    forward, strike = market.spot(*_pair(position)) * base / quote, position["strike"]
    pair = "".join(_pair(position))
    if pair not in market.vols:
        pair, forward, strike = pair[3:] + pair[:3], 1.0 / forward, 1.0 / strike
    return _smile(market, pair, expiry, math.log(strike / forward)) * math.sqrt(time)


def _smile(market: FxWorld, pair: str, expiry: ql.Date, moneyness: float) -> float:
    quoted = market.vols[pair]
    if "flat" in quoted:
        return float(quoted["flat"]) + market.vol_shift
    valuation = _date(market.world.valuation)
    rows = [row for row, day in enumerate(quoted["expiries"]) if _date(day) > valuation]
    dates = [_date(quoted["expiries"][row]) for row in rows]
    strikes, vols = [], []
    for column, delta in enumerate(quoted["deltas"]):
        curve = ql.BlackVarianceCurve(
            valuation,
            dates,
            [quoted["vols"][row][column] + market.vol_shift for row in rows],
            ql.Actual365Fixed(),
            False,
        )
        curve.enableExtrapolation()
        vol = curve.blackVol(expiry, 1.0)
        time = ql.Actual365Fixed().yearFraction(valuation, expiry)
        deltas = ql.BlackDeltaCalculator(ql.Option.Call, ql.DeltaVolQuote.Fwd, 1.0, 1.0, 1.0, vol * math.sqrt(time))
        strikes.append(math.log(deltas.strikeFromDelta(delta)))
        vols.append(vol)
    return float(np.interp(moneyness, strikes[::-1], vols[::-1]))


VALUES = {"FX_SWAP": swap_value, "NDF": ndf_value, "FX_OPTION": option_value}


def present_value(position: dict[str, Any], market: FxWorld) -> float:
    return VALUES[position["product_type"]](position, market)


def dv01(position: dict[str, Any], market: FxWorld) -> float:
    up = replace(market, world=market.world.all_moved(BP))
    return present_value(position, up) - present_value(position, market)


def krd(position: dict[str, Any], market: FxWorld) -> dict[str, float]:
    base, quote = _pair(position)
    own = position.get("settlement_currency", quote)
    other, curves = (base if own == quote else quote), market.world.curves
    nodes = [(pillar, own, pillar) for pillar in curves[own]] + [(f"{other}:{day}", other, day) for day in curves[other]]
    before = present_value(position, market)
    return {label: present_value(position, market.moved({(name, day): BP})) - before for label, name, day in nodes}


def vega(position: dict[str, Any], market: FxWorld) -> float:
    up = replace(market, vol_shift=market.vol_shift + 0.01)
    return present_value(position, up) - present_value(position, market)


def _greeks(position: dict[str, Any], market: FxWorld) -> tuple[Any, float]:
    spot = market.spot(*_pair(position))
    base, quote = _factors(position, market, position.get("delivery_date") or position["expiry_date"])
    payoff = ql.PlainVanillaPayoff(_kind(position), position["strike"])
    return ql.BlackCalculator(payoff, spot * base / quote, deviation(position, market), quote), spot


def fx_delta(position: dict[str, Any], market: FxWorld) -> float:
    """By QuantLib's Black calculator, the volatility held; other products are linear in what the other currency is worth."""
    if position["product_type"] == "FX_OPTION":
        if _is_over(position["expiry_date"], market):
            return 0.0
        calculator, spot = _greeks(position, market)
        return float(position["notional"] * calculator.delta(spot))
    base, quote = _pair(position)
    if position.get("settlement_currency") == base:
        return -_slope(position, market, quote, base) * market.spot(quote, base) ** 2
    return _slope(position, market, base, quote)


def _slope(position: dict[str, Any], market: FxWorld, base: str, quote: str) -> float:
    spot = market.spot(base, quote)
    up, down = (present_value(position, market.with_spot(base, quote, spot + side * 0.1)) for side in (1, -1))
    return (up - down) / 0.2


def gamma(position: dict[str, Any], market: FxWorld) -> float:
    """What FX_DELTA gains for 1 % of spot, to first order."""
    if _is_over(position["expiry_date"], market):
        return 0.0
    calculator, spot = _greeks(position, market)
    return float(position["notional"] * calculator.gamma(spot) * spot * 0.01)
