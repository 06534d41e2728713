"""Faults that a test asks for: what goes wrong, for which calls, and how often."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Any

ANYWHERE = frozenset({"embeddings", "responses", "models"})
EMBEDDINGS = frozenset({"embeddings"})
RESPONSES = frozenset({"responses"})

KINDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "rate_limit": ANYWHERE,
        "insufficient_quota": ANYWHERE,
        "server_error": ANYWHERE,
        "slow": ANYWHERE,
        "drop": ANYWHERE,
        "malformed_body": ANYWHERE,
        "wrong_length": EMBEDDINGS,
        "malformed_json": RESPONSES,
        "truncated_json": RESPONSES,
        "refusal": RESPONSES,
        "invented_chunk": RESPONSES,
        "invented_quote": RESPONSES,
    }
)
"""Each kind of fault, and the endpoints where it can happen."""


@dataclass(slots=True)
class Fault:
    """One fault, waiting for calls that it strikes.

    It strikes `times` calls (None: until it is taken back), after `skip` others, of those that match: at `endpoint`, for
    `model`, with the text `contains` somewhere in their inputs; None matches all.

    rate_limit          429; `retry_after` seconds are told in Retry-After, None: they are not
    insufficient_quota  429, of the kind that does not pass
    server_error        `status`, 500 to 599
    slow                the answer comes after `seconds`; any other fault can be late as well
    drop                the connection breaks once `share` of the answer is out: 0, a reset before the first byte
    malformed_body      the HTTP body is no JSON
    wrong_length        vectors have `length` dimensions
    malformed_json      the model's text is no JSON, though status is completed
    truncated_json      the model's text ends half-way, status is incomplete, the reason max_output_tokens
    refusal             the model declines, status is completed
    invented_chunk      the first citation names a chunk that was not given
    invented_quote      the first citation quotes what its chunk does not say
    """

    kind: str
    endpoint: str | None = None
    model: str | None = None
    contains: str | None = None
    times: int | None = 1
    skip: int = 0
    seconds: float = 0.0
    retry_after: float | None = None
    status: int = 500
    share: float = 0.0
    length: int = 1535

    def __post_init__(self) -> None:
        """Raises ValueError for a fault that could never be what was meant."""
        if self.kind not in KINDS:
            raise ValueError(f"There is no fault {self.kind!r}, only {', '.join(KINDS)}.")
        if self.endpoint is not None and self.endpoint not in KINDS[self.kind]:
            raise ValueError(
                f"{self.kind} does not happen at {self.endpoint!r}, only at {', '.join(sorted(KINDS[self.kind]))}."
            )
        if not 500 <= self.status <= 599 or not 0 <= self.share < 1 or self.length < 1 or self.skip < 0:
            raise ValueError("A status is 500 to 599, a share 0 to less than 1, a length 1 or more, a skip 0 or more.")
        if self.times is not None and self.times < 1:
            raise ValueError("A fault strikes once at least.")

    def strikes(self, endpoint: str, model: str, text: str) -> bool:
        """Whether a call is one of those that it is meant for."""
        return (
            endpoint in KINDS[self.kind]
            and self.endpoint in {None, endpoint}
            and self.model in {None, model}
            and (self.contains is None or self.contains in text)
        )


class FaultQueue:
    """The faults that were asked for, in that order."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, orders: list[dict[str, Any]]) -> None:
        """Take all or none. Raises ValueError for a field or value that there is not."""
        known = {each.name for each in fields(Fault)}
        for unknown in {name for order in orders for name in order} - known:
            raise ValueError(f"A fault has no {unknown!r}, only {', '.join(sorted(known))}.")
        if not all("kind" in order for order in orders):
            raise ValueError("A fault has a kind.")
        self._faults += [Fault(**order) for order in orders]

    def take(self, endpoint: str, model: str, text: str) -> Fault | None:
        """The first fault that this call is due for; counted as having struck."""
        for fault in self._faults:
            if not fault.strikes(endpoint, model, text):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
            self._faults = [each for each in self._faults if each.times != 0]
            return fault
        return None

    def left(self) -> list[dict[str, Any]]:
        """The faults that have not struck as often as they shall."""
        return [asdict(fault) for fault in self._faults]

    def clear(self) -> None:
        """Take all faults back."""
        self._faults = []
