from __future__ import annotations

from decimal import Decimal

import pytest

from handlers.llm import Price, Prices
from handlers.llm.budget import Budget
from handlers.llm.model import Usage

PRICES = Prices({"m": Price(Decimal(1), Decimal("0.1"), Decimal(10))})
LONGEST = Usage(input_tokens=4_000_000, output_tokens=1_000_000)  # $14


def budget(usd: str | None) -> Budget:
    return Budget(None if usd is None else Decimal(usd), PRICES, "m", LONGEST)


def test_the_first_try_is_not_its_business() -> None:
    assert budget("0").has_room()


@pytest.mark.parametrize(("usd", "has_room"), [("12.99", False), ("13", True), (None, True)])
def test_another_try_reads_as_much_and_writes_as_much_as_it_may(usd: str | None, *, has_room: bool) -> None:
    tries = budget(usd)
    tries.spend(Usage(input_tokens=1_000_000, output_tokens=100_000))  # $2, and $11 to come
    assert tries.has_room() is has_room


@pytest.mark.parametrize(("usd", "has_room"), [("27.99", False), ("28", True)])
def test_a_try_of_unknown_length_has_cost_as_much_as_it_could(usd: str, *, has_room: bool) -> None:
    tries = budget(usd)
    tries.spend(Usage())
    assert tries.has_room() is has_room
