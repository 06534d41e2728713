from __future__ import annotations

from events.tail_risk import TailRisk
from handlers.price.risk.tail_risk import tail_risk

PRESENT = {"today": 100.0, "up": -1e9, "a": 90.0, "b": 105.0, "c": 70.0, "d": 100.0}
IDS = list(PRESENT)


def test_profits_are_differences_of_the_last_scenarios_to_the_first() -> None:
    """Losses of 10, -5, 30 and 0: one day of four is the tail at 75 %, one and a half are at 62.5 %."""
    assert tail_risk({"PV": PRESENT, "DV01": {}}, IDS, 4, [0.75, 0.625]) == {
        "days": 4,
        "value_at_risk": {"0.75": 10.0, "0.625": 10.0},
        "expected_shortfall": {"0.75": 30.0, "0.625": (30.0 + 0.5 * 10.0) / 1.5},
    }


def test_a_total_that_is_missing_leaves_everything_unknown() -> None:
    for name in ("today", "c"):
        found = TailRisk.model_validate(tail_risk({"PV": PRESENT | {name: None}}, IDS, 4, [0.75]))
        assert (found.value_at_risk, found.expected_shortfall) == ({"0.75": None}, {"0.75": None})
    assert tail_risk({"PV": PRESENT | {"up": None}}, IDS, 4, [0.75])["value_at_risk"] == {"0.75": 10.0}
