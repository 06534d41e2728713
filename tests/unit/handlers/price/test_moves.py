"""Moves of spots, volatilities and share prices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from handlers.price.currencies import currency_code
from handlers.price.names import name_code
from tests.unit.handlers.price.shocked_market import shocked


def spot(pair: str, *some: dict[str, Any]) -> float:
    found = shocked(list(some)).spot(currency_code(pair[:3]), currency_code(pair[3:]))
    assert found is not None
    return float(found[0])


def test_relative_moves_of_a_spot_come_before_absolute_ones_in_any_order() -> None:
    up, more = {"kind": "fx", "pair": "EURUSD", "relative": 0.1}, {"kind": "fx", "pair": "EURUSD", "absolute": 0.05}
    assert spot("EURUSD", up, more, more) == spot("EURUSD", more, up, more) == pytest.approx(1.25 * 1.1 + 0.1)


def test_an_absolute_move_of_a_pair_quoted_the_other_way_is_one_of_that_pair() -> None:
    assert spot("USDEUR", {"kind": "fx", "pair": "USDEUR", "absolute": 0.1}) == pytest.approx(0.9)
    assert spot("EURJPY", {"kind": "fx", "pair": "USDEUR", "absolute": 0.1}) == pytest.approx(160.0 / 0.9)


@pytest.mark.parametrize(("pair", "absolute"), [("EURUSD", -1.25), ("EURUSD", -2.0), ("USDEUR", -0.8), ("USDEUR", -1.0)])
def test_a_spot_that_would_not_stay_positive_is_no_number(pair: str, absolute: float) -> None:
    assert np.isnan(spot("EURUSD", {"kind": "fx", "pair": pair, "absolute": absolute}))


def test_volatilities_move_by_pair_either_way_round_or_all_together() -> None:
    sets = [
        [{"kind": "vol", "pair": "*", "relative": 0.5}],
        [{"kind": "vol", "pair": "EURUSD", "relative": -0.5}, {"kind": "vol", "pair": "USDEUR", "absolute": 0.02}],
        [{"kind": "vol", "pair": "USDJPY", "absolute": -0.1}],
    ]
    data = shocked(*sets)
    euro, yen = data.vols[name_code("EURUSD")], data.vols[name_code("USDJPY")]
    assert (0.1 * euro.factor + euro.shift).tolist() == pytest.approx([0.15, 0.07, 0.1])
    assert (0.2 * yen.factor + yen.shift)[:2].tolist() == pytest.approx([0.3, 0.2])
    assert np.isnan(yen.shift[2])


def test_share_prices_move_by_name_or_all_together_down_to_nothing() -> None:
    data = shocked([{"kind": "equity", "relative": -0.1}], [{"kind": "equity", "name": "SAP", "relative": -1}])
    assert data.equities[name_code("AAPL")].price.tolist() == pytest.approx([180.0, 200.0])
    assert data.equities[name_code("SAP")].price.tolist() == pytest.approx([90.0, 0.0])


def test_moves_of_all_names_come_on_top_of_those_of_one() -> None:
    some = [{"kind": "equity", "relative": -0.5}, {"kind": "equity", "name": "SAP", "relative": 0.2}]
    some += [{"kind": "vol", "pair": "*", "absolute": 0.01}, {"kind": "vol", "pair": "EURUSD", "relative": 1.0}]
    data = shocked(some, [*reversed(some)])
    assert data.equities[name_code("SAP")].price.tolist() == pytest.approx([60.0, 60.0])
    euro = data.vols[name_code("EURUSD")]
    assert (0.1 * euro.factor + euro.shift).tolist() == pytest.approx([0.21, 0.21])
