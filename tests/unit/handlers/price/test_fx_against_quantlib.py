"""Every number of exchange rate products against QuantLib, over random positions, shocks and days; 1e-8 of notional."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.handlers.price import fx_oracle as oracle
from tests.unit.handlers.price.books import scenario_sets
from tests.unit.handlers.price.fx_books import fx_positions, fx_world, priced

TOLERANCE = 1e-8
SCALARS = {"PV": oracle.present_value, "DV01": oracle.dv01, "FX_DELTA": oracle.fx_delta}
OPTION_SCALARS = SCALARS | {"GAMMA": oracle.gamma, "VEGA": oracle.vega}


@settings(max_examples=60)
@given(st.lists(fx_positions, min_size=1, max_size=3), scenario_sets)
def test_every_measure_agrees_with_quantlib(book: list[dict[str, Any]], sets: list[list[Any]]) -> None:
    run = priced(book, *sets, measures=[*OPTION_SCALARS, "KRD", "ACCRUED"])
    worlds = [replace(fx_world(), world=fx_world().world.shocked(shocks)) for shocks in sets]
    found = {
        (row, measure, bucket): values
        for row, measure, bucket, values in zip(run.row_no.tolist(), run.measure, run.bucket, run.values, strict=True)
    }
    for row, position in enumerate(book):
        close = {"abs": TOLERANCE * max(1.0, abs(position["notional"])), "rel": 0.0}
        is_option = position["product_type"] == "FX_OPTION"
        for measure, reference in (OPTION_SCALARS if is_option else SCALARS).items():
            expected = [reference(position, each) for each in worlds]
            assert found[row, measure, ""].tolist() == pytest.approx(expected, **close), (measure, position)
        key_rates = [oracle.krd(position, each) for each in worlds]
        for bucket in key_rates[0]:
            expected = [each[bucket] for each in key_rates]
            assert found[row, "KRD", bucket].tolist() == pytest.approx(expected, **close), (bucket, position)
        assert (found[row, "ACCRUED", ""] == 0.0).all()
    unsupported = {run.measure[place] for place in np.flatnonzero([code is not None for code in run.error])}
    assert unsupported <= {"GAMMA", "VEGA"}
