"""What a flow says of an event once its results are stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from events.failures import Failure


@dataclass(slots=True)
class Answer:
    """The data of the event's completion; `failure` when that is a failed one."""

    data: Mapping[str, Any]
    failure: Failure | None = None
