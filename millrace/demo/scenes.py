"""What the demonstration sends: each scene is one record and what is expected of it in `examples/expected.json`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from millrace.examples import FOLDER, envelope, fresh
from millrace.ids import uuid7

BOOK, MARKET = "books/credit.parquet", "markets/evening.json"
GARBAGE = b'{"specversion": "1.0", "id": "and here the line breaks'


@dataclass(frozen=True, slots=True)
class Scene:
    """One record to publish: `name` leads to what is expected, `title` tells people what it is."""

    name: str
    title: str
    value: bytes
    key: bytes | None
    run_id: str | None
    event_id: str | None


def scenes(client: str) -> list[Scene]:
    """All scenes, with fresh ids, in the order in which they are sent."""
    small = fresh("run.requested.v1", client)
    return [
        _scene("book", "A credit book of 314 positions in a Parquet file, under 8 scenarios", _book(client)),
        _scene("small", "A small run, its positions and market in the event itself", small),
        _scene("again", "The same event once more", small),
        _scene("reused", "The same id with another payload", _changed(small)),
        Scene("garbage", "A line that is no event", GARBAGE, None, None, None),
    ]


def objects() -> Mapping[str, bytes]:
    """The objects that the events refer to, by their uri."""
    return {uri_of(name): (FOLDER / name).read_bytes() for name in (BOOK, MARKET)}


def expected() -> dict[str, dict[str, Any]]:
    """What is to come of each scene."""
    found: dict[str, dict[str, Any]] = orjson.loads((FOLDER / "expected.json").read_bytes())["scenes"]
    return found


def uri_of(name: str) -> str:
    """Where an object of the examples lies in the object store."""
    return f"examples/{name}"


def _book(client: str) -> dict[str, Any]:
    book = (FOLDER / BOOK).read_bytes()
    data = {
        "run_id": str(uuid7()),
        "valuation_date": "2026-01-15",
        "reporting_currency": "USD",
        "portfolio": {"uri": uri_of(BOOK), "sha256": hashlib.sha256(book).hexdigest()},
        "market": {"uri": uri_of(MARKET)},
        "scenarios": orjson.loads((FOLDER / "scenarios.json").read_bytes()),
        "measures": ["PV", "ACCRUED", "DV01"],
    }
    return envelope("run.requested.v1", client, data)


def _changed(event: dict[str, Any]) -> dict[str, Any]:
    return event | {"data": event["data"] | {"valuation_date": "2026-01-16"}}


def _scene(name: str, title: str, event: dict[str, Any]) -> Scene:
    run_id = event["data"]["run_id"]
    return Scene(name, title, orjson.dumps(event), run_id.encode(), run_id, event["id"])
