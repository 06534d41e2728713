from __future__ import annotations

from dataclasses import asdict

import pytest

from benchmarks.pricing import STAGED, STAGES
from benchmarks.pricing_stages import stages
from tests.unit.handlers.price.books import BOND, LOAN, VALUATION, market, scenarios


@pytest.mark.parametrize(("product", "position"), [("FIXED_BOND", BOND), ("AMORT_LOAN", LOAN)])
def test_every_stage_that_is_printed_is_timed(product: str, position: dict[str, object]) -> None:
    figures = asdict(stages(product, [position], market(), scenarios([]), scenarios([]), VALUATION, rounds=1))
    assert figures.pop("product") == product
    assert figures.keys() == STAGES.keys()
    assert all(figure > 0.0 for figure in figures.values())
    assert product in STAGED
