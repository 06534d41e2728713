"""What is known of the account and of each model at its endpoint, and what follows for a call."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.llm.breaker import Breaker
from handlers.llm.errors import OUTAGES, CallError, Trouble
from handlers.llm.model import Target

# These are about whoever asks, whatever is asked.
ACCOUNT = frozenset({Trouble.QUOTA, Trouble.KEY})


class Routes:
    """A breaker for the account, and one for each target, so that a model that is away stops nobody who asks another.

    A target is suspect once a call to it has failed in a way that the list of models need not show. Pure: the caller says
    what time it is, in seconds of any clock that does not go back.
    """

    def __init__(self, failures: int, seconds: float) -> None:
        self.failures, self.seconds = failures, seconds
        self.account = Breaker(failures, seconds)
        self._targets: dict[Target, Breaker] = {}
        self._suspects: set[Target] = set()

    def breakers(self, target: Target) -> tuple[Breaker, Breaker]:
        """What must be closed for a call to be made: the target's own, and that of the account."""
        if target not in self._targets:
            self._targets[target] = Breaker(self.failures, self.seconds)
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
            return self.account.failed(error, now)
        if error.trouble not in OUTAGES:
            self.account.succeeded()
        return self.breakers(target)[0].failed(error, now)

    def succeeded(self, target: Target) -> None:
        """The target has answered, so the account is in order too."""
        self._suspects.discard(target)
        for breaker in self.breakers(target):
            breaker.succeeded()

    def unlisted(self, targets: Sequence[Target], error: CallError, now: float) -> bool:
        """Counts a list of models that was not to be had; whether that has opened a breaker."""
        if error.trouble in ACCOUNT:
            return self.account.failed(error, now)
        opened = [self.breakers(target)[0].failed(error, now) for target in targets or list(self._targets)]
        return any(opened)

    def listed(self) -> None:
        """Models are listed: the server is there for all that is not suspect."""
        self.account.succeeded()
        for target, breaker in self._targets.items():
            if target not in self._suspects:
                breaker.succeeded()
