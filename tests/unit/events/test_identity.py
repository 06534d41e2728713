from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from events.identity import COMPLETION_NAMESPACE, completion_id, data_sha256, event_key, input_sha256, payload_sha256

ids = st.text(min_size=1, max_size=20).filter(str.isprintable)
generations = st.integers(min_value=0, max_value=2**31 - 1)
identities = st.tuples(st.sampled_from(["runs", "documents"]), ids, ids, generations)


def compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()


@given(identities, ids, st.sampled_from(["", "0", "17"]))
def test_a_completion_id_is_the_uuid5_over_the_compact_json_array(
    identity: tuple[str, str, str, int], event_type: str, part: str
) -> None:
    name = compact([*identity, event_type, part]).decode()
    assert completion_id(*identity, event_type, part) == uuid.uuid5(COMPLETION_NAMESPACE, name)


def test_a_completion_id_never_changes() -> None:
    known = completion_id("runs", "/portfolio-service", "0197", 0, "run.completed.v1")
    assert str(known) == "cecca487-bc70-5733-ba4a-192a50f847b1"


def test_an_event_key_never_changes() -> None:
    assert str(uuid.UUID(bytes=event_key("runs", "/portfolio-service", "0197", 0))) == "e479cf0e-1dc8-8dd7-8660-261bcec9acfc"


@given(identities)
def test_an_event_key_is_the_cut_sha256_as_a_version_8_uuid(identity: tuple[str, str, str, int]) -> None:
    key = uuid.UUID(bytes=event_key(*identity))
    digest = uuid.UUID(bytes=hashlib.sha256(compact(list(identity))).digest()[:16])
    assert (key.version, key.variant) == (8, uuid.RFC_4122)
    assert key.hex[:12] == digest.hex[:12]
    assert key.hex[13:16] == digest.hex[13:16]
    assert key.hex[17:] == digest.hex[17:]


@given(identities, identities)
def test_different_events_have_different_keys(one: tuple[str, str, str, int], other: tuple[str, str, str, int]) -> None:
    assume(one != other)
    assert event_key(*one) != event_key(*other)


def test_parts_of_a_key_do_not_run_into_each_other() -> None:
    assert event_key("runs", "ab", "c", 0) != event_key("runs", "a", "bc", 0)


def test_a_payload_hash_is_over_the_sorted_compact_json_of_type_client_and_data() -> None:
    data = {"b": [1, 2.5, None], "a": {"ü": True}}
    expected = hashlib.sha256(compact({"type": "t.v1", "clientid": "acme", "data": data})).digest()
    assert payload_sha256("t.v1", "acme", data) == expected
    assert payload_sha256("t.v1", "acme", dict(reversed(data.items()))) == expected
    assert payload_sha256("t.v1", "other", data) != expected
    assert payload_sha256("t.v2", "acme", data) != expected


def test_a_data_hash_leaves_the_natural_key_out() -> None:
    data = {"run_id": "r1", "x": 1, "nested": {"run_id": "stays"}}
    assert data_sha256(data, ("run_id",)) == hashlib.sha256(compact({"x": 1, "nested": {"run_id": "stays"}})).digest()


def test_an_input_hash_is_over_client_data_and_objects() -> None:
    data, one, two = bytes(32), b"\x01" * 32, b"\x02" * 32
    known = input_sha256("acme", data, [("b", two), ("a", one)])
    assert known == hashlib.sha256(compact(["acme", data.hex(), [["a", one.hex()], ["b", two.hex()]]])).digest()
    assert known == input_sha256("acme", data, [("a", one), ("b", two)])
    assert known != input_sha256("acme", data, [("a", two), ("b", one)])
    assert known != input_sha256("other", data, [("a", one), ("b", two)])
