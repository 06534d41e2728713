"""The market under all scenarios at once, as immutable arrays with the scenarios as their last axis."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

import numpy as np

from events.market import FlatVol, Market, VolSurface
from events.scenario import Scenario
from handlers.price.arrays import Floats
from handlers.price.currencies import currency_code, pair_code, pair_currencies
from handlers.price.curves import Curves
from handlers.price.dates import to_day
from handlers.price.fixings import Fixings
from handlers.price.moves import Moves
from handlers.price.names import name_code
from handlers.price.shocks import Shocks
from handlers.price.vols import Vols

_USD, _EUR = currency_code("USD"), currency_code("EUR")


class Price(NamedTuple):
    """A share's: the code of its currency, and the price of one under each scenario (S)."""

    currency: int
    price: Floats


@dataclass(frozen=True, slots=True)
class MarketData:
    """A market shocked by S scenarios.

    `curves` are the discount curves by currency code, `projections` those of indices by `name_code`; `index_currencies` are
    theirs. `spreads` and `hazards` are the credit curves of that kind, of issuers by `issuer_code` and of ratings by
    `rating_code`. `spots` (S each) and `vols` go by `pair_code`, `fixings` and `equities` by `name_code`; `spread_shift` (S) is
    added to every credit spread.

    `unavailable` names, for scenarios that shock what the market does not have, what that is. Such a scenario is applied
    only in part here, so that whatever depends on the market must count as null under it.
    """

    curves: Curves
    projections: Curves
    index_currencies: Mapping[int, int]
    spreads: Curves
    hazards: Curves
    spots: Mapping[int, Floats]
    vols: Mapping[int, Vols]
    equities: Mapping[int, Price]
    fixings: Fixings
    spread_shift: Floats
    unavailable: Mapping[int, str]

    @classmethod
    def of(
        cls, market: Market, scenarios: Sequence[Scenario], valuation: date, credit: Container[str] | None = None
    ) -> MarketData:
        """The market as it is, with the shocks of each scenario applied together.

        `credit`: the issuers and ratings whose credit curves are wanted, of the thousands that a market can have; None: all.
        """
        shocks = Shocks(market, len(scenarios), valuation, credit)
        for place, scenario in enumerate(scenarios):
            for shock in scenario.shocks:
                missing = shocks.apply(place, shock)
                if missing:
                    shocks.unavailable.setdefault(place, f"scenario {scenario.id}: {missing}")
        day = to_day(valuation)
        return cls(
            curves=shocks.curves.shocked(day),
            projections=shocks.projections.shocked(day),
            index_currencies={name_code(name): currency_code(each.currency) for name, each in market.projection_curves.items()},
            spreads=shocks.spreads.shocked(day),
            hazards=shocks.hazards.shocked(day),
            spots={name_code(pair): shocks.spots.together(pair).applied(spot) for pair, spot in market.fx_spot.items()},
            vols={
                name_code(pair): _vols(quoted, valuation, shocks.vols.together(pair)) for pair, quoted in market.fx_vols.items()
            },
            equities={
                name_code(name): Price(currency_code(each.currency), each.price * shocks.equities.together(name).factor)
                for name, each in market.equities.items()
            },
            fixings=Fixings(market.fixings),
            spread_shift=shocks.spread_shift,
            unavailable=shocks.unavailable,
        )

    @property
    def scenarios(self) -> int:
        """How many scenarios there are."""
        return self.spread_shift.size

    @property
    def shift(self) -> Floats | None:
        """What the scenarios add to every credit spread; None if nothing."""
        return self.spread_shift if self.spread_shift.any() else None

    def spot(self, base: int, quote: int) -> Floats | None:
        """Units of `quote` for one of `base` under each scenario: as quoted, else the inverse, else by way of a third currency.

        That is USD, else EUR, else the first in alphabetical order for which both legs are quoted, either way round.
        """
        if base == quote:
            return np.ones(self.scenarios)
        direct = self._quoted(base, quote)
        if direct is not None:
            return direct
        for middle in (_USD, _EUR, *sorted({currency for pair in self.spots for currency in pair_currencies(pair)})):
            to_middle, from_middle = self._quoted(base, middle), self._quoted(middle, quote)
            if to_middle is not None and from_middle is not None:
                return to_middle * from_middle
        return None

    def _quoted(self, base: int, quote: int) -> Floats | None:
        spot = self.spots.get(pair_code(base, quote))
        if spot is not None:
            return spot
        inverse = self.spots.get(pair_code(quote, base))
        return None if inverse is None else 1.0 / inverse

    def vol(self, base: int, quote: int) -> Vols | None:
        """The volatilities of a pair: as quoted, else those of its inverse, which stand at the inverse strikes."""
        quoted = self.vols.get(pair_code(base, quote))
        return self.vols.get(pair_code(quote, base)) if quoted is None else quoted

    def next_day(self) -> MarketData:
        """The same market a day later: every rate at every pillar stays as it is, and the pillars are a day nearer."""
        return replace(
            self,
            curves=self.curves.next_day(),
            projections=self.projections.next_day(),
            spreads=self.spreads.next_day(),
            hazards=self.hazards.next_day(),
        )

    def a_day_later(self) -> MarketData:
        """The same market on the next day: every rate stays at its pillar's date, every volatility at its expiry."""
        day = self.curves.valuation + 1
        return replace(
            self,
            curves=replace(self.curves, valuation=day),
            projections=replace(self.projections, valuation=day),
            spreads=replace(self.spreads, valuation=day),
            hazards=replace(self.hazards, valuation=day),
            vols={pair: vols.a_day_later() for pair, vols in self.vols.items()},
        )

    def under(self, scenarios: slice) -> MarketData:
        """The same market under some of its scenarios."""
        if scenarios == slice(None):
            return self
        return replace(
            self,
            curves=self.curves.under(scenarios),
            projections=self.projections.under(scenarios),
            spreads=self.spreads.under(scenarios),
            hazards=self.hazards.under(scenarios),
            spots={pair: spot[scenarios] for pair, spot in self.spots.items()},
            vols={pair: vols.under(scenarios) for pair, vols in self.vols.items()},
            equities={name: Price(each.currency, each.price[scenarios]) for name, each in self.equities.items()},
            spread_shift=self.spread_shift[scenarios],
        )


def _vols(quoted: FlatVol | VolSurface, valuation: date, moves: Moves) -> Vols:
    """One pair's volatilities; NaN under scenarios in which any of them would not stay positive."""
    least = quoted.flat if isinstance(quoted, FlatVol) else min(map(min, quoted.vols))
    shift = np.where(np.isnan(moves.applied(least)), np.nan, moves.shift)
    return Vols.of(quoted, valuation, moves.factor, shift)
