"""What the shocks of all scenarios do to a market snapshot, gathered shock by shock."""

from __future__ import annotations

from collections.abc import Container, Iterator
from datetime import date

import numpy as np

from events.market import CreditCurves, Market
from events.scenario import (
    CreditSpread,
    EquityPrice,
    Fx,
    RateNode,
    RateParallel,
    RateTenors,
    RateTriangle,
    RateTwist,
    Shock,
    Vol,
)
from handlers.price.currencies import currency_code
from handlers.price.curves import BASIS_POINT
from handlers.price.dates import after, to_day
from handlers.price.moves import MovesByName
from handlers.price.names import issuer_code, name_code, rating_code
from handlers.price.shocked import Quoted, ShockedCurves

ALL = "*"


class Shocks:
    """Shifts of rates and spreads, and moves of spots, volatilities and prices; `unavailable`: see MarketData.

    `credit`: the issuers and ratings whose curves are wanted; all where it is None. A shock of one that is there, but is not
    wanted, moves nothing.
    """

    def __init__(self, market: Market, scenarios: int, valuation: date, credit: Container[str] | None = None) -> None:
        self.market = market
        self.valuation = valuation
        self.curves = ShockedCurves(((currency_code(name), name, each) for name, each in market.curves.items()), scenarios)
        self.projections = ShockedCurves(
            ((name_code(name), name, each) for name, each in market.projection_curves.items()), scenarios
        )
        wanted = market.credit_curves if credit is None else _wanted(market.credit_curves, credit)
        self.spreads = ShockedCurves(_credit(wanted, "spread"), scenarios)
        self.hazards = ShockedCurves(_credit(wanted, "hazard"), scenarios)
        self.spread_shift = np.zeros(scenarios)
        self.spots = MovesByName(market.fx_spot, scenarios)
        self.vols = MovesByName(market.fx_vols, scenarios)
        self.equities = MovesByName(market.equities, scenarios)
        self.issuers_of = _issuers_by_rating(wanted)
        self.rate_curves = self._by_currency()
        self.unavailable: dict[int, str] = {}

    def apply(self, place: int, shock: Shock) -> str | None:
        """Adds one shock of the scenario at `place`; returns what the market lacks for it."""
        missing: str | None
        match shock:
            case RateParallel():
                missing = self._parallel(place, shock)
            case RateNode():
                missing = self._node(place, shock)
            case RateTenors():
                missing = self._tenors(place, shock)
            case RateTriangle():
                missing = self._triangle(place, shock)
            case RateTwist():
                missing = self._twist(place, shock)
            case CreditSpread():
                missing = self._credit_spread(place, shock)
            case Fx():
                missing = self._fx(place, shock)
            case Vol():
                missing = self._vol(place, shock)
            case EquityPrice():
                missing = self._equity(place, shock)
        return missing

    def _by_currency(self) -> dict[str, list[tuple[ShockedCurves, int]]]:
        """The discount and projection curves of each currency, and of all."""
        found: dict[str, list[tuple[ShockedCurves, int]]] = {ALL: []}
        curves = [(name, self.curves, currency_code(name)) for name in self.market.curves]
        curves += [(each.currency, self.projections, name_code(name)) for name, each in self.market.projection_curves.items()]
        for currency, kind, code in curves:
            found[ALL].append((kind, code))
            found.setdefault(currency, []).append((kind, code))
        return found

    def _parallel(self, place: int, shock: RateParallel) -> str | None:
        found = self.rate_curves.get(shock.currency, [])
        for curves, code in found:
            curves.move(code, place, shock.bp * BASIS_POINT)
        return None if found or shock.currency == ALL else f"no {shock.currency} curve"

    def _node(self, place: int, shock: RateNode) -> str | None:
        found = self.rate_curves.get(shock.currency, [])
        moved = 0
        for curves, code in found:
            here = curves.days(code) == to_day(shock.pillar)
            curves.move(code, place, here * (shock.bp * BASIS_POINT))
            moved += int(here.sum())
        if not found:
            return f"no {shock.currency} curve"
        return None if moved else f"the {shock.currency} curve has no pillar {shock.pillar}"

    def _tenors(self, place: int, shock: RateTenors) -> str | None:
        points = sorted((after(self.valuation, tenor), bp * BASIS_POINT) for tenor, bp in shock.bp.items())
        days, sizes = [day for day, _ in points], [size for _, size in points]
        found = self.rate_curves.get(shock.currency, [])
        for curves, code in found:
            curves.move(code, place, np.interp(curves.days(code), days, sizes))
        return None if found else f"no {shock.currency} curve"

    def _triangle(self, place: int, shock: RateTriangle) -> str | None:
        corners = [(day, height) for day, height in ((shock.left, 0.0), (shock.centre, 1.0), (shock.right, 0.0)) if day]
        days, heights = [to_day(day) for day, _ in corners], [height for _, height in corners]
        found = self.rate_curves.get(shock.currency, [])
        moved = 0
        for curves, code in found:
            share = np.interp(curves.days(code), days, heights)
            curves.move(code, place, share * (shock.bp * BASIS_POINT))
            moved += int((share > 0.0).sum())
        if not found:
            return f"no {shock.currency} curve"
        return None if moved else f"no pillar of the {shock.currency} curve lies within the triangle about {shock.centre}"

    def _twist(self, place: int, shock: RateTwist) -> str | None:
        """One function of the date for all curves of the currency, from the first to the last pillar of its discount curve."""
        if shock.currency not in self.market.curves:
            return f"no {shock.currency} curve"
        first, *_, last = np.tile(self.curves.days(currency_code(shock.currency)), 2).tolist()
        pivot = to_day(shock.pivot)
        if not first < pivot < last:
            return f"the pillars of the {shock.currency} curve do not lie on both sides of {shock.pivot}"
        sizes = [shock.short_bp * BASIS_POINT, 0.0, shock.long_bp * BASIS_POINT]
        for curves, code in self.rate_curves[shock.currency]:
            curves.move(code, place, np.interp(curves.days(code), [first, pivot, last], sizes))
        return None

    def _credit_spread(self, place: int, shock: CreditSpread) -> str | None:
        by = shock.bp * BASIS_POINT
        if shock.issuer is None and shock.rating is None:
            self.spread_shift[place] += by
            self.hazards.move_all(place, by)
            return None
        codes = self._credit_codes(shock)
        found = [(curves, code) for code in codes for curves in (self.spreads, self.hazards) if code in curves.rows]
        for curves, code in found:
            curves.move(code, place, by)
        if found or self._has_credit(shock):
            return None
        whose = f"rating {shock.rating}" if shock.issuer is None else f"issuer {shock.issuer}"
        return f"no credit curve of {whose}"

    def _has_credit(self, shock: CreditSpread) -> bool:
        """Whether the market has a curve that the shock moves, wanted or not."""
        curves = self.market.credit_curves
        if shock.issuer is not None:
            return shock.issuer in curves.issuers
        return shock.rating in curves.ratings or any(each.rating == shock.rating for each in curves.issuers.values())

    def _credit_codes(self, shock: CreditSpread) -> list[int]:
        """The issuer's; or the rating's and those of the issuers that have it."""
        if shock.issuer is not None:
            return [issuer_code(shock.issuer)]
        return [rating_code(shock.rating or ""), *self.issuers_of.get(shock.rating or "", [])]

    def _fx(self, place: int, shock: Fx) -> str | None:
        """The pair moves whichever way round it is quoted; crosses follow because they are derived."""
        inverse = shock.pair[3:] + shock.pair[:3]
        if shock.pair in self.spots.names:
            self.spots.of(shock.pair).move(place, shock.relative, shock.absolute)
        if inverse in self.spots.names:
            self.spots.of(inverse).move_inverse(place, shock.relative, shock.absolute)
        elif shock.pair not in self.spots.names:
            return f"no {shock.pair} spot is quoted"
        return None

    def _vol(self, place: int, shock: Vol) -> str | None:
        """The volatility of a pair is that of its inverse."""
        if shock.pair == ALL:
            self.vols.every.move(place, shock.relative, shock.absolute)
            return None
        found = {shock.pair, shock.pair[3:] + shock.pair[:3]} & self.market.fx_vols.keys()
        for pair in found:
            self.vols.of(pair).move(place, shock.relative, shock.absolute)
        return None if found else f"no {shock.pair} vols"

    def _equity(self, place: int, shock: EquityPrice) -> str | None:
        if shock.name != ALL and shock.name not in self.equities.names:
            return f"no {shock.name} price"
        moves = self.equities.every if shock.name == ALL else self.equities.of(shock.name)
        moves.move(place, shock.relative, None)
        return None


def _wanted(curves: CreditCurves, names: Container[str]) -> CreditCurves:
    """The curves of these issuers and ratings."""
    issuers = {name: each for name, each in curves.issuers.items() if name in names}
    ratings = {name: each for name, each in curves.ratings.items() if name in names}
    return CreditCurves.model_construct(issuers=issuers, ratings=ratings)


def _issuers_by_rating(curves: CreditCurves) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for name, curve in curves.issuers.items():
        if curve.rating is not None:
            found.setdefault(curve.rating, []).append(issuer_code(name))
    return found


def _credit(curves: CreditCurves, kind: str) -> Iterator[tuple[int, str, Quoted]]:
    for name, issuer in curves.issuers.items():
        if issuer.kind == kind:
            yield issuer_code(name), name, issuer
    for name, rating in curves.ratings.items():
        if rating.kind == kind:
            yield rating_code(name), name, rating
