from __future__ import annotations

from typing import Any

import pytest

from millrace.demo.outcome import Outcome
from millrace.demo.scene import Scene
from millrace.demo.verdict import alike, checks

SCENE = Scene("small", "", "runs", "runs.requested", None, b"")


def outcome(status: str = "completed", total: float = 1.0) -> Outcome:
    said = {"status": status, "positions": 3, "errors": 0, "totals": {"PV": {"base": total}}}
    return Outcome(SCENE, completions=[{"data": said}])


def test_everything_as_expected_holds() -> None:
    expected = {"small": {"completions": 1, "dead_letters": [], "status": "completed", "totals": {"PV": {"base": 1.0}}}}
    assert all(check.holds for check in checks([outcome()], expected))


@pytest.mark.parametrize("found", [outcome("partial"), outcome(total=1.0001), Outcome(SCENE)])
def test_anything_else_does_not(found: Outcome) -> None:
    expected = {"small": {"status": "completed", "totals": {"PV": {"base": 1.0}}}}
    assert not all(check.holds for check in checks([found], expected))


def test_an_expectation_without_its_scene_does_not_hold() -> None:
    assert [check.holds for check in checks([], {"small": {"completions": 0}})] == [False]


@pytest.mark.parametrize(
    ("expected", "found", "same"),
    [
        (1.0, 1.0 + 1e-12, True),
        (1.0, 1.0 + 1e-6, False),
        (1.0, None, False),
        (False, None, False),
        (True, 1, False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": {"b": 2.0}}, {"a": {"b": 2.0}}, True),
        (["garbage"], ["garbage"], True),
        (["garbage"], [], False),
    ],
)
def test_values_are_alike_when_equal_to_within_rounding(expected: Any, found: Any, *, same: bool) -> None:
    assert alike(expected, found) is same
