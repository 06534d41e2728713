"""The envelope of every event: CloudEvents 1.0 in structured JSON, with Millrace's extension attributes."""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from events.text import ClientId, Identifier, Timestamp

MAX_GENERATION = 2**31 - 1

D = TypeVar("D")


def _absent_is_zero(value: Any) -> Any:
    return 0 if value is None else value


class Envelope(BaseModel, Generic[D]):
    """What is said about `data`; unknown attributes are ignored, and null counts as absent (as CloudEvents has it).

    `traceparent` is carried on as received: a malformed one is no reason to refuse an event.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    specversion: Literal["1.0"] | None = "1.0"
    id: Annotated[Identifier, Field(description="Unique within source: one id, one event")]
    source: Annotated[Identifier, Field(description="Who says it, as a URI reference")]
    type: Identifier
    subject: Annotated[Identifier | None, Field(description="The run, document or audit")] = None
    time: Timestamp | None = None
    datacontenttype: Identifier | None = "application/json"
    clientid: Annotated[ClientId, Field(description="The tenant")]
    traceparent: Identifier | None = None
    correlationid: Identifier | None = None
    causationid: Annotated[Identifier | None, Field(description="The id of the event that this one answers")] = None
    generation: Annotated[
        int, BeforeValidator(_absent_is_zero), Field(ge=0, le=MAX_GENERATION, description="Above 0: a replay")
    ] = 0
    replayid: Annotated[Identifier | None, Field(description="The replay that was allotted the generation")] = None
    data: D
