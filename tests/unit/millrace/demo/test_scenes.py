from __future__ import annotations

import hashlib

import orjson
import pytest

from events.event import decode
from events.topics import models_of
from handlers.price.portfolio import Portfolio
from handlers.price.pricers import PRICERS
from millrace.demo.helper import SLICE_CELLS
from millrace.demo.objects import objects, uri_of
from millrace.demo.scene import Scene
from millrace.demo.scenes import expected, scenes
from millrace.outgoing import check


@pytest.fixture(scope="module")
def made() -> list[Scene]:
    return scenes("acme")


@pytest.mark.parametrize("by_stand_in", [True, False])
def test_every_scene_has_its_expectations(made: list[Scene], *, by_stand_in: bool) -> None:
    assert {scene.name for scene in made} == set(expected(by_stand_in=by_stand_in))
    assert len({scene.name for scene in made}) == len(made)


def test_more_is_expected_of_the_stand_in_than_of_a_model_that_words_its_findings_itself() -> None:
    assert "findings" in expected(by_stand_in=True)["audit"]
    assert "findings" not in expected(by_stand_in=False)["audit"]
    assert expected(by_stand_in=False)["audit"]["citations_hold"] is True


def test_only_the_garbage_is_invalid(made: list[Scene]) -> None:
    checked = check([scene.value for scene in made])
    assert [made[complaint.line - 1].name for complaint in checked.complaints] == ["garbage"]
    by_name = dict(zip([scene.name for scene in made if scene.name != "garbage"], checked.events, strict=True))
    assert [(event.topic, event.key) for event in checked.events] == [
        (scene.topic, scene.key) for scene in made if scene.name != "garbage"
    ]
    assert by_name["small"].value == by_name["again"].value != by_name["reused"].value
    assert by_name["small"].event_id == by_name["reused"].event_id != by_name["book"].event_id


def test_only_a_duplicate_is_not_answered(made: list[Scene]) -> None:
    assert [scene.name for scene in made if not scene.is_answered] == ["again"]
    values = [scene.value for scene in made]
    assert [scene.name for place, scene in enumerate(made) if scene.value in values[:place]] == ["again"]


def test_what_comes_after_a_scene_comes_after_one_that_is_answered(made: list[Scene]) -> None:
    answered = {scene.name for scene in made if scene.is_answered}
    assert all(answered.issuperset(scene.after) for scene in made)
    assert [scene.name for scene in made if scene.after] == ["copy"]


def test_every_document_is_in_the_object_store_as_its_event_says(made: list[Scene]) -> None:
    stored = dict(objects())
    events = [decode(scene.value, "documents", models_of("documents")) for scene in made if scene.flow == "documents"]
    assert len(events) == 10
    for event in events:
        assert hashlib.sha256(stored[event.data.uri]).hexdigest() == event.data.sha256
        assert event.data.filename == event.data.uri.rpartition("/")[2]
    original, copy = (
        next(e.data for e in events if e.data.filename == name) for name in ("loan-agreement.pdf", "loan-signed.pdf")
    )
    assert original.sha256 == copy.sha256
    assert original.document_id != copy.document_id


def test_the_audit_names_what_is_expected_to_be_embedded_and_a_run(made: list[Scene]) -> None:
    audit = orjson.loads(made[-1].value)["data"]
    ends = {name: said.get("status") for name, said in expected(by_stand_in=False).items()}
    assert audit["document_ids"] == [scene.task_id for scene in made if ends[scene.name] == "embedded"]
    assert audit["run_ids"] == [scene.task_id for scene in made if scene.name == "treasury"]


def test_the_book_holds_what_the_demonstration_says() -> None:
    book = Portfolio.from_bytes(dict(objects())[uri_of("books/credit.parquet")], "credit.parquet")
    wrong = {book.position_ids[row]: fault.code for row, fault in book.faults.items()}
    assert len(book) == expected(by_stand_in=True)["book"]["positions"] == 314
    assert wrong == {"WRONG-UNKNOWN-PRODUCT": "UNKNOWN_PRODUCT", "WRONG-MATURES-BEFORE-START": "INVALID_TERMS"}
    assert {group.product_type for group in book.groups} == {"FIXED_BOND", "AMORT_LOAN", "FX_FWD"}


def test_the_desks_hold_all_products_and_are_summed_by_desk(made: list[Scene]) -> None:
    data = orjson.loads(next(scene.value for scene in made if scene.name == "desks"))["data"]
    book = Portfolio.from_bytes(dict(objects())[data["portfolio"]["uri"]], "desks.jsonl")
    assert {group.product_type for group in book.groups} == set(PRICERS)
    assert data["group_by"] == ["desk"]
    assert [scenario["id"] for scenario in data["scenarios"]] == list(expected(by_stand_in=True)["desks"]["totals"]["PV"])


def test_every_way_in_which_a_cell_can_fail_is_shown() -> None:
    codes = {"UNKNOWN_PRODUCT", "INVALID_TERMS", "UNSUPPORTED", "MISSING_MARKET_DATA", "CALCULATION_FAILED"}
    assert set(expected(by_stand_in=True)["desks"]["errors"]) == codes


def test_the_worker_of_the_demonstration_prices_large_books_in_slices_and_small_ones_at_once() -> None:
    said = expected(by_stand_in=True)
    for name in ("book", "desks", "small", "treasury"):
        each = sum(map(len, said[name]["totals"].values()))
        slices = -(-said[name]["positions"] // (SLICE_CELLS // each))
        assert said[name]["slices"] == (slices if slices > 1 else 0)
