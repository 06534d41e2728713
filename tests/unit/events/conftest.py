from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from events.event import Event, decode
from events.topics import models_of

RUN_ID = "01970000-0000-7000-8000-00000000000a"


@pytest.fixture
def market() -> dict[str, Any]:
    curve = {"interpolation": "linear_zero", "compounding": "continuous", "day_count": "ACT/365F"}
    rates = {"pillars": ["2026-01-15", "2027-01-15"], "zero_rates": [0.0365, 0.04]}
    return {"snapshot_id": "eod", "as_of": "2026-01-15", "curves": {"USD": curve | rates}, "fx_spot": {"EURUSD": 1.0875}}


@pytest.fixture
def run(market: dict[str, Any]) -> dict[str, Any]:
    return {
        "run_id": RUN_ID,
        "valuation_date": "2026-01-15",
        "portfolio": {"positions": [{"position_id": "p1", "notional": "any"}, {"position_id": "p2"}]},
        "market": {"snapshot": market},
        "measures": ["PV", "DV01"],
    }


@pytest.fixture
def envelope(run: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "e1",
        "source": "/portfolio-service",
        "type": "run.requested.v1",
        "subject": RUN_ID,
        "time": "2026-11-20T10:00:00Z",
        "clientid": "acme",
        "data": run,
    }


@pytest.fixture
def decoded() -> Callable[[dict[str, Any]], Event]:
    """Decodes an envelope as the runs flow does."""
    return lambda envelope: decode(orjson.dumps(envelope), "runs", models_of("runs"))
