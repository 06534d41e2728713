"""Runs: a credit book, the book of six desks, a small one, what goes wrong on the way, and the company's own instruments."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from events.ids import uuid7
from millrace.demo.objects import uri_of
from millrace.demo.scene import Scene, scene
from millrace.examples import FOLDER, envelope, fresh

BOOK, DESKS, TREASURY = "books/credit.parquet", "books/desks.jsonl", "books/treasury.jsonl"
MARKET, DESK_MARKET = "markets/evening.json", "markets/close.json"
GARBAGE = b'{"specversion": "1.0", "id": "and here the line breaks'


def run_scenes(client: str) -> list[Scene]:
    """Every scene of the runs flow, in order."""
    small = fresh("run.requested.v1", client)
    book = _run(client, BOOK, MARKET, _scenarios("scenarios.json"), ["PV", "ACCRUED", "DV01"])
    desks = _run(client, DESKS, DESK_MARKET, _scenarios("desk_scenarios.json"), ["PV", "DV01", "VEGA"], group_by=["desk"])
    return [
        scene("book", "A credit book of 314 positions in a Parquet file, under 8 scenarios", book),
        scene("desks", "Thirteen products on six desks, under 7 scenarios", desks),
        scene("small", "A small run, its positions and market in the event itself", small),
        scene("again", "The same event once more", small, is_answered=False),
        scene("reused", "The same id with another payload", _changed(small)),
        Scene("garbage", "A line that is no event", "runs", "runs.requested", None, GARBAGE),
        scene("treasury", "What a maker of milling machines borrows, holds and has hedged", _treasury(client)),
    ]


def _treasury(client: str) -> dict[str, Any]:
    shocks = [{"kind": "rate_parallel", "bp": 100, "currency": "*"}]
    scenarios: list[dict[str, Any]] = [{"id": "base", "shocks": []}, {"id": "rates_up_100", "shocks": shocks}]
    return _run(client, TREASURY, MARKET, scenarios, ["PV", "DV01"])


def _scenarios(name: str) -> Any:
    return orjson.loads((FOLDER / name).read_bytes())


def _run(
    client: str, portfolio: str, market: str, scenarios: list[dict[str, Any]], measures: list[str], **more: Any
) -> dict[str, Any]:
    data = {
        "run_id": str(uuid7()),
        "valuation_date": "2026-01-15",
        "reporting_currency": "USD",
        "portfolio": {"uri": uri_of(portfolio), "sha256": hashlib.sha256((FOLDER / portfolio).read_bytes()).hexdigest()},
        "market": {"uri": uri_of(market)},
        "scenarios": scenarios,
        "measures": measures,
    } | more
    return envelope("run.requested.v1", client, data)


def _changed(event: dict[str, Any]) -> dict[str, Any]:
    return event | {"data": event["data"] | {"valuation_date": "2026-01-16"}}
