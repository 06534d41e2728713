"""What positions need from the market, and what of it is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from handlers.price.arrays import Bools, Ints, distinct
from handlers.price.currencies import currency_text, pair_code, pair_currencies
from handlers.price.dates import to_date
from handlers.price.market import MarketData
from handlers.price.names import NOTHING, pair_text


class PastFixings(NamedTuple):
    """Fixings that positions need: the position of each, its name code and its day."""

    position: Ints
    name: Ints
    day: Ints


@dataclass(frozen=True, slots=True)
class Requirements:
    """What P positions need from the market; `NOTHING` stands where one of them does not need it.

    `curves`: the currency of each discount curve; `projections`: the index of each projection curve, for which the discount
    curve stands in if there is none, and the currency it must be in. Key rates follow in this order; the pillars of all but
    the first curve go under `<name of the curve>:<date>`. `hazards`: issuer and rating, one of which must have a hazard curve.
    `spots` and `vols`: base and quote currency. `equities`: a share and the currency that its
    price must be in.
    """

    curves: tuple[Ints, ...] = ()
    projections: tuple[tuple[Ints, Ints], ...] = ()
    hazards: tuple[tuple[Ints, Ints], ...] = ()
    spots: tuple[tuple[Ints, Ints], ...] = ()
    vols: tuple[tuple[Ints, Ints], ...] = ()
    equities: tuple[tuple[Ints, Ints], ...] = ()
    fixings: tuple[PastFixings, ...] = ()


class Lacks:
    """What P positions lack, the first thing of each: `number` (P) of the sentence in `sentences`; 0 for nothing."""

    def __init__(self, positions: int) -> None:
        self.number = np.zeros(positions, dtype=np.int64)
        self.sentences = [""]

    def add(self, codes: Ints, missing: Bools, sentence: Callable[[int], str]) -> None:
        """Positions at which something is missing: what that is by its code."""
        chosen = np.flatnonzero(missing & (self.number == 0))
        if chosen.size:
            found, place = distinct(codes[chosen])
            self.number[chosen] = len(self.sentences) + place
            self.sentences += [sentence(code) for code in found.tolist()]


def lacking(needs: Requirements, market: MarketData, names: Mapping[int, str], positions: int) -> Lacks:
    """What of their needs the market does not have; `names` are the texts behind the name codes."""
    lacks = Lacks(positions)
    for currency in needs.curves:
        missing = (currency != NOTHING) & (market.curves.find(currency) == NOTHING)
        lacks.add(currency, missing, lambda code: f"no {currency_text(code)} curve")
    for index, currency in needs.projections:
        _lack_projections(lacks, index, currency, market, names)
    for issuer, rating in needs.hazards:
        _lack_hazards(lacks, issuer, rating, market, names)
    for base, quote in needs.spots:
        _lack_pairs(lacks, base, quote, lambda *pair: market.spot(*pair) is None, "no {} spot, quoted or derived")
    for base, quote in needs.vols:
        _lack_pairs(lacks, base, quote, lambda *pair: market.vol(*pair) is None, "no {} vols")
    for share, currency in needs.equities:
        _lack_prices(lacks, share, currency, market, names)
    for fixings in needs.fixings:
        _lack_fixings(lacks, fixings, market, names)
    return lacks


def _lack_projections(lacks: Lacks, index: Ints, currency: Ints, market: MarketData, names: Mapping[int, str]) -> None:
    """Without a projection curve the discount curve stands in; one in another currency is none."""
    found, place = distinct(index)
    quoted = np.array([market.index_currencies.get(code, NOTHING) for code in found.tolist()], dtype=np.int64)[place]
    missing = (quoted != NOTHING) & (quoted != currency)
    if missing.any():
        places, pair = _distinct_pairs(index, currency)

        def sentence(number: int) -> str:
            wanted, name, other = (int(each[places[number]]) for each in (currency, index, quoted))
            return f"no {currency_text(wanted)} projection curve of {_named(name, names)}: it is in {currency_text(other)}"

        lacks.add(pair, missing, sentence)


def _lack_hazards(lacks: Lacks, issuer: Ints, rating: Ints, market: MarketData, names: Mapping[int, str]) -> None:
    missing = ((issuer != NOTHING) | (rating != NOTHING)) & (market.hazards.find_first(issuer, rating) == NOTHING)
    if missing.any():
        places, place = _distinct_pairs(issuer, rating)
        lacks.add(place, missing, lambda number: _no_hazards(int(issuer[places[number]]), int(rating[places[number]]), names))


def _no_hazards(issuer: int, rating: int, names: Mapping[int, str]) -> str:
    wanted = [f"issuer {_named(issuer, names)}"] if issuer != NOTHING else []
    wanted += [f"rating {_named(rating, names)}"] if rating != NOTHING else []
    return f"no hazard curve of {' or '.join(wanted)}"


def _lack_pairs(lacks: Lacks, base: Ints, quote: Ints, is_missing: Callable[[int, int], bool], sentence: str) -> None:
    codes = np.where((base == NOTHING) | (quote == NOTHING), NOTHING, pair_code(base, quote))
    pairs, place = distinct(codes)
    missing = [code != NOTHING and is_missing(*pair_currencies(code)) for code in pairs.tolist()]
    lacks.add(codes, np.array(missing, dtype=np.bool_)[place], lambda code: sentence.format(pair_text(code)))


def _lack_prices(lacks: Lacks, share: Ints, currency: Ints, market: MarketData, names: Mapping[int, str]) -> None:
    shares, place = distinct(share)
    quoted = [market.equities[code].currency if code in market.equities else NOTHING for code in shares.tolist()]
    found = np.array(quoted, dtype=np.int64)[place]
    lacks.add(share, (share != NOTHING) & (found == NOTHING), lambda code: f"no {_named(code, names)} price")
    lacks.add(
        share,
        (share != NOTHING) & (found != currency),
        lambda code: f"{_named(code, names)} has its price in {currency_text(market.equities[code].currency)}",
    )


def _lack_fixings(lacks: Lacks, fixings: PastFixings, market: MarketData, names: Mapping[int, str]) -> None:
    """The first fixing that each position lacks."""
    absent = np.flatnonzero(np.isnan(market.fixings.find(fixings.name, fixings.day)))
    if absent.size == 0:
        return
    lacks_one, first = np.unique(fixings.position[absent], return_index=True)
    name, day = fixings.name[absent][first], fixings.day[absent][first]
    places, place = _distinct_pairs(name, day)
    sentences = [f"no {_named(int(name[each]), names)} fixing on {to_date(int(day[each]))}" for each in places.tolist()]
    codes, missing = np.zeros(lacks.number.size, dtype=np.int64), np.zeros(lacks.number.size, dtype=np.bool_)
    codes[lacks_one], missing[lacks_one] = place, True
    lacks.add(codes, missing, lambda number: sentences[number])


def _distinct_pairs(first: Ints, second: Ints) -> tuple[Ints, Ints]:
    """Where each distinct pair of numbers first stands, and which of them is at each place."""
    _, one = distinct(first)
    others, other = distinct(second)
    joint = one * max(others.size, 1) + other
    _, places, place = np.unique(joint, return_index=True, return_inverse=True)
    return places, place.astype(np.int64, copy=False)


def _named(code: int, names: Mapping[int, str]) -> str:
    return names[code] if code in names else pair_text(code)
