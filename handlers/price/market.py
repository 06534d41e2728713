"""The market under all scenarios at once, as immutable arrays with the scenarios as their last axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from events.run import CreditSpread, Fx, Market, RateNode, RateParallel, Scenario
from handlers.price.arrays import Floats, offsets
from handlers.price.currencies import currency_code, pair_code
from handlers.price.curves import BASIS_POINT, Curves
from handlers.price.dates import to_date, to_day

_USD = currency_code("USD")
ALL_CURRENCIES = "*"


@dataclass(frozen=True, slots=True)
class MarketData:
    """Curves, spots by pair code (S each) and the shift of every credit spread (S), shocked by S scenarios.

    `unavailable` names, for scenarios that shock what the market does not have, what that is. Such a scenario is applied
    only in part here, so that whatever depends on the market must count as null under it.
    """

    curves: Curves
    spots: dict[int, Floats]
    spread_shift: Floats
    unavailable: dict[int, str]

    @classmethod
    def of(cls, market: Market, scenarios: Sequence[Scenario], valuation: date) -> MarketData:
        """The market as it is, with the shocks of each scenario applied together."""
        shocks = _Shocks(market, len(scenarios))
        for place, scenario in enumerate(scenarios):
            for shock in scenario.shocks:
                missing = shocks.apply(place, shock)
                if missing:
                    shocks.unavailable.setdefault(place, f"scenario {scenario.id}: {missing}")
        return shocks.applied(to_day(valuation))

    @property
    def scenarios(self) -> int:
        """How many scenarios there are."""
        return self.spread_shift.size

    def spot(self, base: int, quote: int) -> Floats | None:
        """Units of `quote` for one of `base` under each scenario: as quoted, else the inverse, else by way of USD."""
        if base == quote:
            return np.ones(self.scenarios)
        direct = self._quoted(base, quote)
        if direct is not None or _USD in (base, quote):
            return direct
        to_usd, from_usd = self._quoted(base, _USD), self._quoted(_USD, quote)
        return None if to_usd is None or from_usd is None else to_usd * from_usd

    def _quoted(self, base: int, quote: int) -> Floats | None:
        spot = self.spots.get(pair_code(base, quote))
        if spot is not None:
            return spot
        inverse = self.spots.get(pair_code(quote, base))
        return None if inverse is None else 1.0 / inverse

    def pillar_labels(self, curve: int) -> list[str]:
        """The ISO dates of a curve's pillars."""
        first, last = self.curves.bounds[curve : curve + 2]
        return [to_date(day).isoformat() for day in self.curves.pillars[first:last].tolist()]

    def under(self, scenarios: slice) -> MarketData:
        """The same market under some of its scenarios."""
        if scenarios == slice(None):
            return self
        return MarketData(
            replace(self.curves, rates=self.curves.rates[:, scenarios]),
            {pair: spot[scenarios] for pair, spot in self.spots.items()},
            self.spread_shift[scenarios],
            self.unavailable,
        )


class _Shocks:
    """Shifts of rates and spreads (additive) and factors of spots (multiplied), gathered shock by shock."""

    def __init__(self, market: Market, scenarios: int) -> None:
        self.market = market
        self.names = sorted(market.curves)
        self.bounds = offsets(np.array([len(market.curves[name].pillars) for name in self.names], dtype=np.int64))
        self.rows = {name: slice(*self.bounds[place : place + 2].tolist()) for place, name in enumerate(self.names)}
        self.rate_shift = np.zeros((int(self.bounds[-1]), scenarios))
        self.spread_shift = np.zeros(scenarios)
        self.spot_factor = {pair: np.ones(scenarios) for pair in market.fx_spot}
        self.unavailable: dict[int, str] = {}

    def apply(self, place: int, shock: RateParallel | RateNode | CreditSpread | Fx) -> str | None:
        """Adds one shock of the scenario at `place`; returns what the market lacks for it."""
        match shock:
            case RateParallel():
                return self._parallel(place, shock)
            case RateNode():
                return self._node(place, shock)
            case CreditSpread():
                self.spread_shift[place] += shock.bp * BASIS_POINT
                return None
            case Fx():
                return self._fx(place, shock)

    def _parallel(self, place: int, shock: RateParallel) -> str | None:
        rows = slice(None) if shock.currency == ALL_CURRENCIES else self.rows.get(shock.currency)
        if rows is None:
            return f"no {shock.currency} curve"
        self.rate_shift[rows, place] += shock.bp * BASIS_POINT
        return None

    def _node(self, place: int, shock: RateNode) -> str | None:
        rows = self.rows.get(shock.currency)
        if rows is None:
            return f"no {shock.currency} curve"
        try:
            pillar = self.market.curves[shock.currency].pillars.index(shock.pillar)
        except ValueError:
            return f"the {shock.currency} curve has no pillar {shock.pillar}"
        self.rate_shift[rows.start + pillar, place] += shock.bp * BASIS_POINT
        return None

    def _fx(self, place: int, shock: Fx) -> str | None:
        """The pair moves whichever way round it is quoted; crosses follow because they are derived."""
        inverse = shock.pair[3:] + shock.pair[:3]
        if shock.pair in self.spot_factor:
            self.spot_factor[shock.pair][place] *= 1.0 + shock.relative
        if inverse in self.spot_factor:
            self.spot_factor[inverse][place] /= 1.0 + shock.relative
        elif shock.pair not in self.spot_factor:
            return f"no {shock.pair} spot is quoted"
        return None

    def applied(self, valuation: int) -> MarketData:
        curves = [self.market.curves[name] for name in self.names]
        rates = np.array([rate for curve in curves for rate in curve.zero_rates], dtype=np.float64)
        spots = {
            pair_code(currency_code(pair[:3]), currency_code(pair[3:])): self.market.fx_spot[pair] * factor
            for pair, factor in self.spot_factor.items()
        }
        return MarketData(
            Curves(
                valuation,
                np.array([currency_code(name) for name in self.names], dtype=np.int64),
                self.bounds,
                np.array([to_day(pillar) for curve in curves for pillar in curve.pillars], dtype=np.int64),
                rates[:, None] + self.rate_shift,
            ),
            spots,
            self.spread_shift,
            self.unavailable,
        )
