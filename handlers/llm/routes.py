"""What is known of the account and of each model at its endpoint, and what follows for a call."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from handlers.llm.errors import OUTAGES, CallError, Trouble
from handlers.llm.model import Target
from storage.breaker import Breaker

# These are about whoever asks, whatever is asked.
ACCOUNT = frozenset({Trouble.QUOTA, Trouble.KEY})
# These say what the next call would hear, too.
AT_ONCE = ACCOUNT | {Trouble.FORBIDDEN, Trouble.MODEL}


class Routes:
    """A breaker for the account, and one for each target, so that a model that is away stops nobody who asks another.

    A target is suspect once a call to it has failed in a way that the list of models need not show. Workers that lost OpenAI
    together are not to look for it together: `draw` gives numbers from 0 to 1. Pure: the caller says what time it is, in
    seconds of any clock that does not go back.
    """

    def __init__(self, failures: int, seconds: float, draw: Callable[[], float] = random.random) -> None:
        self.failures, self.seconds, self.draw = failures, seconds, draw
        self.account = self._breaker()
        self._targets: dict[Target, Breaker[CallError]] = {}
        self._suspects: set[Target] = set()

    def breakers(self, target: Target) -> tuple[Breaker[CallError], Breaker[CallError]]:
        """What must be closed for a call to be made: the target's own, and that of the account."""
        if target not in self._targets:
            self._targets[target] = self._breaker()
        return self._targets[target], self.account

    def doubtful(self, targets: Sequence[Target]) -> list[Target]:
        """Those of the targets (or of all that were ever asked, where none is given) that only a call to them can clear."""
        chosen = list(targets or self._targets)
        return chosen if self.account.error is not None else [each for each in chosen if each in self._suspects]

    def failed(self, target: Target, error: CallError, now: float) -> bool:
        """Counts a call that failed; whether that has opened a breaker."""
        if error.trouble in OUTAGES and error.trouble is not Trouble.CONNECTION:
            self._suspects.add(target)
        if error.trouble in ACCOUNT:
            return _counted(self.account, error, now)
        if error.trouble not in OUTAGES:
            self.account.succeeded()
        return _counted(self.breakers(target)[0], error, now)

    def succeeded(self, target: Target) -> None:
        """The target has answered, so the account is in order too."""
        self._suspects.discard(target)
        for breaker in self.breakers(target):
            breaker.succeeded()

    def unlisted(self, targets: Sequence[Target], error: CallError, now: float) -> bool:
        """Counts a list of models that was not to be had; whether that has opened a breaker."""
        if error.trouble in ACCOUNT:
            return _counted(self.account, error, now)
        opened = [_counted(self.breakers(target)[0], error, now) for target in targets or list(self._targets)]
        return any(opened)

    def listed(self) -> None:
        """Models are listed: the server is there for all that is not suspect."""
        self.account.succeeded()
        for target, breaker in self._targets.items():
            if target not in self._suspects:
                breaker.succeeded()

    def _breaker(self) -> Breaker[CallError]:
        return Breaker(self.failures, lambda _failures: self.seconds * (0.5 + 0.5 * self.draw()))


def _counted(breaker: Breaker[CallError], error: CallError, now: float) -> bool:
    """Counts what a call has met; whether that has opened the breaker. A server that answers is there."""
    if error.trouble in OUTAGES:
        return breaker.failed(error, now, at_once=error.trouble in AT_ONCE)
    breaker.succeeded()
    return False
