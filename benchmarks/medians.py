"""Medians over rounds, for whatever shape a round's figures have."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any


def medians(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The same shape as each round, with the median of each figure; what is not a figure is the first round's."""
    return {name: _median([each[name] for each in rounds if name in each]) for name in rounds[0]}


def _median(values: list[Any]) -> Any:
    if isinstance(values[0], dict):
        return medians(values)
    if isinstance(values[0], int | float):
        return statistics.median(values)
    return values[0]
