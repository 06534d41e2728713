from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from handlers.price.currencies import currency_code, currency_text
from handlers.price.market import MarketData
from tests.unit.handlers.price.books import VALUATION, market, scenarios, world

EURUSD = {"kind": "fx", "pair": "EURUSD", "relative": 0.10}


def spots(quoted: dict[str, float], pair: str, *shocks: list[dict[str, Any]]) -> list[float] | None:
    """The spot of a pair under each scenario."""
    data = MarketData.of(market(world(**quoted)), scenarios(*shocks), VALUATION)
    found = data.spot(currency_code(pair[:3]), currency_code(pair[3:]))
    return None if found is None else found.tolist()


def rates(currency: str, *shocks: list[dict[str, Any]]) -> list[list[float]]:
    """The zero rates (pillars × scenarios) of a curve."""
    curves = MarketData.of(market(), scenarios(*shocks), VALUATION).curves
    curve = int(curves.find(np.array([currency_code(currency)]))[0])
    return curves.rates[curves.bounds[curve] : curves.bounds[curve + 1]].tolist()


def test_a_spot_is_taken_as_quoted_then_inverted_then_by_way_of_usd() -> None:
    quoted = {"EURUSD": 1.25, "USDJPY": 150.0, "GBPEUR": 1.2}
    assert spots(quoted, "EURUSD", []) == [1.25]
    assert spots(quoted, "USDEUR", []) == [0.8]
    assert spots(quoted, "EURJPY", []) == [187.5]
    assert spots(quoted, "JPYEUR", []) == [pytest.approx(1 / 187.5)]
    assert spots(quoted, "EURGBP", []) == [pytest.approx(1 / 1.2)]
    assert spots(quoted, "CHFCHF", []) == [1.0]


def test_a_cross_goes_by_way_of_usd_then_eur_then_whichever_currency_comes_first() -> None:
    by_usd, by_eur = {"GBPUSD": 1.25, "USDJPY": 150.0}, {"EURGBP": 0.8, "EURJPY": 160.0}
    by_aud, by_chf = {"GBPAUD": 2.0, "AUDJPY": 95.0}, {"GBPCHF": 1.1, "CHFJPY": 170.0}
    assert spots(by_chf | by_aud | by_eur | by_usd, "GBPJPY", []) == [187.5]
    assert spots(by_chf | by_aud | by_eur, "GBPJPY", []) == [pytest.approx(200.0)]
    assert spots(by_chf | by_aud, "GBPJPY", []) == [190.0]
    assert spots({"EURUSD": 1.25, "EURGBP": 0.8}, "GBPUSD", []) == [pytest.approx(1.5625)]


def test_a_cross_of_more_than_two_legs_is_missing() -> None:
    assert spots({"EURUSD": 1.25, "EURGBP": 0.85, "GBPCHF": 1.1}, "CHFUSD", []) is None
    assert spots({"EURUSD": 1.25}, "EURCHF", []) is None


def test_a_shock_moves_the_quoted_pair_and_crosses_follow() -> None:
    quoted = {"EURUSD": 1.25, "USDJPY": 150.0}
    assert spots(quoted, "EURJPY", [], [EURUSD]) == [187.5, pytest.approx(187.5 * 1.1)]
    assert spots(quoted, "USDEUR", [EURUSD]) == [pytest.approx(1 / 1.375)]


def test_a_shock_of_the_inverse_moves_the_quoted_pair_the_other_way() -> None:
    inverse = {"kind": "fx", "pair": "USDEUR", "relative": 0.25}
    assert spots({"EURUSD": 1.25}, "EURUSD", [inverse]) == [1.0]
    assert spots({"EURUSD": 1.25, "USDEUR": 0.8}, "EURUSD", [inverse]) == [1.0]


def test_a_shock_of_a_cross_that_is_not_quoted_is_refused() -> None:
    cross = {"kind": "fx", "pair": "EURJPY", "relative": 0.1}
    data = MarketData.of(market(world(EURUSD=1.25, USDJPY=150.0)), scenarios([], [cross]), VALUATION)
    assert data.unavailable == {1: "scenario s1: no EURJPY spot is quoted"}


def test_shocks_of_one_scenario_apply_together_and_do_not_leak_into_others() -> None:
    everywhere = {"kind": "rate_parallel", "bp": 100.0, "currency": "*"}
    dollar = {"kind": "rate_parallel", "bp": -25.0, "currency": "USD"}
    node = {"kind": "rate_node", "bp": 10.0, "currency": "GBP", "pillar": "2031-01-15"}
    assert rates("GBP", [], [everywhere, dollar, node, node]) == [
        pytest.approx([0.041, 0.051]),
        pytest.approx([0.038, 0.050]),
    ]
    assert rates("USD", [everywhere, dollar], [])[0] == pytest.approx([0.0440, 0.0365])
    assert spots({"EURUSD": 1.0}, "EURUSD", [EURUSD, EURUSD], []) == [pytest.approx(1.21), 1.0]


def test_currencies_survive_being_numbers() -> None:
    assert [currency_text(currency_code(name)) for name in ("AAA", "USD", "ZZZ")] == ["AAA", "USD", "ZZZ"]
    for wrong in ("usd", "US", "USDX", "U D", "ÜSD"):
        with pytest.raises(ValueError):
            currency_code(wrong)


@pytest.mark.parametrize("day", [date(1, 1, 2), date(9999, 12, 30)])
def test_a_valuation_at_either_end_of_the_calendar_is_priced(day: date) -> None:
    assert MarketData.of(market(), scenarios([]), day).curves.valuation == (day - date(1970, 1, 1)).days
