"""Two thousand runs with everything that goes wrong among them, and what must have become of each record."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from random import Random
from typing import Any

from streams.publish import Outgoing
from tests.support.runs import run_data, run_event

REJECTED = "garbage"


@dataclass(slots=True)
class Story:
    """Records in the order of publication, and what is true of them in the end.

    `records`: (Kafka key, value, what is expected of it alone: accepted, or the reason of its dead letter; None when
    that depends on its rival). `runs`: event id → data of an event that must complete a run of its own. `echoes`: event
    id → event id whose run it asks for again. `rivals`: pairs of event ids that ask for one run_id with two inputs.
    """

    topic: str
    records: list[tuple[bytes, bytes | None, str | None]] = field(default_factory=list)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    echoes: dict[str, str] = field(default_factory=dict)
    rivals: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)

    def outgoing(self) -> list[Outgoing]:
        return [Outgoing(self.topic, key, value) for key, value, _ in self.records]

    @property
    def completed(self) -> set[str]:
        """The events that must have a completion whatever the order; of two rivals one has one too."""
        return self.runs.keys() | self.echoes.keys()


def story(topic: str, seed: int, size: int = 2000) -> Story:
    """`size` runs, of which some come twice at once and some again much later, with conflicts and garbage between."""
    draw, told = Random(seed), Story(topic)
    later: defaultdict[int, list[tuple[bytes, bytes | None, str | None]]] = defaultdict(list)
    for number in range(size):
        event_id, data, key = f"e-{number}", run_data(draw), str(number).encode()
        value = run_event(event_id, data)
        told.runs[event_id] = data
        told.records.append((key, value, "accepted"))
        chance = draw.random()
        if chance < 0.05:
            told.records.append((key, value, "accepted"))  # a twin beside it
        elif chance < 0.10:
            told.records.append((key + b"!", value, "accepted"))  # a twin in another partition, perhaps
        elif chance < 0.15:
            later[number + size // 3].append((key + b"?", value, "accepted"))
        elif chance < 0.18:
            told.records.append((key, run_event(event_id, {**data, "reporting_currency": "EUR"}), "payload_conflict"))
        elif chance < 0.20:
            told.echoes[f"echo-{number}"] = event_id
            told.records.append((key + b"+", run_event(f"echo-{number}", data), "accepted"))
        elif chance < 0.22:
            rival = {**data, "reporting_currency": "EUR"}
            told.rivals[event_id] = (f"rival-{number}", rival)
            del told.runs[event_id]
            told.records[-1] = (key, value, None)
            told.records.append((key + b"-", run_event(f"rival-{number}", rival), None))
        elif chance < 0.24:
            told.records.append((key, b"{garbage" + draw.randbytes(8), "garbage"))
        elif chance < 0.25:
            told.records.append((key, None, "garbage"))
        elif chance < 0.27:
            told.records.append((key, run_event(f"bad-{number}", {**data, "measures": ["LUCK"]}), "invalid_data"))
        told.records += later.pop(number, [])
    for left in later.values():
        told.records += left
    return told
