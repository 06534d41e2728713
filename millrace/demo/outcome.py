"""What came of a scene."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from millrace.demo.scene import Scene
from storage.runs import RunRow


class Cited(NamedTuple):
    """A citation of an audit: of which finding, from 0, and whether its chunk, as the database has it, says what is quoted."""

    finding: int
    name: str
    page: int | None
    quote: str
    holds: bool


class GroupTotal(NamedTuple):
    """One measure summed over a group of positions, which `group_values` name, under each scenario of the run."""

    group_values: list[str]
    measure: str
    values: list[float | None]


@dataclass(slots=True)
class Outcome:
    """Completions with the seconds each took, dead letters as the database has them, and what it has of a run or audit."""

    scene: Scene
    sent_at: float = 0.0
    completions: list[dict[str, Any]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    dead_letters: list[dict[str, Any]] = field(default_factory=list)
    run: RunRow | None = None
    error_rows: list[dict[str, Any]] = field(default_factory=list)
    group_totals: list[GroupTotal] = field(default_factory=list)
    citations: list[Cited] = field(default_factory=list)

    @property
    def said(self) -> Mapping[str, Any]:
        """The data of the completion; empty while there is none."""
        return self.completions[0]["data"] if self.completions else {}

    @property
    def errors(self) -> dict[str, int]:
        """How many rows of the run have which error."""
        return dict(sorted(Counter(row["error"] for row in self.error_rows).items()))

    @property
    def cost(self) -> float:
        """What was paid for it, in US dollars; runs cost nothing."""
        return float(self.said.get("cost_usd") or 0)
