"""Market snapshots as content: one canonical text for one market, and what tells two of them apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from events.market import Market

# Lists whose places are told by lists beside them.
AXES: Final[Mapping[str, tuple[str, ...]]] = {
    "zero_rates": ("pillars",),
    "rates": ("pillars",),
    "vols": ("expiries", "deltas"),
}
RATES: Final = ("zero_rates", "rates")
PRICES: Final = ("fx_spot", "equities")

Path = tuple[str, ...]


class Difference(NamedTuple):
    """One value that two markets do not share: None where one does not have it.

    `change` is after − before for numbers: in basis points for a rate (`unit` bp), in hundredths of the value before for a
    price (`unit` %), as it is for anything else.
    """

    path: Path
    before: Any
    after: Any
    change: float | None
    unit: str


def canonical_market(market: Market) -> bytes:
    """The market as JSON without its id: keys sorted, numbers as floats, nothing that says what goes without saying.

    Two markets in which every position is worth the same by definition may differ in it (a pillar on the line between two
    others); two that do not differ in it are one market.
    """
    content = market.model_dump(exclude={"snapshot_id"}, exclude_defaults=True)
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)


def unknown_fields(raw: Mapping[str, Any], market: Market) -> list[str]:
    """The members of `raw`, from which the market was read, that a market does not have: `curves.USD.vendor`."""
    known = orjson.loads(orjson.dumps(market.model_dump(), option=orjson.OPT_NON_STR_KEYS))
    return [".".join(path) for path in _unknown(raw, known, ())]


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """What two markets' contents do not share, by path; a rate's path ends in its pillar."""
    old, new = dict(leaves(before)), dict(leaves(after))
    paths = sorted({path for path in old.keys() | new.keys() if old.get(path) != new.get(path)})
    return [Difference(path, old.get(path), new.get(path), *_change(path, old.get(path), new.get(path))) for path in paths]


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value of a content with its path: a rate's ends in its pillar, a vol's in its expiry and delta."""
    if not isinstance(value, Mapping):
        yield path, value
        return
    axes = {name: [value[axis] for axis in AXES[name]] for name in value if _has_axes(value, name)}
    labels = {axis for name in axes for axis in AXES[name]}
    for name, member in value.items():
        if name in axes:
            yield from _along(axes[name], member, (*path, name))
        elif name not in labels:
            yield from leaves(member, (*path, name))


def _unknown(raw: Mapping[str, Any], known: Mapping[str, Any], path: Path) -> Iterator[Path]:
    for name, value in raw.items():
        if name not in known:
            yield (*path, name)
        elif isinstance(value, dict) and isinstance(known[name], dict):
            yield from _unknown(value, known[name], (*path, name))


def _has_axes(value: Mapping[str, Any], name: str) -> bool:
    return name in AXES and all(isinstance(value.get(axis), list) for axis in (name, *AXES[name]))


def _along(axes: Sequence[Sequence[Any]], values: Sequence[Any], path: Path) -> Iterator[tuple[Path, Any]]:
    """The values by what stands beside them, an axis at a time."""
    for label, value in zip(axes[0], values, strict=False):
        if len(axes) > 1:
            yield from _along(axes[1:], value, (*path, str(label)))
        else:
            yield (*path, str(label)), value


def _change(path: Path, before: Any, after: Any) -> tuple[float | None, str]:
    if not (_is_number(before) and _is_number(after)):
        return None, ""
    if any(name in RATES for name in path):
        return (after - before) * 1e4, "bp"
    if path[0] in PRICES and before:
        return (after / before - 1) * 100, "%"
    return after - before, ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
