"""Two thousand runs with everything that goes wrong among them, and what must have become of each record."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from streams.publish import Outgoing
from tests.support.runs import run_data, run_event

# Kafka key, value, and what becomes of the record: ACCEPTED, or the reason of its dead letter; None: its rival decides.
Record = tuple[bytes, bytes | None, str | None]
ACCEPTED = "accepted"


@dataclass(slots=True)
class Story:
    """Records in the order of publication, and what is true of them in the end.

    `runs`: event id → data of an event that must complete a run of its own. `echoes`: event id → event id whose run it
    asks for again. `rivals`: event id → a rival's event id, and the inputs with which the two ask for one run.
    """

    topic: str
    records: list[Record] = field(default_factory=list)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    echoes: dict[str, str] = field(default_factory=dict)
    rivals: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = field(default_factory=dict)

    def outgoing(self) -> list[Outgoing]:
        return [Outgoing(self.topic, key, value) for key, value, _ in self.records]

    @property
    def completed(self) -> set[str]:
        """The events that must have a completion whatever the order; of two rivals one has one too."""
        return self.runs.keys() | self.echoes.keys()


def story(topic: str, seed: int, size: int = 2000) -> Story:
    """`size` runs, of which some come twice at once and some again much later, with conflicts and garbage between."""
    draw, told = Random(seed), Story(topic)
    later: dict[int, Record] = {}
    for number in range(size):
        key, event_id, data = str(number).encode(), f"e-{number}", run_data(draw)
        value = run_event(event_id, data)
        told.runs[event_id] = data
        told.records.append((key, value, ACCEPTED))
        chance = draw.random()
        if chance < 0.05:
            later[number + size // 3] = (key + b"?", value, ACCEPTED)
        elif chance < 0.10:
            told.records.append((draw.choice([key, key + b"!"]), value, ACCEPTED))
        elif chance < 0.12:
            _echo(told, key, number, data)
        elif chance < 0.14:
            _rival(told, key, number, data)
        elif chance < 0.20:
            told.records.append((key, *_bad(draw, number, data)))
        if number in later:
            told.records.append(later.pop(number))
    told.records += later.values()
    return told


def _echo(told: Story, key: bytes, number: int, data: dict[str, Any]) -> None:
    """Another event that asks for the same run with the same input."""
    told.echoes[f"echo-{number}"] = f"e-{number}"
    told.records.append((key + b"+", run_event(f"echo-{number}", data), ACCEPTED))


def _rival(told: Story, key: bytes, number: int, data: dict[str, Any]) -> None:
    """Another event that asks for the same run with another input: one of the two will have it."""
    rival = {**data, "reporting_currency": "EUR"}
    told.rivals[f"e-{number}"] = (f"rival-{number}", told.runs.pop(f"e-{number}"), rival)
    told.records[-1] = (*told.records[-1][:2], None)
    told.records.append((key + b"-", run_event(f"rival-{number}", rival), None))


def _bad(draw: Random, number: int, data: dict[str, Any]) -> tuple[bytes | None, str]:
    """A record that must be rejected, and the reason."""
    return draw.choice(
        [
            (b"{garbage" + draw.randbytes(8), "garbage"),
            (None, "garbage"),
            (run_event(f"bad-{number}", {**data, "measures": ["LUCK"]}), "invalid_data"),
            (run_event(f"e-{number}", {**data, "reporting_currency": "EUR"}), "payload_conflict"),
        ]
    )
