"""What the shocks of all scenarios do to a market snapshot, gathered shock by shock."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from events.market import Market
from events.scenario import CreditSpread, Fx, RateNode, RateParallel, Shock
from handlers.price.currencies import currency_code
from handlers.price.curves import BASIS_POINT
from handlers.price.names import issuer_code, name_code, rating_code
from handlers.price.shocked import Quoted, ShockedCurves

ALL = "*"


class Shocks:
    """Shifts of rates and spreads (additive) and factors of spots (multiplied); `unavailable`: see MarketData."""

    def __init__(self, market: Market, scenarios: int) -> None:
        self.market = market
        self.curves = ShockedCurves(((currency_code(name), name, each) for name, each in market.curves.items()), scenarios)
        self.projections = ShockedCurves(
            ((name_code(name), name, each) for name, each in market.projection_curves.items()), scenarios
        )
        self.spreads = ShockedCurves(_credit(market, "spread"), scenarios)
        self.hazards = ShockedCurves(_credit(market, "hazard"), scenarios)
        self.spread_shift = np.zeros(scenarios)
        self.spot_factor = {pair: np.ones(scenarios) for pair in market.fx_spot}
        self.unavailable: dict[int, str] = {}

    def apply(self, place: int, shock: Shock) -> str | None:
        """Adds one shock of the scenario at `place`; returns what the market lacks for it."""
        match shock:
            case RateParallel():
                return self._parallel(place, shock)
            case RateNode():
                return self._node(place, shock)
            case CreditSpread():
                self.spread_shift[place] += shock.bp * BASIS_POINT
                self.hazards.shift[:, place] += shock.bp * BASIS_POINT
                return None
            case Fx():
                return self._fx(place, shock)

    def _parallel(self, place: int, shock: RateParallel) -> str | None:
        moved = False
        for curves, code in self._rate_curves(shock.currency):
            curves.move(code, place, shock.bp * BASIS_POINT)
            moved = True
        return None if moved or shock.currency == ALL else f"no {shock.currency} curve"

    def _node(self, place: int, shock: RateNode) -> str | None:
        found = list(self._rate_curves(shock.currency))
        if not found:
            return f"no {shock.currency} curve"
        moved = [curves.move_pillar(code, place, shock.pillar, shock.bp * BASIS_POINT) for curves, code in found]
        return None if any(moved) else f"the {shock.currency} curve has no pillar {shock.pillar}"

    def _rate_curves(self, currency: str) -> Iterator[tuple[ShockedCurves, int]]:
        """A currency's discount and projection curves, or all of them."""
        for name in self.market.curves:
            if currency in (name, ALL):
                yield self.curves, currency_code(name)
        for name, curve in self.market.projection_curves.items():
            if currency in (curve.currency, ALL):
                yield self.projections, name_code(name)

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


def _credit(market: Market, kind: str) -> Iterator[tuple[int, str, Quoted]]:
    for name, issuer in market.credit_curves.issuers.items():
        if issuer.kind == kind:
            yield issuer_code(name), name, issuer
    for name, rating in market.credit_curves.ratings.items():
        if rating.kind == kind:
            yield rating_code(name), name, rating
