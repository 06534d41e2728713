"""What holds for every product on every kind of curve: bumps are what shocks of the same size make."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from handlers.price.interpolation import INTERPOLATIONS
from handlers.price.pricers import registered_types
from handlers.price.sheet import PricedRun
from tests.unit.handlers.price import whole_book
from tests.unit.handlers.price.books import CURVES
from tests.unit.handlers.price.whole_book import BOOK, PROJECTIONS, market


def priced(interpolation: str, *sets: list[dict[str, Any]], measures: tuple[str, ...] = ("PV",)) -> PricedRun:
    return whole_book.priced(BOOK, *sets, measures=measures, in_market=market(interpolation))


def test_the_book_has_every_product() -> None:
    assert {position["product_type"] for position in BOOK} == set(registered_types())


@pytest.mark.parametrize("interpolation", list(INTERPOLATIONS))
def test_dv01_and_key_rates_are_the_differences_that_shocks_make(interpolation: str) -> None:
    nodes = [(name, day) for name, curve in CURVES.items() for day in curve]
    nodes += [(code, day) for code, curve in PROJECTIONS.values() for day in curve]
    sets = [[{"kind": "rate_node", "currency": name, "pillar": day, "bp": 1.0}] for name, day in nodes]
    everywhere = [{"kind": "rate_parallel", "currency": "*", "bp": 1.0}]
    moved = priced(interpolation, [], everywhere, *sets).values
    run = priced(interpolation, measures=("DV01", "KRD"))
    for row, position in enumerate(BOOK):
        close = {"rtol": 0, "atol": 1e-10 * abs(position.get("notional", 1e6))}
        assert np.isfinite(moved[row]).all(), position
        changes = dict(zip(nodes, moved[row, 2:] - moved[row, 0], strict=True))
        rows = np.flatnonzero(run.row_no == row)
        found = {(run.measure[each], run.bucket[each]): run.values[each, 0] for each in rows if run.error[each] is None}
        if position["product_type"] in ("EQUITY", "CASH"):
            continue
        np.testing.assert_allclose(found.pop(("DV01", "")), moved[row, 1] - moved[row, 0], **close, err_msg=str(position))
        own = position.get("currency") or position["quote_currency"]
        for (_, bucket), change in found.items():
            name, _, day = bucket.rpartition(":")
            code = PROJECTIONS[name][0] if name in PROJECTIONS else name or own
            np.testing.assert_allclose(change, changes.pop((code, day)), **close, err_msg=f"{bucket} {position}")
        np.testing.assert_allclose(list(changes.values()), 0.0, **close, err_msg=str(position))
