"""What a replay would do, counted while its records are read: pure, and in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from events.identity import event_key
from ops.replay.standing import LEAVES_A_LETTER, Reading, Standing

# Eight bytes of a key tell ten million events apart, all but certainly, in 80 MB.
MOST_REMEMBERED = 10_000_000

Keys = npt.NDArray[np.uint64]


class Seen:
    """Keys that came before, in sorted runs of growing size: eight bytes a key, and few runs to look into."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self.most, self.size = most, 0
        self._runs: list[Keys] = []

    def repeated(self, keys: Sequence[bytes]) -> list[bool]:
        """Of each key whether it came before, in this call or an earlier one; beyond `most` keys no more are remembered."""
        new = np.frombuffer(b"".join(key[:8] for key in keys), dtype=np.uint64)
        known = np.ones(len(new), dtype=bool)
        unique, first = np.unique(new, return_index=True)
        known[first] = self._holds(unique)
        if self.size < self.most:
            self._remember(np.sort(new[~known]))
        found: list[bool] = known.tolist()
        return found

    def _holds(self, keys: Keys) -> npt.NDArray[np.bool_]:
        held = np.zeros(len(keys), dtype=bool)
        for run in self._runs:
            at = np.minimum(np.searchsorted(run, keys), len(run) - 1)
            held |= run[at] == keys
        return held

    def _remember(self, keys: Keys) -> None:
        if not len(keys):
            return
        self.size += len(keys)
        while self._runs and len(self._runs[-1]) <= 2 * len(keys):
            keys = np.sort(np.concatenate([self._runs.pop(), keys]))
        self._runs.append(keys)


@dataclass(slots=True)
class Prediction:
    """Counts of a selection's records.

    `by_standing` counts all of it. `repeated`: records whose event has an earlier record in it. `new_events`: events among
    the new records. `not_reached`: new records that the workers have not come to, so that they do them anyhow.
    `other_clients`: records that the selection leaves out, of other clients or events. `deleted`: records that Kafka no longer
    had. `reprocessed`: events that would be worked on again, `not_again`: done records that would not.
    """

    by_standing: Counter[Standing] = field(default_factory=Counter)
    repeated: int = 0
    new_events: int = 0
    not_reached: int = 0
    other_clients: int = 0
    deleted: int = 0
    reprocessed: int = 0
    not_again: int = 0
    seen: Seen = field(default_factory=Seen)
    again: Seen = field(default_factory=Seen)

    @property
    def records(self) -> int:
        """How many records are selected."""
        return self.by_standing.total()

    def count(self, judged: Collection[tuple[Reading, Standing]], reached: Mapping[int, int]) -> None:
        """Adds records in the order in which they lie; `reached` is where the workers go on, by partition."""
        self.by_standing.update(standing for _, standing in judged)
        events = [(each, stands) for each, stands in judged if each.identity is not None and stands not in LEAVES_A_LETTER]
        keys = [each.identity.key for each, _ in events if each.identity is not None]
        repeated = self.seen.repeated(keys)
        self.repeated += sum(repeated)
        for (each, stands), again in zip(events, repeated, strict=True):
            if stands is Standing.NEW:
                self.new_events += not again
                self.not_reached += each.record.offset >= reached.get(each.record.partition, 0)

    def count_again(self, judged: Collection[tuple[Reading, Standing]], chosen: Collection[Reading]) -> None:
        """Adds those of the records whose events would be worked on again; whatever their generation, an event is one."""
        self.not_again += sum(standing is Standing.DONE for _, standing in judged) - len(chosen)
        who = [each.identity for each in chosen if each.identity is not None]
        keys = [event_key(each.flow, each.source, each.id, 0) for each in who]
        self.reprocessed += sum(not again for again in self.again.repeated(keys)) if keys else 0

    def published(self, *, include_rejected: bool) -> int:
        """How many records would go out."""
        left_out = 0 if include_rejected else sum(self.by_standing[each] for each in LEAVES_A_LETTER)
        return self.records - left_out

    def as_plain(self) -> dict[str, Any]:
        """For a JSON column."""
        return {each.value: self.by_standing[each] for each in Standing} | {
            "records": self.records,
            "new_events": self.new_events,
            "repeated": self.repeated,
            "not_reached": self.not_reached,
            "other_clients": self.other_clients,
            "deleted": self.deleted,
            "reprocessed": self.reprocessed,
            "not_again": self.not_again,
        }
