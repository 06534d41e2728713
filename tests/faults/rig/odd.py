"""Records that are no events, each with the reason of its dead letter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType
from typing import Any

from tests.faults.rig.formulas import compact

LARGEST = 900 * 1024
# A version that this release does not know: tried again, in case a newer worker comes.
NEWER = "run.requested.v9"

Envelope = dict[str, Any]
Spoil = Callable[[Random, Envelope], bytes | None]


def _with(**changes: Any) -> Spoil:
    return lambda _draw, envelope: compact(envelope | changes)


def _data_with(**changes: Any) -> Spoil:
    return lambda _draw, envelope: compact(envelope | {"data": envelope["data"] | changes})


def _without(name: str) -> Spoil:
    return lambda _draw, envelope: compact({key: value for key, value in envelope.items() if key != name})


def padded(envelope: Envelope, size: int) -> bytes:
    """The event with a field in its data that nobody knows, so that it is exactly `size` bytes long."""
    bare = len(compact(envelope | {"data": envelope["data"] | {"padding": ""}}))
    return compact(envelope | {"data": envelope["data"] | {"padding": "x" * (size - bare)}})


# What it is, the reason that it is rejected for, and how a good envelope is spoilt to become it.
ODD: Mapping[str, tuple[str, Spoil]] = MappingProxyType(
    {
        "garbage bytes": ("garbage", lambda draw, _: draw.randbytes(40) + b"\xff{"),
        "a tombstone": ("garbage", lambda _draw, _: None),
        "nothing at all": ("garbage", lambda _draw, _: b""),
        "half an event": ("garbage", lambda _draw, envelope: compact(envelope)[:-20]),
        "a list": ("garbage", lambda _draw, _: b"[1,2]"),
        "UTF-16": ("garbage", lambda _draw, envelope: compact(envelope).decode().encode("utf-16")),
        "an id that is a number": ("invalid_envelope", _with(id=7)),
        "an id with a NUL": ("invalid_envelope", _with(id="nul\0")),
        "no client": ("invalid_envelope", _without("clientid")),
        "data that is a list": ("invalid_envelope", _with(data=[])),
        "a time that is none": ("invalid_envelope", _with(time="yesterday")),
        "a run_id that is a number": ("invalid_data", _data_with(run_id=7)),
        "positions that are text": ("invalid_data", _data_with(portfolio={"positions": "all"})),
        "a measure that is unknown": ("invalid_data", _data_with(measures=["LUCK"])),
        "a market without curves": ("invalid_data", _data_with(market={"snapshot": {}})),
        "an unknown type": ("unknown_type", _with(type="weather.reported.v1")),
        "an unknown version": ("unknown_version", _with(type=NEWER)),
        "a generation that nobody allotted": ("generation_not_allotted", _with(generation=3)),
        "a byte too many": ("too_large", lambda _draw, envelope: padded(envelope, LARGEST + 1)),
    }
)
