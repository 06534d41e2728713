"""The failure limit of one lane, counted in one worker."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from streams.gate import Gate
from streams.item import Item, Verdict
from streams.limits import FailureCounts, FailurePolicy, Outcome, Reached, endings, readings

# Who shuts the gate of a lane that is stopped.
WHO = "stopped"


class FailureLimit:
    """The limit of one lane in one worker: once it is reached, the gate is shut at once and the others are told.

    `epoch` is how often the lane had been resumed when counting began.
    """

    def __init__(self, policy: FailurePolicy, gate: Gate) -> None:
        self.read, self.ended, self.gate = FailureCounts(policy), FailureCounts(policy), gate
        self.epoch = 0
        self.reached: Reached | None = None

    def saw_read(self, items: Sequence[Item], rejected: Collection[Item]) -> None:
        """Counts records that have just been read; `rejected` are those among them that are no events.

        What waited for a lease, or comes from `retries`, was counted when it was read first.
        """
        new = [item for item in items if not item.owns_key and item.lease is None]
        if new:
            self._count(self.read, readings(new, rejected))

    def saw_ended(self, became: Mapping[Verdict, Sequence[Item]]) -> None:
        """Counts what became of a saved group."""
        self._count(self.ended, endings(became))

    def begin(self, epoch: int) -> None:
        """Counts anew, after the lane was resumed."""
        self.read.reset()
        self.ended.reset()
        self.epoch, self.reached = epoch, None

    def _count(self, counts: FailureCounts, found: Sequence[Outcome]) -> None:
        if self.reached is None and (reached := counts.add(found)) is not None:
            self.reached = reached
            self.gate.shut(WHO, f"stopped: {reached.reason}")
