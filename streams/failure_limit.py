"""The failure limit of one lane, counted in one worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from streams.gate import Gate
from streams.item import Item, Verdict
from streams.limits import FailureCounts, FailurePolicy, Reached, outcomes

# Who shuts the gate of a lane that is stopped.
WHO = "stopped"


class FailureLimit:
    """The limit of one lane in one worker: once it is reached, the gate is shut at once and the others are told.

    `epoch` is how often the lane had been resumed when counting began.
    """

    def __init__(self, policy: FailurePolicy, gate: Gate) -> None:
        self.counts, self.gate = FailureCounts(policy), gate
        self.epoch = 0
        self.reached: Reached | None = None

    def saw(self, became: Mapping[Verdict, Sequence[Item]]) -> None:
        """Counts what became of a saved group."""
        if self.reached is None and (reached := self.counts.add(outcomes(became))) is not None:
            self.reached = reached
            self.gate.shut(WHO, f"stopped: {reached.reason}")

    def begin(self, epoch: int) -> None:
        """Counts anew, after the lane was resumed."""
        self.counts.reset()
        self.epoch, self.reached = epoch, None
