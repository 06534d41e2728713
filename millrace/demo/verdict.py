"""Compares what came out with what is expected; pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from millrace.demo.facts import facts
from millrace.demo.outcome import Outcome

# Sums of a few hundred values, added in any order.
RELATIVE = 1e-9


class Check(NamedTuple):
    """One expectation, and whether it holds."""

    scene: str
    what: str
    expected: Any
    found: Any

    @property
    def holds(self) -> bool:
        """Equal, numbers to within rounding."""
        return alike(self.expected, self.found)


def checks(outcomes: Sequence[Outcome], expected: Mapping[str, Mapping[str, Any]]) -> list[Check]:
    """Every expectation of every scene; an expectation without a scene is one that does not hold."""
    by_name = {outcome.scene.name: outcome for outcome in outcomes}
    made = []
    for name, expectations in expected.items():
        found = facts(by_name[name]) if name in by_name else {}
        made += [Check(name, what, value, found.get(what)) for what, value in expectations.items()]
    return made


def alike(expected: Any, found: Any) -> bool:
    """Whether two JSON values are equal, numbers to within rounding."""
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        return expected.keys() == found.keys() and all(alike(expected[name], found[name]) for name in expected)
    if isinstance(expected, float) and isinstance(found, int | float):
        return math.isclose(expected, found, rel_tol=RELATIVE)
    return bool(expected == found) and isinstance(expected, bool) == isinstance(found, bool)
