"""Percentiles of what was timed."""

from __future__ import annotations

from collections.abc import Sequence


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Milliseconds at the 50th and the 99th percentile and at most, and of how many."""
    ordered = sorted(seconds)
    if not ordered:
        return {"n": 0}
    at = {"p50_ms": 0.5, "p99_ms": 0.99, "max_ms": 1.0}
    last = len(ordered) - 1
    return {name: ordered[round(share * last)] * 1000 for name, share in at.items()} | {"n": len(ordered)}
