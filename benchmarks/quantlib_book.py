"""QuantLib's side of the pricing benchmark: instruments on curves that are relinked for each scenario."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import QuantLib as ql  # noqa: N813  its own examples call it so

DAY_COUNTS = {"ACT/360": ql.Actual360(), "30/360": ql.Thirty360(ql.Thirty360.BondBasis), "ACT/365F": ql.Actual365Fixed()}

State = tuple[dict[str, list[float]], float]


class QuantLibBook:
    """Instruments of one product, ready made with the curves of every state: zero rates by currency, and EURUSD."""

    def __init__(self, book: list[dict[str, Any]], valuation: date, pillars: list[date], states: list[State]) -> None:
        ql.Settings.instance().evaluationDate = _date(valuation.isoformat())
        days = [_date(day.isoformat()) for day in pillars]
        self.states = [({name: _curve(days, rates) for name, rates in curves.items()}, spot) for curves, spot in states]
        self.handles = {name: ql.RelinkableYieldTermStructureHandle() for name in states[0][0]}
        self.spot = ql.SimpleQuote(states[0][1])
        index = self._index(book[0]["index"], valuation) if "index" in book[0] else None
        self.instruments = [_instrument(position, index) for position in book]
        forwards = isinstance(self.instruments[0], ql.FxForward)
        engine = self._forward_engine() if forwards else _engine(self.instruments[0], self.handles["USD"])
        for instrument in self.instruments:
            instrument.setPricingEngine(engine)
        self.value = ql.FxForward.npvTargetCurrency if forwards else ql.Instrument.NPV

    def _forward_engine(self) -> ql.PricingEngine:
        return ql.DiscountingFxForwardEngine(self.handles["EUR"], self.handles["USD"], ql.QuoteHandle(self.spot))

    def _index(self, name: str, valuation: date) -> ql.IborIndex:
        """Fixed on the first day of each period, every day being a business day."""
        terms = (ql.USDCurrency(), ql.NullCalendar(), ql.Unadjusted, False, ql.Actual360())
        index = ql.IborIndex(name, ql.Period(3, ql.Months), 0, *terms, self.handles[name])
        for day, rate in fixings(valuation).items():
            index.addFixing(_date(day), rate, True)
        return index

    def values(self) -> np.ndarray[Any, Any]:
        """Positions × states."""
        value, columns = self.value, []
        for curves, spot in self.states:
            for name, curve in curves.items():
                self.handles[name].linkTo(curve)
            self.spot.setValue(spot)
            columns.append([value(instrument) for instrument in self.instruments])
        return np.array(columns).T


def fixings(valuation: date) -> dict[str, float]:
    """Of every day of the year before the valuation date."""
    days = (valuation - timedelta(number) for number in range(1, 366))
    return {day.isoformat(): 0.03 + 0.0001 * (day.toordinal() % 50) for day in days}


def _engine(instrument: ql.Instrument, curve: ql.YieldTermStructureHandle) -> ql.PricingEngine:
    return ql.DiscountingSwapEngine(curve) if isinstance(instrument, ql.VanillaSwap) else ql.DiscountingBondEngine(curve)


def _date(text: str) -> ql.Date:
    return ql.DateParser.parseISO(text)


def _curve(days: list[ql.Date], rates: list[float]) -> ql.YieldTermStructure:
    return ql.ZeroCurve(days, rates, ql.Actual365Fixed(), ql.NullCalendar(), ql.Linear(), ql.Continuous)


def _instrument(position: dict[str, Any], index: ql.IborIndex | None) -> ql.Instrument:
    if position["product_type"] == "FX_FWD":
        bought, sold = position["notional"], position["notional"] * position["strike"]
        maturity = _date(position["maturity_date"])
        return ql.FxForward(bought, ql.EURCurrency(), sold, ql.USDCurrency(), maturity, False, 0, ql.NullCalendar())
    if position["product_type"] == "IRS":
        return _swap(position, index)
    schedule, counter = _schedule(position), DAY_COUNTS[position["day_count"]]
    if position["product_type"] == "FLOATING_BOND":
        terms = (counter, ql.Unadjusted, 0, [1.0], [position["spread"]])
        return ql.FloatingRateBond(0, position["notional"], schedule, index, *terms)
    if position["product_type"] == "FIXED_BOND":
        return ql.FixedRateBond(0, position["notional"], schedule, [position["coupon"]], counter, ql.Unadjusted)
    return ql.AmortizingFixedRateBond(0, _balances(position, schedule, counter), schedule, [position["rate"]], counter)


def _swap(position: dict[str, Any], index: ql.IborIndex) -> ql.VanillaSwap:
    fixed, floating = (_schedule(position | {"frequency": position[f"{leg}_frequency"]}) for leg in ("fixed", "floating"))
    counter, floating_counter = (DAY_COUNTS[position[f"{leg}_day_count"]] for leg in ("fixed", "floating"))
    side = ql.VanillaSwap.Payer if position["pay_receive"] == "pay" else ql.VanillaSwap.Receiver
    terms = (side, position["notional"], fixed, position["fixed_rate"], counter)
    return ql.VanillaSwap(*terms, floating, index, position["spread"], floating_counter)


def _schedule(position: dict[str, Any]) -> ql.Schedule:
    start, maturity = _date(position["start_date"]), _date(position["maturity_date"])
    step, back = ql.Period(12 // position["frequency"], ql.Months), ql.DateGeneration.Backward
    return ql.Schedule(start, maturity, step, ql.NullCalendar(), ql.Unadjusted, ql.Unadjusted, back, False)


def _balances(position: dict[str, Any], schedule: ql.Schedule, counter: ql.DayCounter) -> list[float]:
    """Of a level-pay loan, which QuantLib has to be told."""
    count, rate, balance = len(schedule) - 1, position["rate"], position["notional"]
    payment = balance * (rate / position["frequency"]) / (1 - (1 + rate / position["frequency"]) ** -count)
    balances = []
    for number in range(count):
        balances.append(balance)
        balance -= payment - balance * rate * counter.yearFraction(schedule[number], schedule[number + 1])
    return balances
