from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from events.envelope import MAX_GENERATION, Envelope
from events.event import MAX_EVENT_BYTES, Event, decode
from events.failures import Failure, Reason, Rejection, UnknownVersion
from events.identity import data_sha256, event_key, payload_sha256
from events.model import Data
from events.topics import CONSUMED_TYPES, models_of

Decoded = Callable[[dict[str, Any]], Event]
REQUIRED = {"id": "e1", "source": "/s", "type": "bench.v1", "clientid": "acme", "data": {"value": 1.5}}


class Bench(Data):
    value: float


MODELS: dict[str, type[Data]] = {"bench.v1": Bench}


def rejection(value: bytes | None) -> Rejection:
    with pytest.raises(Rejection) as caught:
        decode(value, "bench", MODELS)
    return caught.value


def of(**changes: Any) -> bytes:
    return json.dumps(REQUIRED | changes).encode()


def test_an_event_holds_what_its_envelope_said(envelope: dict[str, Any], decoded: Decoded) -> None:
    said = {"correlationid": "c1", "causationid": "c0", "traceparent": "00-ab-cd-01", "unknown": {"a": 1}}
    event = decoded(envelope | said)
    data = envelope["data"]
    assert (event.flow, event.type, event.source, event.id, event.generation, event.client_id) == (
        *("runs", "run.requested.v1", "/portfolio-service", "e1", 0, "acme"),
    )
    assert (event.subject, event.time) == (data["run_id"], "2026-11-20T10:00:00Z")
    assert (event.correlation_id, event.causation_id, event.traceparent) == ("c1", "c0", "00-ab-cd-01")
    assert event.key == event_key("runs", "/portfolio-service", "e1", 0)
    assert event.payload_sha256 == payload_sha256("run.requested.v1", "acme", data)
    assert event.data_sha256 == data_sha256(data, ("run_id",))
    assert event.data.run_id == data["run_id"]


def test_the_required_attributes_are_enough() -> None:
    event = decode(of(), "bench", MODELS)
    assert event.data == Bench(value=1.5)
    assert (event.generation, event.subject, event.time, event.data_sha256) == (0, None, None, None)


def test_null_counts_as_absent() -> None:
    absent = dict.fromkeys(["subject", "time", "specversion", "correlationid", "generation", "replayid"])
    assert decode(of(**absent), "bench", MODELS) == decode(of(), "bench", MODELS)


def test_fields_in_another_order_are_the_same_payload(envelope: dict[str, Any], decoded: Decoded) -> None:
    other = dict(reversed(envelope.items())) | {"data": dict(reversed(envelope["data"].items())), "time": None}
    assert decoded(other).payload_sha256 == decoded(envelope).payload_sha256


def test_an_unknown_field_is_ignored_but_part_of_the_payload() -> None:
    plain, more = decode(of(), "bench", MODELS), decode(of(data={"value": 1.5, "new": 1}), "bench", MODELS)
    assert more.data == plain.data
    assert more.payload_sha256 != plain.payload_sha256


def test_the_same_run_under_another_id_has_the_same_input(envelope: dict[str, Any], decoded: Decoded) -> None:
    one, other = decoded(envelope), decoded(envelope | {"id": "e2"})
    assert (one.data_sha256, one.payload_sha256) == (other.data_sha256, other.payload_sha256)
    assert one.key != other.key


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "the record has no value"),
        (b"", "not JSON: Input is a zero-length, empty document"),
        (b"\xff\xfe", "not JSON: str is not valid UTF-8"),
        (b"{", "not JSON: "),
        (b'{"id": NaN}', "not JSON: "),
        (b'{"id": "\\ud800"}', "not JSON: "),
        (b"[" * 5000 + b"]" * 5000, "not JSON: "),
        (b"[1]", "not a JSON object"),
        (b"null", "not a JSON object"),
    ],
)
def test_garbage_is_rejected_without_an_identity(value: bytes | None, message: str) -> None:
    failure = rejection(value)
    assert (failure.code, failure.identity) == (Reason.GARBAGE, None)
    assert failure.message.startswith(message)


def test_an_event_of_more_than_900_kb_is_too_large() -> None:
    padding = MAX_EVENT_BYTES - len(of(data={"value": 1.5, "padding": ""}))
    decode(of(data={"value": 1.5, "padding": "x" * padding}), "bench", MODELS)
    assert rejection(of(data={"value": 1.5, "padding": "x" * (padding + 1)})).code == Reason.TOO_LARGE


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": ""}, "id: must be 1 to 256 printable characters"),
        ({"id": "a\x00b"}, "id: must be 1 to 256 printable characters"),
        ({"id": 7}, "id: input should be a valid string"),
        ({"source": "a\u2028b"}, "source: must be 1 to 256 printable characters"),
        ({"subject": "a\nb"}, "subject: must be 1 to 256 printable characters"),
        ({"clientid": "a b"}, "clientid: must match [A-Za-z0-9][A-Za-z0-9._-]{0,63}"),
        ({"specversion": "0.3"}, "specversion: input should be '1.0'"),
        ({"time": "yesterday"}, "time: must be an RFC 3339 time such as 2026-11-20T10:00:00Z"),
        ({"generation": -1}, "generation: input should be greater than or equal to 0"),
        ({"generation": True}, "generation: input should be a valid integer"),
        ({"generation": 1.0}, "generation: input should be a valid integer"),
        ({"generation": "1"}, "generation: input should be a valid integer"),
        ({"generation": 2**31}, "generation: input should be less than or equal to 2147483647"),
        ({"data": [1]}, "data: must be an object"),
        ({"data": None}, "data: must be an object"),
        ({"id": "", "clientid": ""}, "id: must be 1 to 256 printable characters (and 1 more)"),
    ],
)
def test_an_invalid_envelope_names_the_attribute(changes: dict[str, Any], message: str) -> None:
    failure = rejection(of(**changes))
    assert (failure.code, failure.message, failure.identity) == (Reason.INVALID_ENVELOPE, message, None)


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_a_required_attribute_that_is_missing_is_named(name: str) -> None:
    value = json.dumps({key: value for key, value in REQUIRED.items() if key != name}).encode()
    assert rejection(value).message == f"{name}: field required"


def test_invalid_data_names_the_field_and_keeps_the_identity() -> None:
    failure = rejection(of(data={"value": "1.5", "secret": "x" * 1000}))
    assert (failure.code, failure.message) == (Reason.INVALID_DATA, "data.value: input should be a valid number")
    assert failure.identity is not None
    assert failure.identity.key == event_key("bench", "/s", "e1", 0)
    assert failure.identity.payload_sha256 == payload_sha256("bench.v1", "acme", {"value": "1.5", "secret": "x" * 1000})


def test_data_nested_too_deeply_to_be_hashed_is_invalid() -> None:
    nested = b'{"id":"e1","source":"/s","type":"bench.v1","clientid":"acme","data":{"value":%b,"x":%b}}'
    for number in (b"1.5", b'"wrong"'):
        failure = rejection(nested % (number, b"[" * 300 + b"]" * 300))
        assert (failure.code, failure.message) == (Reason.INVALID_DATA, "data: nested too deeply")


def test_another_type_is_rejected() -> None:
    failure = rejection(of(type="other.v1"))
    assert (failure.code, failure.message) == (Reason.UNKNOWN_TYPE, "type other.v1 is not one of bench.v1")
    assert failure.identity is not None


@pytest.mark.parametrize("name", ["bench", "bench.v", "bench.v0", "bench.vx", "bench.v1.v2x", "xbench.v2"])
def test_what_only_looks_like_a_version_is_another_type(name: str) -> None:
    assert rejection(of(type=name)).code == Reason.UNKNOWN_TYPE


def test_another_version_of_a_known_type_is_left_to_a_newer_worker_with_its_identity() -> None:
    with pytest.raises(UnknownVersion) as caught:
        decode(of(type="bench.v2", data={"value": "of another shape"}), "bench", MODELS)
    identity = caught.value.identity
    assert caught.value.code == Reason.UNKNOWN_VERSION
    assert (identity.flow, identity.type, identity.client_id) == ("bench", "bench.v2", "acme")
    assert identity.key == event_key("bench", "/s", "e1", 0)
    assert identity.payload_sha256 == payload_sha256("bench.v2", "acme", {"value": "of another shape"})


def test_a_generation_that_names_no_replay_is_rejected() -> None:
    for changes in ({}, {"replayid": None}):
        with pytest.raises(Rejection) as caught:
            decode(of(generation=2, **changes), "bench", MODELS)
        assert caught.value.code == Reason.GENERATION_NOT_ALLOTTED
        assert caught.value.identity is not None
        assert caught.value.identity.generation == 2


def test_a_generation_with_its_replay_is_another_event() -> None:
    event = decode(of(generation=1, replayid="r2"), "bench", MODELS)
    assert (event.generation, event.replay_id) == (1, "r2")
    assert event.key == event_key("bench", "/s", "e1", 1)


def test_the_cause_that_holds_the_content_is_not_kept() -> None:
    for value in (b"{", of(id=""), of(data={})):
        failure = rejection(value)
        assert failure.__suppress_context__
        assert failure.__cause__ is None


any_text = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=5)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=8,
)
attribute = st.one_of(
    any_json,
    st.sampled_from(
        ["1.0", "acme", "e1", "bench.v1", "2026-11-20T10:00:00Z", "2026-02-30T10:00:00Z", "a\nb", "x" * 257, "é", ""]
    ),
    st.sampled_from([0, 1, -1, True, 1.0, MAX_GENERATION, MAX_GENERATION + 1]),
    st.just({"value": 1.5}),
)
names = st.sampled_from([*Envelope.model_fields, "unknown"])
envelopes = st.dictionaries(names, attribute, max_size=6).flatmap(
    lambda changes: st.sets(st.sampled_from(sorted(REQUIRED)), max_size=1).map(
        lambda gone: {key: value for key, value in (REQUIRED | changes).items() if key not in gone}
    )
)


def outcome(value: bytes | None, models: Mapping[str, type[Data]] = MODELS) -> str:
    """What decode says; any exception that is no Failure fails the test."""
    code, message = "accepted", ""
    try:
        decode(value, "bench", models)
    except Failure as failure:
        code, message = failure.code, failure.message
    assert message.isprintable()
    assert len(message) <= 500
    return code


@given(envelopes)
def test_decode_and_the_envelope_model_agree_on_what_is_valid(envelope: dict[str, Any]) -> None:
    value = json.dumps(envelope).encode()
    try:
        Envelope[dict[str, Any]].model_validate(orjson.loads(value))
        valid = True
    except ValidationError:
        valid = False
    assert (outcome(value) != Reason.INVALID_ENVELOPE) == valid


@given(st.binary(max_size=60))
def test_any_bytes_are_an_event_or_a_failure(value: bytes) -> None:
    assert outcome(value) in {Reason.GARBAGE, Reason.INVALID_ENVELOPE}


@given(any_json)
def test_any_json_is_an_event_or_a_failure(value: Any) -> None:
    assert outcome(json.dumps(value).encode()) in {Reason.GARBAGE, Reason.INVALID_ENVELOPE}


@given(st.binary(max_size=8), st.integers(0, 200), st.integers(0, 8))
def test_a_damaged_event_is_an_event_or_a_failure(damage: bytes, place: int, length: int) -> None:
    value = of(subject="s", time="2026-11-20T10:00:00Z", generation=0)
    outcome(value[:place] + damage + value[place + length :])


@given(
    st.sampled_from(sorted(CONSUMED_TYPES)).flatmap(
        lambda name: st.tuples(
            st.just(name), st.dictionaries(st.sampled_from(list(CONSUMED_TYPES[name].model_fields)), any_json, max_size=6)
        )
    )
)
def test_any_data_of_any_type_is_an_event_or_a_failure(typed: tuple[str, dict[str, Any]]) -> None:
    name, data = typed
    assert outcome(of(type=name, data=data), CONSUMED_TYPES) in {"accepted", Reason.INVALID_DATA}


def test_huge_numbers_duplicate_names_and_deep_nesting_raise_nothing_else() -> None:
    head = b'{"id":"e1","source":"/s","type":"bench.v1","clientid":"acme",'
    assert outcome(head + b'"generation":' + b"9" * 5000 + b',"data":{"value":1}}') == Reason.GARBAGE
    assert outcome(head + b'"generation":99999999999999999999,"data":{"value":1}}') == Reason.INVALID_ENVELOPE
    assert outcome(head + b'"data":{"value":1e999}}') == Reason.GARBAGE
    assert outcome(head + b'"data":{"value":1},"data":{"value":2}}') == "accepted"
    assert outcome(head + b'"data":{"value":1},"x":' + b"[" * 900 + b"]" * 900 + b"}") == "accepted"


def test_every_flow_refuses_the_types_of_the_others() -> None:
    for flow, other in (("runs", "audit.created.v1"), ("audits", "run.requested.v1")):
        with pytest.raises(Rejection) as caught:
            decode(of(type=other), flow, models_of(flow))
        assert caught.value.code == Reason.UNKNOWN_TYPE
