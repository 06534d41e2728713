"""A flow is one kind of work. Flows differ only in their row of FLOWS and in their `load`, `work` and `save`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from events.event import Event
from events.failures import Conflict, Waiting
from events.model import Data
from events.run import RunRequested
from events.slices import RunCancelRequested
from events.topics import models_of
from handlers.answer import Answer
from handlers.by_type import ByType
from handlers.resources import Resources
from storage.database import Connection

if TYPE_CHECKING:
    from handlers.llm.model import Target


class Flow(Protocol):
    """Three steps, each for a batch of events; the sequences they return match the one they are given.

    An event that fails has its Failure in the place of its value; an exception concerns the whole batch, which is then
    taken event by event. `load` and `work` may run again for the same event, and for an event whose outcome exists.
    """

    async def load(self, events: Sequence[Event]) -> Sequence[Any]:
        """What each event's work needs: short reads, no connection held afterwards."""
        ...

    async def work(self, events: Sequence[Event], loaded: Sequence[Any]) -> Sequence[Any]:
        """The result of each event. No connection, transaction or lock is held meanwhile."""
        ...

    async def save(
        self, connection: Connection, events: Sequence[Event], results: Sequence[Any]
    ) -> Sequence[Answer | Conflict | Waiting]:
        """Stores results (or Failures) in the transaction of their inbox rows, and answers each event.

        An event whose natural key is taken is answered from what is stored, is a Conflict when that has another
        input, or Waiting while that is not finished; either undoes the transaction, and the others are saved again without
        that event.
        """
        ...


@dataclass(frozen=True, slots=True)
class FlowSpec:
    """The row of one flow.

    `key` gives the Kafka key of the completion from an event's data. `requests_topic` and `requests_type` are those of the
    events by which the flow hands on work, if it does. `batch` events are worked on together by one of
    `hands` tasks, within `timeout` seconds for each of load and work; one that is `heavy`, because its input or its
    result may be large, is worked on alone. Of the hands `at_once` work at a time, if it is given, because work takes much
    memory; the others have loaded, and wait for their turn, which is no part of their time. `needs` names the servers
    without which its load or work waits; `asks`, if OpenAI is one of them, the models without which they do. Work that is
    `costly` is paid for, so it begins only under a lease and after a look into the inbox.
    """

    name: str
    topic: str
    models: Mapping[str, type[Data]]
    completed_topic: str
    completed_type: str
    key: Callable[[Any], str]
    batch: int
    hands: int
    timeout: float
    build: Callable[[Resources], Flow]
    heavy: Callable[[Any], bool] = lambda _data: False
    needs: tuple[str, ...] = ("database", "objects")
    asks: Callable[[Resources], Sequence[Target]] = lambda _resources: ()
    costly: bool = False
    at_once: int | None = None
    requests_topic: str | None = None
    requests_type: str = ""

    @property
    def topics(self) -> tuple[str, ...]:
        """Every topic that the flow reads or publishes to, but for that of its dead letters."""
        return (self.topic, self.completed_topic, *((self.requests_topic,) if self.requests_topic else ()))


# What a flow is made of is imported when it is built: naming the flows should not cost the import of SciPy or OpenAI's SDK.


def _runs(resources: Resources) -> Flow:
    from handlers.price.cancelling import CancelFlow
    from handlers.price.flow import RunsFlow

    return ByType({RunRequested: RunsFlow(resources), RunCancelRequested: CancelFlow(resources)})


def _slices(resources: Resources) -> Flow:
    from handlers.price.slices import SlicesFlow

    return SlicesFlow(resources)


def _documents(resources: Resources) -> Flow:
    from handlers.embed.flow import DocumentsFlow

    return DocumentsFlow(resources)


def _audits(resources: Resources) -> Flow:
    from handlers.audit.flow import AuditsFlow

    return AuditsFlow(resources)


def _is_heavy_run(run: Any) -> bool:
    from handlers.price.flow import is_heavy

    return isinstance(run, RunRequested) and is_heavy(run)


def _embedder(resources: Resources) -> Target:
    return "embeddings", resources.documents.embedding_model


FLOWS: tuple[FlowSpec, ...] = (
    FlowSpec(
        name="runs",
        topic="runs.requested",
        models=models_of("runs"),
        completed_topic="runs.completed",
        completed_type="run.completed.v1",
        key=lambda data: str(data.run_id),
        batch=32,
        hands=2,
        timeout=300.0,
        build=_runs,
        heavy=_is_heavy_run,
        requests_topic="runs.slices",
        requests_type="run.slice.requested.v1",
    ),
    FlowSpec(
        name="slices",
        topic="runs.slices",
        models=models_of("slices"),
        completed_topic="runs.completed",
        completed_type="run.completed.v1",
        key=lambda data: str(data.run_id),
        batch=1,
        hands=2,
        timeout=300.0,
        build=_slices,
        at_once=1,
    ),
    FlowSpec(
        name="documents",
        topic="documents.uploaded",
        models=models_of("documents"),
        completed_topic="documents.completed",
        completed_type="document.completed.v1",
        key=lambda data: str(data.document_id),
        batch=1,
        hands=8,
        timeout=900.0,
        build=_documents,
        needs=("database", "objects", "openai"),
        asks=lambda resources: [_embedder(resources)],
        costly=True,
    ),
    FlowSpec(
        name="audits",
        topic="audits.created",
        models=models_of("audits"),
        completed_topic="audits.completed",
        completed_type="audit.completed.v1",
        key=lambda data: str(data.audit_id),
        batch=1,
        hands=8,
        timeout=900.0,
        build=_audits,
        needs=("database", "openai"),
        asks=lambda resources: [("responses", resources.audits.model), _embedder(resources)],
        costly=True,
    ),
)
