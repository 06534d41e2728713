"""What a run refers to, judged."""

from __future__ import annotations

import orjson
from pydantic import ValidationError

from events.failures import Permanent
from events.market import Market
from events.model import explain


def parse_market(content: bytes, name: str, snapshot_id: str | None = None) -> Market:
    """The market snapshot in a JSON object; `snapshot_id` stands for what the object says of its id.

    Raises Permanent, code market_unreadable, naming the field.
    """
    try:
        raw = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise Permanent("market_unreadable", f"{name!r} is not JSON: {error}") from None
    if snapshot_id is not None and isinstance(raw, dict):
        raw["snapshot_id"] = snapshot_id
    try:
        return Market.model_validate(raw)
    except ValidationError as error:
        raise Permanent("market_unreadable", f"{name!r}: {explain(error, raw)}") from None
