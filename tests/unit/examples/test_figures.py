from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import QuantLib as ql  # noqa: N813

from millrace.demo.verdict import alike
from tests.unit.examples import figures
from tests.unit.examples.figures import EXAMPLES, WITHOUT_VALUE, Desk

EXPECTED = orjson.loads((EXAMPLES / "expected.json").read_bytes())["scenes"]
DESKS = [orjson.loads(line) for line in (EXAMPLES / "books" / "desks.jsonl").read_bytes().splitlines()]
CLOSE = orjson.loads((EXAMPLES / "markets" / "close.json").read_bytes())


@pytest.fixture(autouse=True, scope="module")
def evaluation_date() -> Iterator[None]:
    """QuantLib's one date of today is left as it was."""
    before = ql.Settings.instance().evaluationDate
    yield
    ql.Settings.instance().evaluationDate = before


@pytest.fixture(scope="module")
def computed() -> dict[str, Any]:
    return figures.all_totals()


@pytest.mark.parametrize("scene", ["book", "desks", "small", "treasury"])
def test_the_totals_that_are_expected_are_quantlibs(computed: dict[str, Any], scene: str) -> None:
    for name, sums in computed[scene].items():
        assert alike(sums, EXPECTED[scene][name])


def test_the_desks_add_up_to_the_book() -> None:
    desks = EXPECTED["desks"]
    for measure, by_scenario in desks["totals"].items():
        for scenario, total in by_scenario.items():
            added = sum(said[measure][scenario] for said in desks["totals_by_group"].values())
            assert added == pytest.approx(total, rel=1e-9)


def test_every_scenario_moves_the_book_and_its_own_desks() -> None:
    moved: dict[str, set[str]] = {}
    for desk, said in EXPECTED["desks"]["totals_by_group"].items():
        for scenario, value in said["PV"].items():
            if value != pytest.approx(said["PV"]["base"], rel=1e-6):
                moved.setdefault(scenario, set()).add(desk)
    assert moved["bbb_wider_75"] == {"Credit"}
    assert moved["vols_up_25pct"] == {"FX"}
    assert moved["rates_up_100"] == moved["usd_steeper"] == {"Credit", "FX", "Lending", "Rates", "Treasury"}
    assert moved["crash"] == set(EXPECTED["desks"]["totals_by_group"])


def test_the_counts_that_are_expected_follow_from_the_book() -> None:
    products = [position["product_type"] for position in DESKS if position["position_id"] not in WITHOUT_VALUE]
    errors = EXPECTED["desks"]["errors"]
    assert len(set(products)) == 13
    assert len(DESKS) == EXPECTED["desks"]["positions"]
    # VEGA is that of options; what has no curve for its currencies has no VEGA either.
    assert errors["UNSUPPORTED"] == len(products) - products.count("FX_OPTION") + 1
    assert errors.keys() == {
        "CALCULATION_FAILED",
        "INVALID_TERMS",
        "MISSING_MARKET_DATA",
        "UNKNOWN_PRODUCT",
        "UNSUPPORTED",
    }
    assert sum(errors.values()) == EXPECTED["desks"]["rows_with_errors"]


def test_the_smile_with_a_slip_gives_strikes_that_do_not_descend() -> None:
    option = next(position for position in DESKS if position["position_id"] == "WRONG-SMILE")
    world = Desk(CLOSE, ()).worlds[""]["fx"]
    quoted, expiry = world.vols["EURGBP"], ql.DateParser.parseISO(option["expiry_date"])
    time = ql.Actual365Fixed().yearFraction(ql.DateParser.parseISO(figures.VALUATION), expiry)
    strikes = [
        ql.BlackDeltaCalculator(ql.Option.Call, ql.DeltaVolQuote.Fwd, 1.0, 1.0, 1.0, vol * time**0.5).strikeFromDelta(delta)
        for delta, vol in zip(quoted["deltas"], quoted["vols"][0], strict=True)
    ]
    assert strikes != sorted(strikes, reverse=True)


def test_the_files_are_what_the_script_makes_of_them(tmp_path: Path) -> None:
    made = subprocess.run([sys.executable, EXAMPLES / "make_desks.py", tmp_path], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    for name in ("books/desks.jsonl", "markets/close.json", "desk_scenarios.json"):
        assert (tmp_path / name).read_bytes() == (EXAMPLES / name).read_bytes()
