"""Profit and loss between two snapshots on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Desk = Callable[..., Any]
CURVE = {
    "interpolation": "linear_zero",
    "compounding": "continuous",
    "day_count": "ACT/365F",
    "pillars": ["2026-01-15"],
    "zero_rates": [0.0],
}
OLD = {"as_of": "2026-01-15", "curves": {"USD": CURVE, "EUR": CURVE}, "fx_spot": {"EURUSD": 1.25}}
NEW = OLD | {"as_of": "2026-01-16", "fx_spot": {"EURUSD": 1.5}}
HEADER = "position_id,product_type,base_currency,quote_currency,notional,strike,maturity_date"
# Without interest a forward on 1,000 euros gains 250 dollars when the euro gains 0.25.
BOOK = f"{HEADER}\nsmall,FX_FWD,EUR,USD,-400,1.2,2027-01-15\nbad,SWAPTION,,,,,\nlarge,FX_FWD,EUR,USD,1000,1.25,2027-01-15\n"


@pytest.fixture
def desk(inside: Any, url: str, object_store_url: str, tmp_path: Path) -> Desk:
    """`millrace …` for client acme, who has loaded a book and the markets of two days."""
    for name, content in (("old.json", json.dumps(OLD)), ("new.json", json.dumps(NEW)), ("book.csv", BOOK)):
        (tmp_path / name).write_text(content)

    def call(*arguments: str, client: str = "acme") -> Any:
        return inside(*arguments, "--client", client, DATABASE_URL=url, OBJECT_STORE_URL=object_store_url)

    for name in ("old", "new"):
        assert call("market", "load", f"{name}.json", "--id", name).returncode == 0
    assert call("portfolio", "load", "book.csv", "--id", "book").returncode == 0
    return call


def test_what_moved_is_told_in_total_and_for_the_positions_that_made_most(desk: Desk) -> None:
    found = desk("portfolio", "explain", "book", "old", "new", "--positions", "5", "--json")
    told = json.loads(found.stdout)
    assert (told["currency"], told["left_out"]) == ("USD", 1)
    still = dict.fromkeys(("carry", "rates", "credit", "vols", "equities", "unexplained"), 0.0)
    assert told["components"] == still | {"fx": 150.0, "total": 150.0}
    assert [(each["position_id"], each["fx"]) for each in told["positions"]] == [("large", 250.0), ("small", -100.0)]


def test_people_see_a_table_and_how_many_positions_are_left_out(desk: Desk) -> None:
    """From -20 dollars at 1.25 to 130 dollars at 1.5: from -16 euros to 86.67."""
    found = desk("portfolio", "explain", "book", "old", "new", "--currency", "EUR", "--positions", "1")
    lines = [line.split() for line in found.stdout.splitlines()]
    assert [line for line in lines if line[:1] in (["fx"], ["total"])] == [["fx", "102.67"], ["total", "102.67"]]
    assert any(line[:1] == ["large"] for line in lines)
    assert "1 of 3 positions are left out" in found.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nobody", "old", "new"], 1, "acme has no portfolio 'nobody'"),
        (["book", "old", "newer"], 1, "acme has no market snapshot 'newer'"),
        (["book", "new", "old"], 2, "new is of 2026-01-16, after old"),
        (["book", "old", "new", "--currency", "euro"], 2, "three capital letters"),
    ],
)
def test_what_cannot_be_explained_says_why(desk: Desk, arguments: list[str], code: int, message: str) -> None:
    found = desk("portfolio", "explain", *arguments)
    assert (found.returncode, found.stdout) == (code, "")
    assert message in " ".join(found.stderr.split())


def test_a_client_sees_its_own_alone(desk: Desk) -> None:
    assert desk("portfolio", "explain", "book", "old", "new", client="rival").returncode == 1
