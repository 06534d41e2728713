"""What the stand-in answers to each request."""

import asyncio
import json
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from devstack.standin import embeddings, failures, responses
from devstack.standin.calls import Call, CallLog
from devstack.standin.failures import Rejected
from devstack.standin.faults import Fault, FaultQueue
from devstack.standin.wire import Answer, Request, encode

KEY = "stand-in"
"""What clients present as their API key: no secret, and plainly not OpenAI's."""
MARK = "-stand-in"
"""What the name of a model ends in when the stand-in answers in its place."""
HEADER = "x-openai-stand-in"
"""Which header says the same."""

ENDPOINTS = {
    ("POST", "/v1/embeddings"): "embeddings",
    ("POST", "/v1/responses"): "responses",
    ("GET", "/v1/models"): "models",
}
MODELS = (*embeddings.MODELS, "gpt-5.4-mini")
BROKEN_BODY = b'{"object": "list", "data": [{"obj'


class StandIn:
    """The endpoints, the faults they were asked to show, and the calls they had."""

    def __init__(self) -> None:
        self._faults = FaultQueue()
        self._calls = CallLog()

    async def respond(self, request: Request) -> Answer:
        """Answer one request."""
        headers = {HEADER: "devstack"}
        try:
            if request.path.startswith("/control/"):
                return Answer(HTTPStatus.OK, encode(self._control(request)), headers)
            return await self._call(request, headers)
        except Rejected as rejected:
            return Answer(rejected.status, encode(rejected.body), headers | rejected.headers)

    def _control(self, request: Request) -> Any:
        match request.method, request.path:
            case "POST", "/control/faults":
                self._order(_object(request.body))
                return {"faults": self._faults.left()}
            case "GET", "/control/faults":
                return {"faults": self._faults.left()}
            case "GET", "/control/calls":
                return self._calls.told()
            case "POST", "/control/reset":
                self._faults, self._calls = FaultQueue(), CallLog()
                return {}
        raise failures.unknown_url(request.method, request.path)

    def _order(self, content: dict[str, Any]) -> None:
        try:
            self._faults.add(content["faults"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Rejected(HTTPStatus.BAD_REQUEST, f"These are no faults: {error}") from error

    async def _call(self, request: Request, headers: dict[str, str]) -> Answer:
        endpoint = ENDPOINTS.get((request.method, request.path))
        if endpoint is None:
            raise failures.unknown_url(request.method, request.path)
        body = _object(request.body) if request.method == "POST" else {}
        inputs = _inputs(endpoint, body)
        call = self._calls.begin(endpoint, str(body.get("model", "")), [_sha256(text) for text in inputs])
        fault = self._faults.take(endpoint, call.model, "\n".join(inputs))
        call.fault = fault.kind if fault else None
        headers = headers | {"x-request-id": f"req_standin_{call.number:08d}"}
        calls = self._calls
        if fault is not None and fault.seconds:
            await asyncio.sleep(fault.seconds)
        try:
            content = await asyncio.to_thread(_carried_out, request, call, body, fault)
        except Rejected as rejected:
            call.status = rejected.status
            return Answer(rejected.status, encode(rejected.body), headers | rejected.headers)
        call.status = HTTPStatus.OK
        share = fault.share if fault is not None and fault.kind == "drop" else 1.0
        return Answer(HTTPStatus.OK, content, headers, share, on_sent=lambda: calls.sent(call))


def _carried_out(request: Request, call: Call, body: dict[str, Any], fault: Fault | None) -> bytes:
    if fault is not None:
        _reject_by(fault)
    if request.headers.get("authorization") != f"Bearer {KEY}":
        raise failures.wrong_key(KEY)
    kind = fault.kind if fault else None
    if kind == "malformed_body":
        return BROKEN_BODY
    if call.endpoint == "models":
        return encode({"object": "list", "data": [_model(name) for name in MODELS]})
    if call.endpoint == "responses":
        return encode(responses.answer(body, MARK, call.number, kind))
    return encode(embeddings.answer(body, MARK, fault.length if fault and kind == "wrong_length" else None))


def _reject_by(fault: Fault) -> None:
    match fault.kind:
        case "rate_limit":
            raise failures.rate_limit(fault.retry_after)
        case "insufficient_quota":
            raise failures.insufficient_quota()
        case "server_error":
            raise failures.server_error(fault.status)


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "devstack"}


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Rejected(HTTPStatus.BAD_REQUEST, "We could not parse the JSON body of your request.")
    return found


def _inputs(endpoint: str, body: dict[str, Any]) -> list[str]:
    """The texts of a call; none where they are wrong, which is told when the call is carried out."""
    if endpoint == "models":
        return []
    try:
        return embeddings.inputs_of(body) if endpoint == "embeddings" else [responses.text_of(body)]
    except (Rejected, AttributeError):
        return []


def _sha256(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
