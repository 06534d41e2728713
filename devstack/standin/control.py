"""How a test speaks to the stand-in about faults and calls. All of it blocks, for a millisecond or so."""

import json
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from devstack.standin.calls import Call
from devstack.standin.faults import Fault

# Long enough for a busy machine.
SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls by endpoint (`embeddings`, `responses`, `models`): how many came in, how many were answered; the newest."""

    received: dict[str, int]
    answered: dict[str, int]
    calls: list[Call]


class Control:
    """The control endpoints of the stand-in at `base_url`, the value of OPENAI_BASE_URL."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url

    def add(self, *faults: Fault) -> None:
        """Let faults happen, after those that are still to happen. Raises ValueError if the stand-in does not take them."""
        self._ask("POST", "/control/faults", {"faults": [asdict(fault) for fault in faults]})

    def faults(self) -> list[Fault]:
        """What has not happened as often as it shall."""
        return [Fault(**fault) for fault in self._ask("GET", "/control/faults")["faults"]]

    def calls(self) -> Calls:
        """What came in since the start or the last reset."""
        told = self._ask("GET", "/control/calls")
        return Calls(told["received"], told["answered"], [Call(**call) for call in told["calls"]])

    def reset(self) -> None:
        """Take all faults back and forget all calls."""
        self._ask("POST", "/control/reset")

    def _ask(self, method: str, path: str, content: Any = None) -> Any:
        connection = HTTPConnection(urlsplit(self.base_url).netloc, timeout=SECONDS)
        try:
            connection.request(method, path, body=None if content is None else json.dumps(content))
            response = connection.getresponse()
            told = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise ValueError(told["error"]["message"])
        return told
