"""Being careful costs time only, so it begins early; ending a record needs three deaths with it alone in hand."""

from __future__ import annotations

from storage.starts import Start
from streams.suspicion import NOTHING, Ending, careful_until, ending


def start(starts: int, reach: int | None = None, in_hand: int | None = None, deaths: int = 0) -> Start:
    return Start("t", 0, 100, starts, reach, in_hand, deaths)


def test_three_starts_are_nobodys_fault_and_the_fourth_is_careful_as_far_as_they_reached() -> None:
    assert [careful_until(start(number, reach=140)) for number in (1, 2, 3, 4)] == [NOTHING, NOTHING, NOTHING, 140]


def test_a_partition_of_which_nothing_was_taken_in_is_above_suspicion() -> None:
    assert careful_until(start(9)) == NOTHING


def test_what_was_in_hand_at_a_death_stays_suspect_although_something_else_was_finished() -> None:
    assert careful_until(start(1, in_hand=130, deaths=2)) == 130
    assert careful_until(start(1, in_hand=130, deaths=0)) == NOTHING, "whoever had it in hand has left in good order"
    assert careful_until(start(4, reach=120, in_hand=130, deaths=1)) == 130


def test_a_record_is_worked_on_until_three_workers_have_died_at_it() -> None:
    assert [ending(deaths, decoded=True) for deaths in (0, 1, 2)] == [Ending.WORK] * 3
    assert ending(3, decoded=True) is Ending.FAIL


def test_a_record_that_kills_before_it_is_an_event_or_while_it_is_failed_is_not_read_any_more() -> None:
    assert ending(3, decoded=False) is Ending.REJECT
    assert ending(4, decoded=True) is Ending.REJECT
