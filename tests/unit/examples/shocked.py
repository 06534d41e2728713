"""Shocks of a market snapshot, one rate or price after the other, as docs/pricing.md words them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from datetime import date
from typing import Any

BP = 1e-4

Json = dict[str, Any]


def shocked(market: Json, shocks: Sequence[Json]) -> Json:
    """The snapshot after these shocks; of `credit_spread` only what it does to hazard rates."""
    market = deepcopy(market)
    for shock in shocks:
        _SHOCKS[shock["kind"]](market, shock)
    return market


def _parallel(market: Json, shock: Json) -> None:
    for curve in _curves_of(market, shock["currency"]):
        curve["zero_rates"] = [rate + shock["bp"] * BP for rate in curve["zero_rates"]]


def _twist(market: Json, shock: Json) -> None:
    """Linear in time from the first pillar of the discount curve by way of nothing at the pivot to its last."""
    days = market["curves"][shock["currency"]]["pillars"]
    first, pivot, last = (date.fromisoformat(day).toordinal() for day in (days[0], shock["pivot"], days[-1]))
    for curve in _curves_of(market, shock["currency"]):
        for place, pillar in enumerate(curve["pillars"]):
            day = min(max(date.fromisoformat(pillar).toordinal(), first), last)
            short, long = (pivot - day) / (pivot - first), (day - pivot) / (last - pivot)
            curve["zero_rates"][place] += BP * (shock["short_bp"] * max(short, 0.0) + shock["long_bp"] * max(long, 0.0))


def _credit(market: Json, shock: Json) -> None:
    for curve in market.get("credit_curves", {}).get("issuers", {}).values():
        if shock.get("rating", curve["rating"]) == curve["rating"]:
            curve["rates"] = [rate + shock["bp"] * BP for rate in curve["rates"]]


def _fx(market: Json, shock: Json) -> None:
    market["fx_spot"][shock["pair"]] *= 1.0 + shock["relative"]


def _vol(market: Json, shock: Json) -> None:
    for smile in market["fx_vols"].values():
        smile["vols"] = [[vol * (1.0 + shock["relative"]) for vol in row] for row in smile["vols"]]


def _equity(market: Json, shock: Json) -> None:
    for share in market["equities"].values():
        share["price"] *= 1.0 + shock["relative"]


def _curves_of(market: Json, currency: str) -> Iterator[Json]:
    for name, curve in market["curves"].items():
        if currency in ("*", name):
            yield curve
    for curve in market.get("projection_curves", {}).values():
        if currency in ("*", curve["currency"]):
            yield curve


_SHOCKS = {
    "rate_parallel": _parallel,
    "rate_twist": _twist,
    "credit_spread": _credit,
    "fx": _fx,
    "vol": _vol,
    "equity": _equity,
}
