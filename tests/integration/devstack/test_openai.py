"""The stand-in as the official SDK sees it, and each of its faults."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import openai as sdk
import pytest
from openai.types import CreateEmbeddingResponse, Model
from openai.types.responses import Response
from pydantic import BaseModel, ConfigDict, ValidationError

from devstack.stack import Stack
from devstack.standin.api import HEADER, KEY
from devstack.standin.control import Control
from devstack.standin.faults import KINDS, Fault

SECONDS = 60
EMBEDDER, AUDITOR = "text-embedding-3-small", "gpt-5.4-mini"
EVIDENCE = (
    'What is overdue?\n<chunk id="c-1" document="d-1" page="4">Sales rose. Two invoices are overdue.</chunk>\n'
    '<chunk id="c-2" document="d-2" page="">The company is in breach of its covenants.</chunk>'
)


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Citation(Strict):
    document_id: str
    chunk_id: str
    page: int | None
    quote: str


class Finding(Strict):
    severity: str
    title: str
    description: str
    recommendation: str
    citations: list[Citation]


class Audit(Strict):
    summary: str
    findings: list[Finding]


FORM: Any = {"format": {"type": "json_schema", "name": "audit", "strict": True, "schema": Audit.model_json_schema()}}


@pytest.fixture
async def client(openai: Control) -> AsyncIterator[sdk.AsyncOpenAI]:
    async with sdk.AsyncOpenAI(base_url=openai.base_url, api_key=KEY, max_retries=0, timeout=SECONDS) as opened:
        yield opened


async def embed(client: sdk.AsyncOpenAI, *texts: str, **more: Any) -> CreateEmbeddingResponse:
    return await client.embeddings.create(model=EMBEDDER, input=list(texts), **more)


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(SECONDS):
        while not holds():  # noqa: ASYNC110  the stand-in is another process
            await asyncio.sleep(0.01)


async def audit(client: sdk.AsyncOpenAI, text: str = EVIDENCE, **more: Any) -> Response:
    response: Response = await client.responses.create(model=AUDITOR, instructions="Audit.", input=text, text=FORM, **more)
    return response


def found(response: Response) -> Audit:
    return Audit.model_validate_json(response.output_text)


def assert_knows_all_fields(model: BaseModel) -> None:
    """Nothing is there that the SDK's models do not know, at any depth."""
    assert not model.model_extra, f"{type(model).__name__} does not know {model.model_extra}"
    for name in type(model).model_fields:
        value = getattr(model, name)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, BaseModel):
                assert_knows_all_fields(each)


# What the SDK gets.


async def test_embeddings_are_as_the_sdk_describes_them(client: sdk.AsyncOpenAI) -> None:
    raw = await client.embeddings.with_raw_response.create(model=EMBEDDER, input=["a", "b"], encoding_format="float")
    told = CreateEmbeddingResponse.model_validate_json(raw.text, strict=True)
    assert_knows_all_fields(told)
    assert [each.index for each in told.data] == [0, 1]
    assert told.usage.prompt_tokens == 2


@pytest.mark.parametrize("fault", [None, "refusal", "truncated_json"])
async def test_responses_are_as_the_sdk_describes_them(client: sdk.AsyncOpenAI, openai: Control, fault: str | None) -> None:
    if fault:
        openai.add(Fault(fault))
    raw = await client.responses.with_raw_response.create(model=AUDITOR, input=EVIDENCE, text=FORM, metadata={"a": "b"})
    told = Response.model_validate_json(raw.text, strict=True)
    assert_knows_all_fields(told)
    assert told.usage is not None
    assert told.usage.total_tokens == told.usage.input_tokens + told.usage.output_tokens
    assert (told.status, told.metadata) == ("incomplete" if fault == "truncated_json" else "completed", {"a": "b"})


async def test_models_are_as_the_sdk_describes_them(client: sdk.AsyncOpenAI) -> None:
    raw = await client.models.with_raw_response.list()
    models = [Model.model_validate(each, strict=True) for each in json.loads(raw.text)["data"]]
    assert EMBEDDER in [each.id for each in models]


async def test_what_the_sdk_asks_for_by_default_and_lists_of_floats_are_the_same_vectors(client: sdk.AsyncOpenAI) -> None:
    packed, listed = await embed(client, "one", "two"), await embed(client, "one", "two", encoding_format="float")
    for one, other in zip(packed.data, listed.data, strict=True):
        assert len(one.embedding) == 1536
        assert one.embedding == pytest.approx(other.embedding, abs=1e-7)
        assert sum(value * value for value in one.embedding) == pytest.approx(1)


async def test_a_request_can_ask_for_fewer_dimensions(client: sdk.AsyncOpenAI) -> None:
    assert len((await embed(client, "one", dimensions=256)).data[0].embedding) == 256


async def test_findings_fit_the_schema_and_quote_the_evidence(client: sdk.AsyncOpenAI) -> None:
    breach, overdue = found(await audit(client)).findings
    assert (breach.severity, breach.citations[0].chunk_id, breach.citations[0].page) == ("critical", "c-2", None)
    assert overdue.citations == [
        Citation(document_id="d-1", chunk_id="c-1", page=4, quote="Two invoices are overdue."),
    ]


async def test_every_answer_says_that_it_is_the_stand_ins(client: sdk.AsyncOpenAI) -> None:
    assert (await embed(client, "one")).model == f"{EMBEDDER}-stand-in"
    response = await client.responses.with_raw_response.create(model=AUDITOR, input="Audit.")
    assert response.parse().model == f"{AUDITOR}-stand-in"
    assert response.headers[HEADER] == "devstack"
    with pytest.raises(sdk.NotFoundError) as caught:
        await client.embeddings.create(model="nonsense", input="one")
    assert caught.value.response.headers[HEADER] == "devstack"


async def test_another_key_is_refused(openai: Control) -> None:
    async with sdk.AsyncOpenAI(base_url=openai.base_url, api_key="sk-other", max_retries=0) as stranger:
        with pytest.raises(sdk.AuthenticationError, match="its key is 'stand-in'"):
            await embed(stranger, "one")


async def test_what_exceeds_a_limit_is_refused_as_openai_does(client: sdk.AsyncOpenAI) -> None:
    with pytest.raises(sdk.BadRequestError) as caught:
        await embed(client, *["a" * 20_000] * 61)
    assert (caught.value.code, caught.value.type) == ("max_tokens_per_request", "max_tokens_per_request")
    with pytest.raises(sdk.BadRequestError, match="does not understand"):
        await client.responses.create(model=AUDITOR, input=[1])  # type: ignore[list-item]
    with pytest.raises(sdk.NotFoundError, match="Unknown request URL"):
        await client.files.list()


async def test_many_requests_at_once_are_all_answered(client: sdk.AsyncOpenAI) -> None:
    texts = [f"text number {number}" for number in range(60)]
    together = await asyncio.gather(*(embed(client, text) for text in texts))
    alone = await embed(client, *texts)
    assert [each.data[0].embedding for each in together] == [each.embedding for each in alone.data]


# What it counts.


async def test_calls_are_counted_with_the_hashes_of_their_inputs(client: sdk.AsyncOpenAI, openai: Control) -> None:
    await embed(client, "one", "two")
    await audit(client)
    calls = openai.calls()
    assert calls.received == calls.answered == {"embeddings": 1, "responses": 1}
    assert calls.calls[0].inputs == [sha256(text).hexdigest() for text in (b"one", b"two")]
    assert [(call.endpoint, call.model, call.status) for call in calls.calls] == [
        ("embeddings", EMBEDDER, 200),
        ("responses", AUDITOR, 200),
    ]
    openai.reset()
    assert (openai.calls().calls, openai.calls().received) == ([], {})


async def test_errors_do_not_count_as_answered(client: sdk.AsyncOpenAI, openai: Control) -> None:
    openai.add(Fault("server_error"))
    with pytest.raises(sdk.InternalServerError):
        await embed(client, "one")
    (call,) = openai.calls().calls
    assert (call.fault, call.status, call.answered, openai.calls().answered) == ("server_error", 500, False, {})


async def test_a_fault_that_there_is_not_is_refused(openai: Control) -> None:
    with pytest.raises(ValueError, match="does not happen at 'embeddings'"):
        openai._ask("POST", "/control/faults", {"faults": [{"kind": "refusal", "endpoint": "embeddings"}]})
    content: Any
    for content in {"faults": 1}, {"faults": [1]}, {}, [], {"faults": [{"kind": "drop", "times": "often"}]}:
        with pytest.raises(ValueError, match=r"These are no faults|could not parse"):
            openai._ask("POST", "/control/faults", content)
    assert openai.faults() == []


# What can go wrong.


@pytest.mark.parametrize("retry_after", [None, 0.25, 20.0])
async def test_a_rate_limit(client: sdk.AsyncOpenAI, openai: Control, retry_after: float | None) -> None:
    openai.add(Fault("rate_limit", retry_after=retry_after))
    with pytest.raises(sdk.RateLimitError) as caught:
        await embed(client, "one")
    told = caught.value.response.headers.get("retry-after")
    assert (told and float(told), caught.value.code) == (retry_after, "rate_limit_exceeded")
    await embed(client, "one")


async def test_no_quota_left(client: sdk.AsyncOpenAI, openai: Control) -> None:
    openai.add(Fault("insufficient_quota"))
    with pytest.raises(sdk.RateLimitError) as caught:
        await audit(client)
    assert (caught.value.code, caught.value.type) == ("insufficient_quota", "insufficient_quota")
    assert "retry-after" not in caught.value.response.headers


@pytest.mark.parametrize("status", [500, 503])
async def test_a_server_error(client: sdk.AsyncOpenAI, openai: Control, status: int) -> None:
    openai.add(Fault("server_error", status=status, endpoint="models"))
    await embed(client, "one")
    with pytest.raises(sdk.InternalServerError) as caught:
        await client.models.list()
    assert caught.value.status_code == status


async def test_a_slow_answer_comes_in_the_end(client: sdk.AsyncOpenAI, openai: Control) -> None:
    openai.add(Fault("slow", seconds=0.2))
    assert len((await embed(client, "one")).data) == 1
    assert openai.calls().calls[0].fault == "slow"


async def test_others_are_answered_while_one_is_slow(client: sdk.AsyncOpenAI, openai: Control) -> None:
    openai.add(Fault("slow", seconds=600))
    slow = asyncio.create_task(embed(client, "one"))
    await until(lambda: openai.calls().calls)
    await embed(client, "another")
    assert [call.status for call in openai.calls().calls] == [None, 200]
    slow.cancel()


async def test_an_answer_that_nobody_waits_for_any_more_does_not_count(client: sdk.AsyncOpenAI, openai: Control) -> None:
    seconds = 0.5
    # Where this process is held up for so long, somebody still waits, and the answer counts: then once more, with more time.
    while await given_up_after(client, openai, seconds) >= seconds:
        openai.reset()
        seconds *= 2
    await until(lambda: openai.calls().calls[0].status)
    assert (openai.calls().received, openai.calls().answered) == ({"embeddings": 1}, {})


async def given_up_after(client: sdk.AsyncOpenAI, openai: Control, seconds: float) -> float:
    """How long at most the stand-in has had a call whose answer is to take so many seconds, when its client is gone."""
    openai.add(Fault("slow", seconds=seconds))
    began = time.monotonic()
    slow = asyncio.create_task(embed(client, "one"))
    await until(lambda: openai.calls().calls)
    slow.cancel()
    await asyncio.wait([slow])
    await asyncio.sleep(0.01)  # in which the loop closes the connection
    return time.monotonic() - began


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
async def test_a_dropped_connection(client: sdk.AsyncOpenAI, openai: Control, share: float) -> None:
    openai.add(Fault("drop", share=share))
    with pytest.raises(sdk.APIConnectionError):
        await embed(client, "one", "two")
    assert openai.calls().answered == {}
    assert len((await embed(client, "one", "two")).data) == 2


@pytest.mark.parametrize(("share", "error"), [(0.0, ConnectionResetError), (0.5, None)])
def test_a_dropped_connection_is_reset_before_the_first_byte_or_cut_off(
    openai: Control, share: float, error: type[OSError] | None
) -> None:
    openai.add(Fault("drop", share=share))
    address = urlsplit(openai.base_url)
    with socket.create_connection((address.hostname, address.port), timeout=SECONDS) as connection:
        connection.sendall(f"GET /v1/models HTTP/1.1\r\nauthorization: Bearer {KEY}\r\n\r\n".encode())
        with pytest.raises(error) if error else nullcontext():
            assert connection.makefile("rb").read().startswith(b"HTTP/1.1 200 OK")


async def test_a_body_that_is_no_json(client: sdk.AsyncOpenAI, openai: Control) -> None:
    openai.add(Fault("malformed_body"))
    with pytest.raises((sdk.APIError, json.JSONDecodeError)):
        await embed(client, "one")


async def test_malformed_json(client: sdk.AsyncOpenAI, openai: Control) -> None:
    openai.add(Fault("malformed_json"))
    response = await audit(client)
    assert response.status == "completed"
    with pytest.raises(ValidationError):
        found(response)


async def test_truncated_json(client: sdk.AsyncOpenAI, openai: Control) -> None:
    openai.add(Fault("truncated_json"))
    response = await audit(client)
    assert (response.status, response.output[0].status) == ("incomplete", "incomplete")  # type: ignore[union-attr]
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"
    assert response.usage is not None
    with pytest.raises(ValidationError):
        found(response)


async def test_a_refusal(client: sdk.AsyncOpenAI, openai: Control) -> None:
    openai.add(Fault("refusal"))
    response = await audit(client)
    assert (response.status, response.output_text) == ("completed", "")
    assert response.output[0].content[0].type == "refusal"  # type: ignore[union-attr, index]


@pytest.mark.parametrize("length", [1, 1535, 3072])
async def test_vectors_of_the_wrong_length(client: sdk.AsyncOpenAI, openai: Control, length: int) -> None:
    openai.add(Fault("wrong_length", length=length))
    assert [len(each.embedding) for each in (await embed(client, "one", "two")).data] == [length, length]


async def test_a_citation_of_a_chunk_that_was_not_given(client: sdk.AsyncOpenAI, openai: Control) -> None:
    openai.add(Fault("invented_chunk"))
    cited = {each.chunk_id for finding in found(await audit(client)).findings for each in finding.citations}
    assert len(cited - {"c-1", "c-2"}) == 1


async def test_a_quote_that_is_not_in_its_chunk(client: sdk.AsyncOpenAI, openai: Control) -> None:
    openai.add(Fault("invented_quote"))
    citations = [each for finding in found(await audit(client)).findings for each in finding.citations]
    assert {each.chunk_id for each in citations} == {"c-1", "c-2"}
    assert [each.quote in EVIDENCE for each in citations] == [False, True]


async def test_a_fault_can_be_meant_for_one_text(client: sdk.AsyncOpenAI, openai: Control) -> None:
    openai.add(Fault("server_error", contains="poison", times=None))
    await embed(client, "harmless")
    for _ in range(2):
        with pytest.raises(sdk.InternalServerError):
            await embed(client, "harmless", "poison")
    assert [fault.contains for fault in openai.faults()] == ["poison"]


async def test_any_fault_can_be_late(client: sdk.AsyncOpenAI, openai: Control) -> None:
    openai.add(Fault("server_error", seconds=600))
    with pytest.raises(sdk.APITimeoutError):
        await embed(client.with_options(timeout=0.05), "one")


def test_every_fault_there_is_has_a_test() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f'Fault("{kind}"' not in text] == []


# What a connection takes.


@pytest.mark.parametrize("request_", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\ncontent-length: many\r\n\r\n", b"\xff\r\n\r\n"])
def test_what_is_no_http_is_answered_and_hung_up_on(openai: Control, request_: bytes) -> None:
    address = urlsplit(openai.base_url)
    with socket.create_connection((address.hostname, address.port), timeout=SECONDS) as connection:
        connection.sendall(request_)
        connection.shutdown(socket.SHUT_WR)
        assert connection.makefile("rb").read().startswith(b"HTTP/1.1 400 Bad Request")


def test_it_listens_on_the_loopback_interface_only(servers: Stack, openai: Control) -> None:
    pid = servers.status()["openai"]["pid"]
    port = urlsplit(openai.base_url).port
    lines = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    assert [line[1] for line in lines if line[3] == "0A" and line[1].endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]
