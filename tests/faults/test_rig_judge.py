"""The pure parts of the rig's judge: what it computes for itself, and what it would complain of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid5

import pytest

from tests.faults.rig import effects, formulas
from tests.faults.rig.asking import Asker
from tests.faults.rig.author import Author
from tests.faults.rig.fates import Fates, fates
from tests.faults.rig.manifest import TOPIC_OF, Asked, Record
from tests.faults.rig.portfolios import MARKET, VALUATION, run_data
from tests.faults.rig.pricing import valued
from tests.faults.rig.watch import is_durable, letter_places

RUN_ID = "0199f3a2-7c1f-4d10-8a55-51d1b1f5c0de"
PLACE = ("runs.requested", 0, 7)


@pytest.fixture
def ask() -> Asker:
    return Asker(1)


def a_run(ask: Asker, run_id: str = RUN_ID, **changes: Any) -> Asked:
    return ask.run(run_data(Random(3), run_id) | changes)


def records(*asked: Asked) -> list[Record]:
    return [Record(serial, TOPIC_OF[each.flow], b"", b"", "a run", each) for serial, each in enumerate(asked, 1)]


def inbox(*asked: Asked) -> dict[UUID, list[bytes]]:
    return {each.key: [each.payload] for each in asked}


def kinds(found: Fates) -> list[str]:
    return [finding.kind for finding in found.findings]


# who an event is


def test_a_completions_id_is_the_uuid5_that_the_documentation_tells() -> None:
    name = '["runs","/s","e-1",0,"run.completed.v1",""]'
    assert formulas.completion_id("runs", "/s", "e-1") == uuid5(formulas.NAMESPACE, name)


def test_an_events_key_is_a_uuid_of_version_8() -> None:
    key = formulas.event_key("runs", "/s", "e-1")
    assert (key.version, key.variant) == (8, "specified in RFC 4122")
    assert key != formulas.event_key("runs", "/s", "e-2")


# what a run is worth


def forward(**changes: Any) -> dict[str, Any]:
    terms = {"position_id": "p", "product_type": "FX_FWD", "base_currency": "EUR", "quote_currency": "USD"}
    return terms | {"notional": 1_000_000, "strike": 1.1, "maturity_date": "2027-01-15"} | changes


def values_of(position: dict[str, Any], *measures: str, **data: Any) -> dict[str, float | None]:
    told = {"valuation_date": VALUATION, "market": {"snapshot": MARKET}, "portfolio": {"positions": [position]}}
    return {row.measure: row.values[0] for row in valued(told | {"measures": list(measures)} | data).rows}


def test_a_forward_is_worth_the_difference_of_its_two_payments() -> None:
    found = values_of(forward(), "PV", "FX_DELTA")
    assert found["PV"] == pytest.approx(1_000_000 * (1.0875 * math.exp(-0.0215) - 1.1 * math.exp(-0.0365)))
    assert found["FX_DELTA"] == pytest.approx(1_000_000 * math.exp(-0.0215))


def test_a_matured_forward_is_worth_zero_and_one_without_a_spot_nothing() -> None:
    assert values_of(forward(maturity_date="2025-06-30"), "PV")["PV"] == 0
    assert values_of(forward(quote_currency="GBP"), "PV")["PV"] is None


def test_a_bond_is_worth_its_discounted_payments_and_accrues_between_them() -> None:
    bond = {
        "position_id": "p",
        "product_type": "FIXED_BOND",
        "currency": "USD",
        "notional": 100.0,
        "start_date": "2025-07-15",
        "maturity_date": "2027-01-15",
        "coupon": 0.06,
        "frequency": 1,
        "credit_spread": 0.01,
    }
    found = values_of(bond, "PV", "ACCRUED", valuation_date="2026-01-30")
    years = 350 / 365
    assert found["PV"] == pytest.approx(106 * math.exp(-(0.0365 + 0.01) * years))
    assert found["ACCRUED"] == pytest.approx(100 * 0.06 * 15 / 360)


# which of several is accepted


def test_every_accepted_event_of_its_own_run_is_well(ask: Asker) -> None:
    asked = a_run(ask)
    found = fates(records(asked, asked), inbox(asked))
    assert not found.findings
    assert not found.letters


def test_an_event_without_an_outcome_is_found(ask: Asker) -> None:
    assert kinds(fates(records(a_run(ask)), {})) == ["no outcome"]


def test_an_event_with_two_outcomes_is_found(ask: Asker) -> None:
    asked = a_run(ask)
    assert kinds(fates(records(asked), {asked.key: [asked.payload, asked.payload]})) == ["more than one outcome"]


def test_of_two_payloads_of_one_id_the_one_that_is_not_in_the_inbox_has_a_dead_letter(ask: Asker) -> None:
    first = a_run(ask)
    other = ask.run(first.data | {"reporting_currency": "GBP"}, event_id=first.id, natural_key="said otherwise")
    assert fates(records(first, other), inbox(first)).letters == {2: "payload_conflict"}
    assert fates(records(first, other), inbox(other)).letters == {1: "payload_conflict"}


def test_of_two_inputs_of_one_run_one_is_accepted_and_the_other_has_a_dead_letter(ask: Asker) -> None:
    first, rival, echo = a_run(ask), a_run(ask, valuation_date="2026-02-01"), a_run(ask)
    told = records(first, rival, echo)
    assert fates(told, inbox(first, echo)).letters == {2: "input_conflict"}
    assert fates(told, inbox(rival)).letters == {1: "input_conflict", 3: "input_conflict"}
    assert kinds(fates(told, inbox(first, rival, echo))) == ["two inputs were accepted"]
    assert kinds(fates(told, inbox(first))) == ["no outcome"]  # the echo is answered too


def test_an_event_that_nobody_published_is_found(ask: Asker) -> None:
    first, stranger = a_run(ask), a_run(ask, "0199f3a2-7c1f-4d10-8a55-51d1b1f5c0df")
    assert kinds(fates(records(first), inbox(first, stranger))) == ["an event nobody published"]


# what is durable


def test_a_record_is_durable_with_its_own_payload_stored_or_its_own_dead_letter(ask: Asker) -> None:
    first = a_run(ask)
    other = ask.run(first.data | {"reporting_currency": "GBP"}, event_id=first.id)
    [record, conflict] = records(first, other)
    assert is_durable(record, [PLACE], {(first.key, first.payload)}, set())
    assert not is_durable(conflict, [PLACE], {(first.key, first.payload)}, set())
    assert is_durable(conflict, [PLACE], set(), {PLACE})
    assert not is_durable(Record(3, "runs.requested", b"", b"{", "garbage", reason="garbage"), [PLACE], set(), set())


def test_one_letter_speaks_for_every_place_of_a_record_that_waited_and_for_one_place_of_any_other(ask: Asker) -> None:
    first, again = PLACE, ("runs.requested", 0, 9)
    garbage = Record(3, "runs.requested", b"", b"{", "garbage", reason="garbage")
    waited = Record(4, "runs.requested", b"", b"", "a version", reason="unknown_version", kept_as=(a_run(ask).key, b""))
    assert is_durable(waited, letter_places(waited, again, [first, again]), set(), {first})
    assert not is_durable(garbage, letter_places(garbage, again, [first, again]), set(), {first})


# what has come of an event


def stored(asked: Asked) -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]:
    """A run's row, its rows of values and its completion, as they must be."""
    worth = valued(asked.data)
    said = {
        "status": "partial" if worth.errors else "completed",
        "positions": len(asked.data["portfolio"]["positions"]),
        "errors": worth.errors,
        "totals": worth.totals,
    }
    scenarios = [each["id"] for each in asked.data["scenarios"]]
    results = [
        {"row_no": row.row_no, "position_id": row.position_id, "measure": row.measure, "values": list(row.values)}
        | {"error": row.error, "client_id": asked.client}
        for row in worth.rows
    ]
    return said | {"scenario_ids": scenarios, "client_id": asked.client, "slices": 0}, results, said


def complaints(asked: Asked, run: Mapping[str, Any] | None, results: list[dict[str, Any]], said: Mapping[str, Any]) -> int:
    return len(list(effects.of_a_run(asked, run, results, said)))


def test_a_run_as_it_must_be_is_well_and_each_change_is_found(ask: Asker) -> None:
    asked = a_run(ask)
    run, results, said = stored(asked)
    first = results[0]
    moved = [None if value is None else value + 0.5 for value in first["values"]]
    assert complaints(asked, run, results, said) == 0
    assert complaints(asked, None, results, said) == 1
    assert complaints(asked, run | {"client_id": "another"}, results, said) == 1
    assert complaints(asked, run, results[1:], said) == 1
    assert complaints(asked, run, [*results, first], said) == 1
    assert complaints(asked, run, [first | {"values": moved}, *results[1:]], said) == 1
    assert complaints(asked, run, results, said | {"errors": 99}) == 1
    assert complaints(asked, run, results, said | {"totals": {}}) == len(said["totals"])


def test_a_failed_run_has_its_code_and_no_rows(ask: Asker) -> None:
    asked = replace(a_run(ask), fails="portfolio_not_found")
    failed = {"status": "failed", "failure_code": "portfolio_not_found"}
    said = {"status": "failed", "failure": {"code": "portfolio_not_found"}}
    assert complaints(asked, failed, [], said) == 0
    assert complaints(asked, failed | {"failure_code": "internal"}, [], said) == 1
    assert complaints(asked, failed, [{}], said) == 1
    assert complaints(asked, failed, [], {"status": "completed"}) == 2


def test_a_document_has_the_text_it_was_made_of_in_its_chunks(ask: Asker) -> None:
    data = {"document_id": RUN_ID, "version": 1, "filename": "a.txt", "uri": "a.txt"}
    asked = ask.event("documents", data, "acme", frozenset({"embedded"}), text="One. Two.")
    row = {"version": 1, "status": "embedded", "chunks_version": 1, "is_current": True, "chunks": 1}
    chunk = {"version": 1, "ordinal": 0, "start_char": 0, "end_char": 9, "content": "One. Two.", "dimensions": 1536}

    def found(row: dict[str, Any], *chunks: dict[str, Any]) -> int:
        return len(list(effects.of_a_document(asked, [row], chunks, {"status": "embedded"})))

    assert found(row, chunk) == 0
    assert found(row | {"is_current": False}, chunk) == 1
    assert found(row, chunk | {"end_char": 4, "content": "One."}) == 1
    assert found(row, chunk | {"content": "Two. One."}) == 1
    assert found(row, chunk, chunk) == 2


def test_an_audit_quotes_what_its_evidence_says(ask: Asker) -> None:
    data = {"audit_id": RUN_ID, "document_ids": ["d"]}
    asked = ask.event("audits", data, "acme", frozenset({"completed"}), text="The covenant is in breach.")
    said = {"status": "completed", "findings": [{"title": "Covenant"}]}
    finding = {"title": "Covenant", "citations": [{"quote": "covenant is in breach", "document_id": "d"}]}

    def found(*findings: dict[str, Any], status: str = "completed") -> int:
        return len(list(effects.of_an_audit(asked, {"status": status}, findings, said)))

    assert found(finding) == 0
    assert found(finding, status="refused") == 1
    assert found(finding | {"citations": [{"quote": "all is well", "document_id": "d"}]}) == 1
    assert found() == 2


# the manifest


def test_one_seed_writes_one_manifest_and_another_another(tmp_path: Path) -> None:
    def values(seed: int) -> list[bytes | None]:
        author = Author(seed, tmp_path, 0)
        return [record.value for record in [*author.take(300), *author.rest()]]

    assert values(1) == values(1)
    assert values(1) != values(2)


def test_a_manifest_holds_every_odd_record_before_long(tmp_path: Path) -> None:
    author = Author(1, tmp_path, 0)
    told = [*author.take(1_000), *author.rest()]
    reasons = {record.reason for record in told} - {None}
    assert reasons == {"garbage", "invalid_envelope", "invalid_data", "unknown_type", "unknown_version", "too_large"} | {
        "generation_not_allotted"
    }
    largest = sorted({len(record.value or b"") for record in told})[-2:]
    assert largest == [900 * 1024, 900 * 1024 + 1]
    assert [record.serial for record in told] == list(range(1, len(told) + 1))
