"""One client's flood does not starve the others in a lane, and nothing is lost or overtaken within a client."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.fair import FairLine
from streams.item import Item
from tests.support.notes import notes

NO_BOUND = 1_000_000


def item(client: str, number: int = 0, *, heavy: bool = False) -> Item:
    made = Item("t", 0, number, None, b"", (), None)
    made.event = cast("Any", SimpleNamespace(client_id=client, data=heavy))
    return made


def line(*, batch: int = 1, hands: int = 8, share: float = 0.5) -> FairLine:
    return FairLine(notes("t.", batch=batch, hands=hands, heavy=lambda data: data), share, NO_BOUND)


def clients(batch: Sequence[Item]) -> list[str]:
    return [each.event.client_id for each in batch]


async def test_one_client_alone_may_have_every_slot() -> None:
    waiting = line(batch=1, hands=8)
    waiting.put([item("flood", number) for number in range(20)])
    assert [clients(await waiting.take()) for _ in range(8)] == [["flood"]] * 8


async def test_one_client_gets_no_more_than_its_share_while_others_wait() -> None:
    waiting = line(batch=1, hands=8, share=0.5)
    waiting.put([item("flood", number) for number in range(20)])
    held = [await waiting.take() for _ in range(6)]  # all that came before anybody else did
    waiting.put([item("small", number) for number in range(9)])
    for _ in range(2):
        held.append(await waiting.take())
        assert clients(held[-1]) == ["small"]
    for batch in held[:3]:
        waiting.give_back(batch)
    assert waiting.held == {"flood": 3, "small": 2}
    assert clients(await waiting.take()) == ["flood"], "it is below its share, and its turn has come"
    assert clients(await waiting.take()) == ["small"]


async def test_a_hand_stays_free_for_nobody() -> None:
    """All who wait have their share already."""
    waiting = line(batch=1, hands=8, share=0.25)
    waiting.put([item(client, number) for number in range(6) for client in ("a", "b")])
    taken = Counter[str]()
    for _ in range(8):
        taken.update(clients(await waiting.take()))
    assert taken == {"a": 4, "b": 4}


async def test_a_batch_mixes_those_who_wait() -> None:
    waiting = line(batch=6, hands=2)
    waiting.put([item("flood", number) for number in range(20)] + [item("b"), item("c"), item("b", 1)])
    assert clients(await waiting.take()) == ["flood", "b", "c", "flood", "b", "flood"]


async def test_a_heavy_event_is_taken_alone_and_fills_a_hand() -> None:
    waiting = line(batch=4, hands=2, share=0.5)
    waiting.put([item("a", 0), item("a", 1, heavy=True), item("a", 2)])
    waiting.put([item("b", number) for number in range(6)])
    first = await waiting.take()
    assert clients(first) == ["a", "b"], "whose turn it is next has a heavy one"
    waiting.give_back(first)
    heavy = await waiting.take()
    assert [each.offset for each in heavy] == [1]
    assert waiting.held["a"] == 4, "as many as a hand takes"
    assert clients(await waiting.take()) == ["b", "b", "b", "b"], "the other has its share"
    waiting.give_back(heavy)
    assert waiting.held["a"] == 0


@pytest.mark.parametrize("share", [0.01, 1.0])
async def test_the_least_share_is_one_slot(share: float) -> None:
    waiting = line(batch=1, hands=2, share=share)
    waiting.put([item("a"), item("a", 1), item("b")])
    assert [clients(await waiting.take()) for _ in range(3)] == [["a"], ["b"], ["a"]]


arrivals = st.lists(st.lists(st.tuples(st.sampled_from("abcde"), st.booleans()), max_size=12), min_size=1, max_size=8)


@given(arrivals, st.integers(1, 6), st.integers(1, 4), st.sampled_from([0.1, 0.5, 1.0]))
async def test_nothing_is_lost_and_no_client_overtakes_itself(
    puts: list[list[tuple[str, bool]]], batch: int, hands: int, share: float
) -> None:
    waiting, number, expected, found = line(batch=batch, hands=hands, share=share), 0, _by_client(), _by_client()
    held: list[list[Item]] = []
    for put in [*puts, *([[]] * sum(map(len, puts)))]:
        for client, heavy in put:
            waiting.put([item(client, number, heavy=heavy)])
            expected[client].append(number)
            number += 1
        if len(held) == hands:
            waiting.give_back(held.pop(0))
        if len(waiting):
            held.append(await waiting.take())
            assert len(held[-1]) <= batch
            assert len(held[-1]) == 1 or not any(each.event.data for each in held[-1])
            for each in held[-1]:
                found[each.event.client_id].append(each.offset)
    assert found == expected
    for each in held:
        waiting.give_back(each)
    assert not waiting.held


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=60), st.integers(1, 5))
async def test_a_client_that_waits_has_its_turn_before_another_has_had_two(order: list[str], hands: int) -> None:
    waiting = line(batch=1, hands=hands, share=1.0)
    waiting.put([item(client, number) for number, client in enumerate(order)])
    left, since = Counter(order), {client: Counter[str]() for client in set(order)}
    while len(waiting):
        [taken] = batch = await waiting.take()
        served = taken.event.client_id
        left[served] -= 1
        since[served].clear()
        for client, others in since.items():
            if left[client] and client != served:
                others[served] += 1
                assert max(others.values()) <= 1
        waiting.give_back(batch)


def _by_client() -> defaultdict[str, list[int]]:
    return defaultdict(list)


async def test_decoding_waits_while_much_waits_for_a_hand() -> None:
    waiting = line(batch=1, hands=1)
    waiting.size = 2 * item("a").size
    waiting.put([item("a"), item("b")])
    room = asyncio.create_task(waiting.wait_for_room())
    await asyncio.sleep(0)
    assert not room.done()
    await waiting.take()
    await asyncio.wait_for(room, 120)
