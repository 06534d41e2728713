"""From the bytes of a record to an event, or to the reason why it is none: the hot path of the decode step."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import orjson
from pydantic import ValidationError

from events.envelope import MAX_GENERATION, Envelope
from events.failures import Reason, Rejection, UnknownVersion
from events.identity import Identity, data_sha256, event_key, payload_sha256
from events.model import Data, explain
from events.text import IDENTIFIER_LENGTH, is_client_id, is_timestamp

MAX_EVENT_BYTES: Final = 900 * 1024

_REQUIRED = frozenset({"id", "source", "type", "clientid", "data"})

_versioned = re.compile(r"(.+)\.v[1-9][0-9]{0,8}").fullmatch


@dataclass(slots=True)
class Event(Identity):
    """An accepted event. The envelope is gone; `data` is the instance of the model its type stands for.

    `data_sha256` is the hash of the data without its natural key (see `input_sha256`); None if the model has none.
    `replay_id` says who had a generation above 0 allotted; that it is so is still to be confirmed.
    """

    subject: str | None
    correlation_id: str | None
    causation_id: str | None
    traceparent: str | None
    time: str | None
    data: Any
    data_sha256: bytes | None
    replay_id: str | None


def decode(value: bytes | None, flow: str, models: Mapping[str, type[Data]]) -> Event:
    """The event that a record's value holds, validated in full; `models` are the event types of the flow.

    Raises Rejection for what is no valid event (its `identity` is known as soon as the envelope is valid), and
    UnknownVersion for another version of a type in `models`. Nothing else, whatever the bytes are.
    """
    envelope = _parsed(value)
    if not _is_plain(envelope):
        _judge(envelope)
    event_type = envelope["type"]
    model = models.get(event_type)
    if model is None:
        _refuse_type(envelope, flow, models)
    generation = envelope.get("generation") or 0
    if generation and envelope.get("replayid") is None:
        raise not_allotted(_identity(envelope, flow))
    return _event(envelope, flow, model, generation)


def not_allotted(who: Identity) -> Rejection:
    """The failure of an event whose generation nobody had allotted under its replayid."""
    reason = f"generation {who.generation} has not been allotted to this replayid"
    return Rejection(Reason.GENERATION_NOT_ALLOTTED, reason, who)


def _parsed(value: bytes | None) -> dict[str, Any]:
    if value is None:
        raise Rejection(Reason.GARBAGE, "the record has no value")
    if len(value) > MAX_EVENT_BYTES:
        raise Rejection(Reason.TOO_LARGE, f"{len(value)} bytes; an event has at most {MAX_EVENT_BYTES}")
    try:
        envelope = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        # `from None`: the error holds the whole content.
        raise Rejection(Reason.GARBAGE, f"not JSON: {error}") from None
    if type(envelope) is not dict:
        raise Rejection(Reason.GARBAGE, "not a JSON object")
    return envelope


def _event(envelope: dict[str, Any], flow: str, model: type[Data], generation: int) -> Event:
    get = envelope.get
    raw, event_type = envelope["data"], envelope["type"]
    source, event_id, client_id = envelope["source"], envelope["id"], envelope["clientid"]
    try:
        data = model.__pydantic_validator__.validate_python(raw)
    except ValidationError as error:
        reason = explain(error, raw, "data")
        raise Rejection(Reason.INVALID_DATA, reason, _identity(envelope, flow)) from None
    try:
        payload = payload_sha256(event_type, client_id, raw)
        input_digest = data_sha256(raw, model.key_fields) if model.key_fields else None
    except TypeError:
        raise _too_deep() from None
    return Event(
        flow,
        event_type,
        source,
        event_id,
        generation,
        client_id,
        event_key(flow, source, event_id, generation),
        payload,
        get("subject"),
        get("correlationid"),
        get("causationid"),
        get("traceparent"),
        get("time"),
        data,
        input_digest,
        get("replayid"),
    )


def _is_plain(envelope: dict[str, Any]) -> bool:
    """Whether every attribute is valid in the usual way; False leaves the verdict to the Envelope model.

    Written out by hand because it takes a fraction of the model's time; it never accepts what the model refuses.
    """
    if not envelope.keys() >= _REQUIRED:
        return False
    data, generation = envelope.pop("data"), envelope.pop("generation", 0)
    attributes, get = envelope.values(), envelope.get
    try:
        together = "".join(attributes)  # TypeError where one of them is no text
        return (
            type(data) is dict
            and type(generation) is int
            and 0 <= generation <= MAX_GENERATION
            and together.isprintable()
            and all(attributes)
            and (len(together) <= IDENTIFIER_LENGTH or max(map(len, attributes)) <= IDENTIFIER_LENGTH)
            and get("specversion", "1.0") == "1.0"
            and is_client_id(envelope["clientid"])
            and ("time" not in envelope or is_timestamp(envelope["time"]))
        )
    except TypeError:
        return False
    finally:
        envelope["data"], envelope["generation"] = data, generation


def _judge(envelope: dict[str, Any]) -> None:
    try:
        Envelope[dict[str, Any]].model_validate(envelope)
    except ValidationError as error:
        raise Rejection(Reason.INVALID_ENVELOPE, explain(error, envelope)) from None


def _refuse_type(envelope: dict[str, Any], flow: str, models: Mapping[str, type[Data]]) -> NoReturn:
    identity = _identity(envelope, flow)
    match = _versioned(identity.type)
    known = {name.rpartition(".v")[0] for name in models}
    if match is not None and match[1] in known:
        raise UnknownVersion(Reason.UNKNOWN_VERSION, f"type {identity.type} is of a version not known here", identity)
    raise Rejection(Reason.UNKNOWN_TYPE, f"type {identity.type} is not one of {', '.join(sorted(models))}", identity)


def _identity(envelope: dict[str, Any], flow: str) -> Identity:
    event_type, client_id, generation = envelope["type"], envelope["clientid"], envelope.get("generation") or 0
    source, event_id = envelope["source"], envelope["id"]
    try:
        payload = payload_sha256(event_type, client_id, envelope["data"])
    except TypeError:
        raise _too_deep() from None
    key = event_key(flow, source, event_id, generation)
    return Identity(flow, event_type, source, event_id, generation, client_id, key, payload)


def _too_deep() -> Rejection:
    return Rejection(Reason.INVALID_DATA, "data: nested too deeply")
