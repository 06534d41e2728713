"""Runs: a large book, a small one, what goes wrong on the way, and the company's own instruments."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from events.ids import uuid7
from millrace.demo.objects import uri_of
from millrace.demo.scene import Scene, scene
from millrace.examples import FOLDER, envelope, fresh

BOOK, TREASURY, MARKET = "books/credit.parquet", "books/treasury.jsonl", "markets/evening.json"
GARBAGE = b'{"specversion": "1.0", "id": "and here the line breaks'


def run_scenes(client: str) -> list[Scene]:
    """Every scene of the runs flow, in order."""
    small = fresh("run.requested.v1", client)
    book = _run(client, BOOK, orjson.loads((FOLDER / "scenarios.json").read_bytes()), ["PV", "ACCRUED", "DV01"])
    return [
        scene("book", "A credit book of 314 positions in a Parquet file, under 8 scenarios", book),
        scene("small", "A small run, its positions and market in the event itself", small),
        scene("again", "The same event once more", small, is_answered=False),
        scene("reused", "The same id with another payload", _changed(small)),
        Scene("garbage", "A line that is no event", "runs", "runs.requested", None, GARBAGE),
        scene("treasury", "What a maker of milling machines borrows, holds and has hedged", _treasury(client)),
    ]


def _treasury(client: str) -> dict[str, Any]:
    shocks = [{"kind": "rate_parallel", "bp": 100, "currency": "*"}]
    return _run(client, TREASURY, [{"id": "base", "shocks": []}, {"id": "rates_up_100", "shocks": shocks}], ["PV", "DV01"])


def _run(client: str, portfolio: str, scenarios: list[dict[str, Any]], measures: list[str]) -> dict[str, Any]:
    data = {
        "run_id": str(uuid7()),
        "valuation_date": "2026-01-15",
        "reporting_currency": "USD",
        "portfolio": {"uri": uri_of(portfolio), "sha256": hashlib.sha256((FOLDER / portfolio).read_bytes()).hexdigest()},
        "market": {"uri": uri_of(MARKET)},
        "scenarios": scenarios,
        "measures": measures,
    }
    return envelope("run.requested.v1", client, data)


def _changed(event: dict[str, Any]) -> dict[str, Any]:
    return event | {"data": event["data"] | {"valuation_date": "2026-01-16"}}
