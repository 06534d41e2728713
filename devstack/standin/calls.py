"""What the stand-in was asked, counted: by whom does not matter, for what and how often does."""

from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any

KEPT = 5_000


@dataclass(slots=True)
class Call:
    """One call of an endpoint. Its inputs appear as their SHA-256 only."""

    number: int
    endpoint: str
    model: str
    inputs: list[str]
    """SHA-256 in hex: of each text for embeddings, of all text together for responses."""
    fault: str | None = None
    status: int | None = None
    """The HTTP status; None while the call is under way."""
    answered: bool = False
    """Whether the answer went out whole to a client that was still there."""


@dataclass(slots=True)
class CallLog:
    """The newest calls, and how many there were of all."""

    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=KEPT))
    received: dict[str, int] = field(default_factory=dict)
    answered: dict[str, int] = field(default_factory=dict)

    def begin(self, endpoint: str, model: str, inputs: list[str]) -> Call:
        """Note a call as it comes in."""
        call = Call(sum(self.received.values()) + 1, endpoint, model, inputs)
        self.received[endpoint] = self.received.get(endpoint, 0) + 1
        self.calls.append(call)
        return call

    def sent(self, call: Call) -> None:
        """Note that its answer, which is no error, went out."""
        call.answered = True
        self.answered[call.endpoint] = self.answered.get(call.endpoint, 0) + 1

    def told(self) -> dict[str, Any]:
        """All of this as JSON; of the calls the newest 5,000."""
        return {"received": self.received, "answered": self.answered, "calls": [asdict(call) for call in self.calls]}
