"""FX_OPTION: the right to buy (call) or to sell (put) `notional` of the base currency at the strike, on one day, the expiry.

Measures that bump rates or volatilities read the smile anew, at the moneyness that the bump makes; FX_DELTA and GAMMA hold the
option's own volatility.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from handlers.price.arrays import Bools, Columnar, Floats, Ints, distinct, members, offsets
from handlers.price.currencies import pair_code, pair_currencies
from handlers.price.fields import Column, choice, currency, day, number
from handlers.price.garman_kohlhagen import convexity, hedge_ratio, value
from handlers.price.interpolation import DAYS_A_YEAR
from handlers.price.market import MarketData
from handlers.price.pricers.exchange import Discounting, spots
from handlers.price.pricers.pricer import Pricer
from handlers.price.requirements import Requirements
from handlers.price.schedule import NO_DATE
from handlers.price.smile import volatility

VOL_POINT = 0.01
_ONE_PERCENT = 0.01
_CALL, _PUT = 1, -1
_QUOTES = 10


@dataclass(frozen=True, slots=True)
class OptionTerms(Columnar):
    """Terms of P options; results are in the quote currency, which is why `currency` is that.

    `sign` is 1 for a call and -1 for a put; the option is over at its expiry, which is why that is `maturity`.
    """

    base: Ints
    currency: Ints
    notional: Floats
    strike: Floats
    sign: Floats
    maturity: Ints
    delivery: Ints

    @property
    def sizes(self) -> Ints:
        """Two cash flows each, and the quotes of a smile."""
        return np.full(self.maturity.size, _QUOTES)


@dataclass(frozen=True, slots=True)
class Sides:
    """What both sides of one unit of P options are worth, P × S; see `garman_kohlhagen`."""

    asset: Floats
    cash: Floats
    deviation: Floats


@dataclass(frozen=True, slots=True)
class PricedOptions:
    """P options in a market, their discount factors on both curves, their sides and present values (P × S)."""

    terms: OptionTerms
    market: MarketData
    quote: Discounting
    base: Discounting
    sides: Sides
    present: Floats


def _terms(columns: Mapping[str, Column]) -> OptionTerms:
    names = ("base_currency", "quote_currency", "notional", "strike", "option_type", "expiry_date")
    delivery = np.where(columns["delivery_date"] == NO_DATE, columns["expiry_date"], columns["delivery_date"])
    base, quote, notional, strike, sign, expiry = (columns[name] for name in names)
    return OptionTerms(base, quote, notional, strike, sign.astype(np.float64), expiry, delivery)


def _faults(terms: OptionTerms) -> list[tuple[Bools, str]]:
    return [
        (terms.base == terms.currency, "quote_currency: must differ from base_currency"),
        (terms.strike <= 0.0, "strike: must be greater than 0"),
        (terms.delivery < terms.maturity, "delivery_date: must not be before expiry_date"),
    ]


def _requirements(terms: OptionTerms, _valuation: int) -> Requirements:
    pair = (terms.base, terms.currency)
    return Requirements(curves=(terms.currency, terms.base), spots=(pair,), vols=(pair,))


def _discounted(terms: OptionTerms, market: MarketData) -> PricedOptions:
    quote = Discounting.of(terms.currency, terms.delivery, market)
    base = Discounting.of(terms.base, terms.delivery, market)
    sides = _sides(terms, market, base.factors, quote.factors)
    return PricedOptions(terms, market, quote, base, sides, _value(terms, sides))


def _sides(terms: OptionTerms, market: MarketData, base: Floats, quote: Floats) -> Sides:
    """Both sides at these discount factors (P × S each)."""
    asset = spots(terms.base, terms.currency, market) * base
    cash = terms.strike[:, None] * quote
    time = (terms.maturity - market.curves.valuation) / DAYS_A_YEAR
    deviation = _volatilities(terms, market, time, np.log(cash / asset)) * np.sqrt(time)[:, None]
    return Sides(asset, cash, np.where(time[:, None] > 0.0, deviation, 0.0))


def _volatilities(terms: OptionTerms, market: MarketData, time: Floats, moneyness: Floats) -> Floats:
    """At each option's strike; a pair that is quoted the other way round has its smile at the inverse strikes."""
    found = np.empty_like(moneyness)
    pairs, place = distinct(pair_code(terms.base, terms.currency))
    for pair, alike in zip(pairs.tolist(), members(place, pairs.size), strict=True):
        vols = market.vol(*pair_currencies(pair))
        if vols is not None:
            direction = 1.0 if pair in market.vols else -1.0
            found[alike] = volatility(vols, time[alike], direction * moneyness[alike])
    return found


def _value(terms: OptionTerms, sides: Sides) -> Floats:
    return terms.notional[:, None] * value(sides.asset, sides.cash, sides.deviation, terms.sign[:, None])


def _present_value(priced: PricedOptions) -> Floats:
    return priced.present


def _dv01(priced: PricedOptions) -> Floats:
    """Both sides are due on one day: their bumps are the same factor, which leaves the moneyness as it is."""
    return priced.present * priced.quote.nodes.rate_bump()[priced.quote.place][:, None]


def _krd(priced: PricedOptions) -> Floats:
    """The quote curve's pillars, then the base curve's."""
    first, second = priced.quote.pillars, priced.base.pillars
    rows = offsets(first + second)
    sums = np.zeros((int(rows[-1]), priced.market.scenarios))
    for chosen, pillar, quote in _moved(priced.quote):
        sums[rows[chosen] + pillar] = _difference(priced, chosen, priced.base.factors[chosen], quote)
    for chosen, pillar, base in _moved(priced.base):
        sums[rows[chosen] + first[chosen] + pillar] = _difference(priced, chosen, base, priced.quote.factors[chosen])
    return sums


def _moved(side: Discounting) -> Iterator[tuple[Ints, int, Floats]]:
    """By pillar of their curves, the positions whose discount factors move with it, and what they become."""
    for pillar in range(int(side.pillars.max())):
        bumped = side.nodes.bumped(pillar)
        chosen = np.flatnonzero((bumped != side.nodes.discount).any(axis=1)[side.place])
        if chosen.size:
            yield chosen, pillar, bumped[side.place[chosen]]


def _difference(priced: PricedOptions, chosen: Ints, base: Floats, quote: Floats) -> Floats:
    """What these discount factors make of the chosen positions, less what they are worth."""
    terms = priced.terms.take(chosen)
    return _value(terms, _sides(terms, priced.market, base, quote)) - priced.present[chosen]


def _fx_delta(priced: PricedOptions) -> Floats:
    terms, sides = priced.terms, priced.sides
    units = terms.notional[:, None] * priced.base.factors
    return units * hedge_ratio(sides.asset, sides.cash, sides.deviation, terms.sign[:, None])


def _gamma(priced: PricedOptions) -> Floats:
    """0.01 · spot · d²PV / dspot²: with asset = spot · DF_base, that is 0.01 · DF_base · asset · d²PV / dasset²."""
    units = _ONE_PERCENT * priced.terms.notional[:, None] * priced.base.factors
    return units * convexity(priced.sides.asset, priced.sides.cash, priced.sides.deviation)


def _vega(priced: PricedOptions) -> Floats:
    vols = {pair: replace(each, shift=each.shift + VOL_POINT) for pair, each in priced.market.vols.items()}
    terms, up = priced.terms, replace(priced.market, vols=vols)
    return _value(terms, _sides(terms, up, priced.base.factors, priced.quote.factors)) - priced.present


def _theta(priced: PricedOptions) -> Floats:
    """An option that expires on the next day is worth there what exercise would bring."""
    return _discounted(priced.terms, priced.market.a_day_later()).present - priced.present


FX_OPTION = Pricer(
    fields=(
        currency("base_currency"),
        currency("quote_currency"),
        number("notional"),
        number("strike"),
        choice("option_type", {"call": _CALL, "put": _PUT}),
        day("expiry_date"),
        day("delivery_date", absent=NO_DATE),
    ),
    terms=_terms,
    faults=_faults,
    requirements=_requirements,
    discounted=_discounted,
    measures={
        "PV": _present_value,
        "DV01": _dv01,
        "KRD": _krd,
        "FX_DELTA": _fx_delta,
        "GAMMA": _gamma,
        "VEGA": _vega,
        "THETA": _theta,
    },
    nodes_by_flow=True,
)
