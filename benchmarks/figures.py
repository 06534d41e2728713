"""What is made of measurements: shares of an event, percentiles of what was timed, medians over rounds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

PERCENTILES = {"p50_ms": 0.5, "p99_ms": 0.99, "max_ms": 1.0}


def per_event(measured: dict[str, Any], count: int) -> dict[str, Any]:
    """What a worker measured, with rates and shares for each event; times an event in microseconds."""
    figures = {"events": count, "per_second": count / measured["wall_s"], "cpu_us": measured["cpu_s"] / count * 1e6}
    stages = {name: seconds / count * 1e6 for name, seconds in measured.get("stages_s", {}).items()}
    return measured | figures | ({"stages_us": stages} if stages else {})


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Milliseconds at the 50th and the 99th percentile and at most, and of how many."""
    if not seconds:
        return {"n": 0}
    ordered, last = sorted(seconds), len(seconds) - 1
    return {name: ordered[round(share * last)] * 1000 for name, share in PERCENTILES.items()} | {"n": len(ordered)}


def medians(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The same shape as each round, with the median of each figure; what is not a figure is the first round's."""
    return {name: _median([each[name] for each in rounds if name in each]) for name in rounds[0]}


def _median(values: list[Any]) -> Any:
    if isinstance(values[0], dict):
        return medians(values)
    if isinstance(values[0], int | float):
        return statistics.median(values)
    return values[0]
