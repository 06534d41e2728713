"""No value of the pricer changes unnoticed."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from events.run import Measure
from events.scenario import Shock
from handlers.price.engine import PRICER_VERSION
from handlers.price.pricers import PRICERS
from tests.unit.handlers.price import pricer_values
from tests.unit.handlers.price.pricer_values import BOOK, COMMAND, SETS, Key, changes, stored


def test_values_are_those_of_this_version() -> None:
    version, before = stored()
    assert version == PRICER_VERSION, f"PRICER_VERSION was raised: write the file anew with {COMMAND}"
    after = {key.text: values for key, values in pricer_values.rows().items()}
    changed = changes(before, after)
    assert not changed, f"values changed: raise PRICER_VERSION, then {COMMAND}\n" + "\n".join(changed[:10])
    assert before.keys() == after.keys(), f"there are new rows: {COMMAND}"


def test_every_measure_of_every_product_and_every_kind_of_shock_is_among_them() -> None:
    _, values = stored()
    found = {
        (BOOK[name]["product_type"], measure)
        for text, row in values.items()
        for _, name, measure, *_ in [text.split(" · ")]
        if any(isinstance(value, float) for value in row)
    }
    assert found == {(product, name) for product, pricer in PRICERS.items() for name in get_args(Measure) if pricer.has(name)}
    kinds = {get_args(model.model_fields["kind"].annotation)[0] for model in get_args(get_args(Shock)[0])}
    assert {shock["kind"] for shocks in SETS.values() for shock in shocks} == kinds


@pytest.mark.parametrize(
    ("row", "change"),
    [
        ("linear_zero · swap · PV", 1e-6),
        ("linear_zero · bond · YTM", 1e-11),
        ("linear_zero · protection · KRD · 2027-01-15", 1e-5),
    ],
)
def test_a_small_change_is_one_and_rounding_is_none(row: str, change: float) -> None:
    _, before = stored()
    moved = before | {row: [before[row][0] + change, *before[row][1:]]}
    assert [text.split(":")[0] for text in changes(before, moved)] == [row]
    assert not changes(before, before | {row: [before[row][0] * (1 + 1e-15), *before[row][1:]]})
    assert len(changes(before, {text: each for text, each in before.items() if text != row})) == 1


def test_the_file_is_not_written_over_values_of_the_same_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row: dict[Key, list[float]] = {Key("linear_zero", "cash", "PV", ""): [2.0]}
    monkeypatch.setattr(pricer_values, "FILE", tmp_path / "values.json")
    monkeypatch.setattr(pricer_values, "rows", lambda: row)
    assert stored() == ("", {})
    assert pricer_values.main() is None
    assert stored() == (PRICER_VERSION, {"linear_zero · cash · PV": [2.0]})
    row[Key("linear_zero", "cash", "PV", "")] = [3.0]
    assert str(pricer_values.main()).startswith("values changed: raise PRICER_VERSION")
    assert stored() == (PRICER_VERSION, {"linear_zero · cash · PV": [2.0]})
    monkeypatch.setattr(pricer_values, "PRICER_VERSION", "later")
    assert pricer_values.main() is None
    assert stored() == ("later", {"linear_zero · cash · PV": [3.0]})
