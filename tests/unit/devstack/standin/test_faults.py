from __future__ import annotations

from typing import Any

import pytest

from devstack.standin.faults import FaultQueue


def queue(*orders: dict[str, Any]) -> FaultQueue:
    faults = FaultQueue()
    faults.add(list(orders))
    return faults


def struck(faults: FaultQueue, times: int, endpoint: str = "responses", model: str = "m", text: str = "") -> list[str | None]:
    taken = [faults.take(endpoint, model, text) for _ in range(times)]
    return [fault.kind if fault else None for fault in taken]


def test_a_fault_strikes_as_often_as_asked_then_calls_succeed() -> None:
    faults = queue({"kind": "refusal", "times": 2})
    assert struck(faults, 3) == ["refusal", "refusal", None]
    assert faults.left() == []


def test_faults_strike_in_the_order_they_were_asked_for() -> None:
    assert struck(queue({"kind": "slow"}, {"kind": "drop"}), 3) == ["slow", "drop", None]


def test_a_fault_without_an_end_strikes_until_it_is_taken_back() -> None:
    faults = queue({"kind": "drop", "times": None})
    assert set(struck(faults, 50)) == {"drop"}
    faults.clear()
    assert struck(faults, 1) == [None]


def test_a_fault_lets_the_first_calls_pass_if_asked_to() -> None:
    faults = queue({"kind": "drop", "skip": 2}, {"kind": "slow"})
    assert struck(faults, 4) == ["slow", None, "drop", None]


def test_a_fault_waits_for_the_calls_that_it_is_meant_for() -> None:
    faults = queue(
        {"kind": "drop", "endpoint": "embeddings"}, {"kind": "slow", "model": "m2"}, {"kind": "refusal", "contains": "x"}
    )
    assert struck(faults, 1) == [None]
    assert struck(faults, 1, text="a x b") == ["refusal"]
    assert struck(faults, 1, model="m2") == ["slow"]
    assert struck(faults, 1, endpoint="embeddings") == ["drop"]


def test_what_concerns_texts_does_not_strike_vectors() -> None:
    assert struck(queue({"kind": "refusal"}, {"kind": "wrong_length"}), 2, endpoint="models") == [None, None]
    assert struck(queue({"kind": "refusal"}, {"kind": "wrong_length"}), 1, endpoint="embeddings") == ["wrong_length"]


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ({"kind": "nonsense"}, "no fault 'nonsense'"),
        ({"kind": "refusal", "endpoint": "embeddings"}, "does not happen at 'embeddings', only at responses"),
        ({"kind": "drop", "tims": 2}, "no 'tims'"),
        ({"kind": "drop", "share": 1}, "a share 0 to less than 1"),
        ({"kind": "server_error", "status": 200}, "500 to 599"),
        ({"kind": "drop", "times": 0}, "once at least"),
        ({"times": 1}, "has a kind"),
    ],
)
def test_a_fault_that_could_not_be_what_was_meant_is_refused_with_all_others(order: dict[str, Any], message: str) -> None:
    faults = FaultQueue()
    with pytest.raises(ValueError, match=message):
        faults.add([{"kind": "drop"}, order])
    assert faults.left() == []
