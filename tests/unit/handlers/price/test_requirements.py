"""What positions lack is said once for each, in a sentence that names it."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

from events.market import Market
from handlers.price.currencies import currency_code, pair_code
from handlers.price.dates import to_day
from handlers.price.market import MarketData
from handlers.price.names import NOTHING, issuer_code, name_code, rating_code
from handlers.price.requirements import PastFixings, Requirements, lacking
from tests.unit.handlers.price.books import VALUATION, scenarios
from tests.unit.handlers.price.shocked_market import MARKET

FIXINGS = {"EURUSD": {"2026-01-02": 1.09}, "SOFR": {"2026-01-05": 0.043, "2026-01-02": 0.042}, "ESTR": {}}
NAMES = {name_code(name): name for name in ("SOFR", "USD-SOFR-3M", "ESTR")}
NAMES |= {issuer_code(name): name for name in ("ACME", "Zeta")} | {rating_code(name): name for name in ("BBB", "CCC", "AAA")}
USD, EUR, JPY, GBP = map(currency_code, ("USD", "EUR", "JPY", "GBP"))


def lacks(positions: int = 2, **needs: Any) -> list[str]:
    data = MarketData.of(Market.model_validate(MARKET | {"fixings": FIXINGS}), scenarios([]), VALUATION)
    found = lacking(Requirements(**needs), data, NAMES, positions)
    return [found.sentences[number] for number in found.number.tolist()]


def codes(*values: int) -> Any:
    return np.array(values, dtype=np.int64)


def test_what_the_market_has_and_what_is_not_needed_is_not_lacking() -> None:
    day = to_day(date(2026, 1, 2))
    assert lacks(
        curves=(codes(USD, EUR), codes(NOTHING, USD)),
        projections=((codes(name_code("USD-SOFR-3M"), NOTHING), codes(USD, EUR)),),
        hazards=((codes(issuer_code("ACME"), NOTHING), codes(rating_code("CCC"), NOTHING)),),
        spots=((codes(EUR, NOTHING), codes(JPY, NOTHING)),),
        fixings=(PastFixings(codes(0, 1), codes(name_code("SOFR"), pair_code(EUR, USD)), codes(day, day)),),
    ) == ["", ""]


def test_curves_and_spots_are_named() -> None:
    assert lacks(curves=(codes(GBP, USD), codes(JPY, JPY))) == ["no GBP curve", "no JPY curve"]
    assert lacks(spots=((codes(EUR, EUR), codes(GBP, USD)),)) == ["no EURGBP spot, quoted or derived", ""]
    assert lacks(vols=((codes(EUR, EUR), codes(GBP, USD)),)) == ["no EURGBP vols", ""]


def test_an_index_needs_no_projection_curve_but_none_in_another_currency() -> None:
    indices = codes(*map(name_code, ("USD-SOFR-3M", "USD-SOFR-3M", "ESTR", "USD-SOFR-3M")))
    assert lacks(4, projections=((indices, codes(EUR, USD, EUR, GBP)),)) == [
        "no EUR projection curve of USD-SOFR-3M: it is in USD",
        "",
        "",
        "no GBP projection curve of USD-SOFR-3M: it is in USD",
    ]


def test_a_hazard_curve_is_the_issuers_or_the_ratings_never_a_spread_curve() -> None:
    issuers = codes(issuer_code("ACME"), issuer_code("ACME"), NOTHING, issuer_code("Zeta"))
    ratings = codes(rating_code("BBB"), NOTHING, rating_code("AAA"), rating_code("BBB"))
    assert lacks(4, hazards=((issuers, ratings),)) == [
        "no hazard curve of issuer ACME or rating BBB",
        "no hazard curve of issuer ACME",
        "no hazard curve of rating AAA",
        "",
    ]


def test_the_first_missing_fixing_of_each_position_is_named() -> None:
    days = [to_day(date(2026, 1, day)) for day in (2, 5, 6, 2, 2, 5)]
    index, euro, empty = name_code("SOFR"), name_code("EURUSD"), name_code("ESTR")
    fixings = PastFixings(codes(0, 0, 0, 1, 2, 2), codes(index, index, index, empty, euro, euro), codes(*days))
    assert lacks(4, fixings=(fixings,)) == [
        "no SOFR fixing on 2026-01-06",
        "no ESTR fixing on 2026-01-02",
        "no EURUSD fixing on 2026-01-05",
        "",
    ]


def test_fixings_are_found_by_name_and_day() -> None:
    data = MarketData.of(Market.model_validate(MARKET | {"fixings": FIXINGS}), scenarios([]), VALUATION)
    day = to_day(date(2026, 1, 2))
    names = codes(name_code("SOFR"), name_code("SOFR"), name_code("SOFR"), name_code("EURUSD"), name_code("other"))
    found = data.fixings.find(names, codes(day, day + 3, day + 1, day, day))
    np.testing.assert_array_equal(found, [0.042, 0.043, np.nan, 1.09, np.nan])


def test_names_are_numbers_that_say_what_they_name() -> None:
    assert name_code("EURUSD") == pair_code(EUR, USD)
    assert len({code("BBB") for code in (name_code, issuer_code, rating_code)}) == 3
    assert name_code("SOFR") == name_code("SO" + "FR") >= 2**61
