"""Every number of credit default swaps against QuantLib's ISDA engine, over random swaps and curves; 1e-9 of notional."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import QuantLib as ql  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.handlers.price import cds_books as oracle
from tests.unit.handlers.price.cds_books import CreditWorld
from tests.unit.handlers.price.fx_books import priced


@pytest.fixture(autouse=True, scope="module")
def evaluation_date() -> Iterator[None]:
    """QuantLib's one date of today is left as it was."""
    before = ql.Settings.instance().evaluationDate
    yield
    ql.Settings.instance().evaluationDate = before


@settings(max_examples=100)
@given(st.lists(oracle.swaps(), min_size=1, max_size=3), oracle.worlds)
def test_every_measure_agrees_with_quantlib(book: list[dict[str, Any]], world: CreditWorld) -> None:
    day = date.fromisoformat(world.valuation)
    run = priced(book, measures=("PV", "DV01", "CS01", "KRD"), valuation=day, in_market=world.snapshot())
    assert run.error == [None] * len(run.error), run.error_detail
    found = {
        (row, measure, bucket): value
        for row, measure, bucket, value in zip(run.row_no.tolist(), run.measure, run.bucket, run.values[:, 0], strict=True)
    }
    for row, position in enumerate(book):
        close = {"abs": 1e-9 * max(1.0, abs(position["notional"])), "rel": 0.0}
        before = oracle.present_value(position, world)
        assert found[row, "PV", ""] == pytest.approx(before, **close), position
        for measure, name in (("DV01", "zeros"), ("CS01", "hazards")):
            after = oracle.present_value(position, world.moved(name))
            assert found[row, measure, ""] == pytest.approx(after - before, **close), (measure, position)
        for pillar in world.zeros:
            after = oracle.present_value(position, world.moved("zeros", pillar))
            assert found[row, "KRD", pillar] == pytest.approx(after - before, **close), (pillar, position)
