"""Which records a replay is of: what an operator chose, and the offsets that it comes to. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeAlias

from events.identity import Identity
from streams.lag import PartitionLag
from streams.ranges import Range
from streams.read import Incoming

UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
EXAMPLES = "a time with its zone, such as 2026-11-28T09:00:00Z, or how long ago, such as 90m, 2h or 1d12h"

# A time, or how long ago it was.
Moment: TypeAlias = datetime | timedelta

_duration = re.compile(r"(?:[1-9][0-9]{0,8}[dhms])+").fullmatch
_part = re.compile(r"([0-9]+)([dhms])")


def moment(text: str) -> Moment:
    """What `--since` and `--until` take. Raises ValueError with what is wrong and what would be right."""
    text = text.strip()
    if _duration(text):
        parts = [(UNITS[unit], int(number)) for number, unit in _part.findall(text)]
        if len({unit for unit, _ in parts}) == len(parts):
            return timedelta(**dict(parts))
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither {EXAMPLES}".replace(", or", ", nor")) from None
    if at.tzinfo is None:
        raise ValueError(f"{text!r} lacks its zone: {text}Z is UTC")
    return at


@dataclass(frozen=True, slots=True)
class Selection:
    """What an operator chose of one topic. `to_offset` and `until` are the first that is left out.

    Times are those that records carry, and need not be in the order in which they lie. No `partitions`: all. With `client_id`
    only that client's events, with `event_ids` only those. What would be rejected is left out unless `include_rejected`.
    `reprocess`: what ended well is worked on again, and all else is left out.
    """

    topic: str
    partitions: tuple[int, ...] = ()
    from_offset: int | None = None
    to_offset: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    client_id: str | None = None
    include_rejected: bool = False
    event_ids: tuple[str, ...] = ()
    reprocess: bool = False

    @property
    def takes_all(self) -> bool:
        """Whether no record has to be looked into to know that it goes out."""
        return self.include_rejected and self.client_id is None and not self.event_ids and not self.reprocess

    def takes(self, who: Identity | None) -> bool:
        """Whether it is of the events that are chosen; None: it is no event."""
        if self.client_id is not None and (who is None or who.client_id != self.client_id):
            return False
        return not self.event_ids or (who is not None and who.id in self.event_ids)

    def at_its_times(self, records: Sequence[Incoming]) -> list[Incoming]:
        """Those of the times that are chosen, as a lane would read them one after the other."""
        first = -math.inf if self.since is None else self.since.timestamp() * 1000
        end = math.inf if self.until is None else self.until.timestamp() * 1000
        return [record for record in records if first <= record.timestamp < end]

    def as_plain(self) -> dict[str, Any]:
        """For a JSON column; what was not chosen is absent."""
        told: dict[str, Any] = {"topic": self.topic, "include_rejected": self.include_rejected}
        if self.partitions:
            told["partitions"] = list(self.partitions)
        if self.event_ids:
            told["event_ids"] = list(self.event_ids)
        if self.reprocess:
            told["reprocess"] = True
        chosen = {"from_offset": self.from_offset, "to_offset": self.to_offset, "client_id": self.client_id}
        times = {name: at.isoformat() for name, at in (("since", self.since), ("until", self.until)) if at is not None}
        return told | {name: value for name, value in chosen.items() if value is not None} | times

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Selection:
        """What `as_plain` gave."""
        times = {name: datetime.fromisoformat(told[name]) for name in ("since", "until") if name in told}
        several = {name: tuple(told.get(name, ())) for name in ("partitions", "event_ids")}
        return cls(**{**told, **several, **times})


class Window(NamedTuple):
    """What a selection comes to in one partition; `deleted`: records that were chosen and that Kafka no longer has."""

    range: Range
    deleted: int = 0


def windows(
    selection: Selection,
    places: Sequence[PartitionLag],
    since: Mapping[int, int | None],
) -> dict[int, Window]:
    """The offsets of each partition that is chosen and has any; `since` are those that Kafka gave for that time.

    Kafka gives the first record that is so late. None before it is, but after the first one of `until` there may be
    earlier ones: those are looked for up to the end. Raises ValueError for a partition that the topic does not have.
    """
    known = {place.partition: place for place in places}
    for partition in selection.partitions:
        if partition not in known:
            raise ValueError(f"{selection.topic} has no partition {partition}, but {len(known)}, from 0 on")
    chosen = [known[each] for each in sorted(set(selection.partitions or known))]
    found = {place.partition: _window(selection, place, since) for place in chosen}
    return {partition: window for partition, window in found.items() if window.range.first < window.range.end or window.deleted}


def _window(selection: Selection, place: PartitionLag, since: Mapping[int, int | None]) -> Window:
    first, end = place.start, place.end
    if selection.from_offset is not None:
        first = selection.from_offset
    if selection.since is not None:
        first = max(first, _or_end(since[place.partition], place.end))
    if selection.to_offset is not None:
        end = min(end, selection.to_offset)
    deleted = max(0, min(end, place.start) - first)
    first = max(first, place.start)
    return Window(Range(first, max(first, end)), deleted)


def _or_end(offset: int | None, end: int) -> int:
    # Kafka names no offset when no record is that late.
    return end if offset is None else offset
