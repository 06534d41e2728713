"""Tail risk of a run, from its totals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from handlers.price.risk.tails import expected_shortfall, value_at_risk


def tail_risk(
    totals: Mapping[str, Mapping[str, float | None]], scenario_ids: Sequence[str], days: int, levels: Sequence[float]
) -> dict[str, Any]:
    """The `tail_risk` of a completion, as `events.tail_risk.TailRisk`; the last `days` scenarios are the days.

    Profits are differences to the first scenario, the market without shocks.
    """
    values = [totals["PV"][name] for name in (scenario_ids[0], *scenario_ids[-days:])]
    before, *after = np.array(values, dtype=np.float64)
    profits = np.array(after) - before
    measures = {"value_at_risk": value_at_risk, "expected_shortfall": expected_shortfall}
    found = {name: {repr(level): _known(measure(profits, level)) for level in levels} for name, measure in measures.items()}
    return {"days": days, **found}


def _known(amount: Any) -> float | None:
    return float(amount) if np.isfinite(amount) else None
