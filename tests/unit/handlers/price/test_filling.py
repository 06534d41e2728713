"""Working memory stays within bounds, whatever lies in the market."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from events.market import CreditCurves, IssuerCurve
from events.scenario import Scenario
from handlers.price import filling
from handlers.price.arrays import Floats, Ints
from handlers.price.curves import Curves, Nodes
from handlers.price.engine import price_run
from handlers.price.portfolio import Portfolio
from tests.unit.handlers.price.books import BOND, VALUATION, market


def moved(bp: int) -> Scenario:
    """Rates and one issuer's curve by so many basis points."""
    shocks = [{"kind": "rate_parallel", "bp": bp}, {"kind": "credit_spread", "bp": bp, "issuer": "I0"}]
    return Scenario.model_validate({"id": f"s{bp}", "shocks": shocks})


SCENARIOS = [moved(bp) for bp in range(20)]


def issued(kind: str, issuers: int) -> CreditCurves:
    curve = {"kind": kind, "interpolation": "linear_zero", "pillars": ["2030-01-15"], "rates": [0.01]}
    return CreditCurves(issuers={f"I{number}": IssuerCurve.model_validate(curve) for number in range(issuers)})


@pytest.mark.parametrize("issuers", [1, 5, 60])
@pytest.mark.parametrize(("kind", "measure"), [("spread", "PV"), ("hazard", "EXPECTED_LOSS")])
def test_bonds_of_many_issuers_are_no_more_in_hand_at_once_than_those_of_one(
    issuers: int, kind: str, measure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells: list[int] = []
    at = Curves.at

    def watched(self: Curves, curve: Ints, ahead: Ints, spread: Floats | None = None) -> Nodes:
        cells.append(ahead.size * self.rates.shape[1])
        return at(self, curve, ahead, spread)

    content = market().model_copy(update={"credit_curves": issued(kind, issuers)})
    book: list[dict[str, Any]] = [
        BOND
        | {
            "frequency": 12,
            "position_id": f"p{number}",
            "issuer": f"I{number % issuers}",
            "maturity_date": f"2026-10-{1 + number % 28:02}",
        }
        for number in range(900)
    ]
    whole = price_run(Portfolio.from_records(book), content, SCENARIOS, [measure], VALUATION).values
    monkeypatch.setattr(filling, "BLOCK_CELLS", 10_000)
    monkeypatch.setattr(Curves, "at", watched)
    found = price_run(Portfolio.from_records(book), content, SCENARIOS, [measure], VALUATION).values
    np.testing.assert_allclose(found, whole, rtol=1e-12)
    # Each loss has two days, and a chunk may be one position longer than it should.
    assert max(cells) <= 2 * 10_000
