"""QuantLib's side of the pricing benchmark: instruments on curves that are relinked for each scenario."""

from __future__ import annotations

from datetime import date
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
        self.instruments = [_instrument(position) for position in book]
        forwards = isinstance(self.instruments[0], ql.FxForward)
        engine = self._forward_engine() if forwards else ql.DiscountingBondEngine(self.handles["USD"])
        for instrument in self.instruments:
            instrument.setPricingEngine(engine)
        self.value = ql.FxForward.npvTargetCurrency if forwards else ql.Instrument.NPV

    def _forward_engine(self) -> ql.PricingEngine:
        return ql.DiscountingFxForwardEngine(self.handles["EUR"], self.handles["USD"], ql.QuoteHandle(self.spot))

    def values(self) -> np.ndarray[Any, Any]:
        """Positions × states."""
        value, columns = self.value, []
        for curves, spot in self.states:
            for name, curve in curves.items():
                self.handles[name].linkTo(curve)
            self.spot.setValue(spot)
            columns.append([value(instrument) for instrument in self.instruments])
        return np.array(columns).T


def _date(text: str) -> ql.Date:
    return ql.DateParser.parseISO(text)


def _curve(days: list[ql.Date], rates: list[float]) -> ql.YieldTermStructure:
    return ql.ZeroCurve(days, rates, ql.Actual365Fixed(), ql.NullCalendar(), ql.Linear(), ql.Continuous)


def _instrument(position: dict[str, Any]) -> ql.Instrument:
    if position["product_type"] == "FX_FWD":
        bought, sold = position["notional"], position["notional"] * position["strike"]
        maturity = _date(position["maturity_date"])
        return ql.FxForward(bought, ql.EURCurrency(), sold, ql.USDCurrency(), maturity, False, 0, ql.NullCalendar())
    schedule, counter = _schedule(position), DAY_COUNTS[position["day_count"]]
    if position["product_type"] == "FIXED_BOND":
        return ql.FixedRateBond(0, position["notional"], schedule, [position["coupon"]], counter, ql.Unadjusted)
    return ql.AmortizingFixedRateBond(0, _balances(position, schedule, counter), schedule, [position["rate"]], counter)


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
