from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from events.identity import Identity
from ops.replay.prediction import Prediction, Seen
from ops.replay.standing import Reading, Standing
from streams.read import Incoming

keys = st.integers(0, 40).map(lambda each: sha256(b"%d" % each).digest()[:16])


@given(st.lists(st.lists(keys, max_size=30), max_size=20))
def test_a_key_is_repeated_when_it_came_before_in_whatever_batch(batches: list[list[bytes]]) -> None:
    seen, before = Seen(), set[bytes]()
    for batch in batches:
        expected = []
        for key in batch:
            expected.append(key in before)
            before.add(key)
        assert seen.repeated(batch) == expected
    assert seen.size == len(before)


def test_of_very_many_keys_no_more_are_remembered_and_those_that_are_stay_known() -> None:
    seen = Seen(most=100)
    some = [sha256(b"%d" % each).digest()[:16] for each in range(300)]
    for start in range(0, 300, 50):
        assert not any(seen.repeated(some[start : start + 50]))
    assert seen.size == 100
    assert sum(seen.repeated(some)) == 100


def test_keys_lie_in_few_runs() -> None:
    seen = Seen()
    for each in range(1000):
        seen.repeated([sha256(b"%d" % each).digest()[:16]])
    assert seen.size == 1000
    assert len(seen._runs) <= 10


def judged(*stands: tuple[str, Standing], partition: int = 0) -> Sequence[tuple[Reading, Standing]]:
    found = []
    for offset, (event_id, standing) in enumerate(stands):
        key = sha256(event_id.encode()).digest()[:16]
        identity = Identity("runs", "t", "/s", event_id, 0, "acme", key, b"p" * 32) if event_id else None
        found.append((Reading(Incoming("t", partition, offset, 0, None, None, ()), identity, None), standing))
    return found


def test_every_record_is_counted_once_and_a_new_event_once_however_often_it_comes() -> None:
    prediction = Prediction()
    prediction.count(judged(("a", Standing.NEW), ("a", Standing.NEW), ("b", Standing.DONE), ("", Standing.REJECTED)), {0: 99})
    prediction.count(
        judged(("a", Standing.NEW), ("c", Standing.NEW), ("b", Standing.DONE), ("d", Standing.CONFLICTING)), {0: 99}
    )
    told = prediction.as_plain()
    assert {name: told[name] for name in Standing} == {
        "new": 4, "done": 2, "dead": 0, "waiting": 0, "conflicting": 1, "rejected": 1,
    }  # fmt: skip
    assert (told["records"], told["new_events"], told["repeated"], told["not_reached"]) == (8, 2, 3, 0)
    assert prediction.published(include_rejected=False) == 6
    assert prediction.published(include_rejected=True) == 8


def test_new_records_beyond_what_the_workers_have_reached_are_told_apart() -> None:
    prediction = Prediction()
    prediction.count(judged(*[(str(each), Standing.NEW) for each in range(5)]), {0: 3})
    prediction.count(judged(("x", Standing.DONE), ("y", Standing.NEW), partition=1), {})
    assert prediction.not_reached == 2 + 1


def test_an_event_is_worked_on_again_once_whatever_its_generation_and_done_records_that_are_not_are_counted() -> None:
    prediction = Prediction()
    first, second = judged(("a", Standing.DONE), ("b", Standing.DONE)), judged(("a", Standing.DONE), ("c", Standing.NEW))
    prediction.count_again(first, [first[0][0]])
    prediction.count_again(second, [second[0][0]])
    assert (prediction.reprocessed, prediction.not_again) == (1, 1)
    prediction.count_again([], [])
    assert prediction.as_plain()["reprocessed"] == 1
