"""What a flow says of an event once its results are stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from events.build import Asker
from events.failures import Failure


@dataclass(frozen=True, slots=True)
class Request:
    """A part of an event's work that is handed on: the data of the event that asks for it, and its Kafka key.

    `part` tells the parts of one event apart.
    """

    key: str
    part: str
    data: Mapping[str, Any]


@dataclass(slots=True)
class Answer:
    """The data of the event's completion; `failure` when the event failed.

    Without data there is no completion: either `requests` hand on the event's work, or the event is such a request, and
    not the one with which all of the work is done. `to` tells whom the completion answers, None being the event itself: a
    completion of work that was handed on answers the event that it was begun for. `also` are further completions,
    of other data.
    """

    data: Mapping[str, Any] | None
    failure: Failure | None = None
    to: Sequence[Asker | None] = (None,)
    requests: Sequence[Request] = ()
    also: Sequence[Answer] = ()
