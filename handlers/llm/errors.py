"""What can go wrong with one call, and what follows from it.

trouble     again at once            in the end
connection  yes                      Outage openai_away
server      yes                      Outage openai_away
timeout     no: it may be paid for   Outage openai_away
quota       no                       Outage openai_quota
key         no                       Outage openai_refuses_key
forbidden   no                       Outage openai_refuses_key
model       no                       Outage openai_lacks_model
rate_limit  yes, after Retry-After   Transient rate_limited
malformed   yes                      Transient malformed_answer
request     no                       Permanent model_refused

Whether an Outage is one, a probe decides. A call that was not made, because the last ones failed, is an Outage of the kind
NotAsked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus

from events.failures import Failure, MillraceError, NotAsked, Outage, Permanent, Transient
from handlers.llm.config import LlmConfig

# Source: OpenAI's guide to error codes; each is a 429 that does not pass by waiting.
OUT_OF_QUOTA = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
# A model may be unknown, or unknown to this account, under several statuses.
NO_MODEL = "model_not_found"


class Trouble(StrEnum):
    """How a call failed."""

    CONNECTION = "connection"
    TIMEOUT = "timeout"
    SERVER = "server"
    QUOTA = "quota"
    KEY = "key"
    FORBIDDEN = "forbidden"
    MODEL = "model"
    RATE_LIMIT = "rate_limit"
    MALFORMED = "malformed"
    REQUEST = "request"


REPEATED = frozenset({Trouble.CONNECTION, Trouble.SERVER, Trouble.RATE_LIMIT, Trouble.MALFORMED})
OUTAGES = {
    Trouble.CONNECTION: "openai_away",
    Trouble.SERVER: "openai_away",
    Trouble.TIMEOUT: "openai_away",
    Trouble.QUOTA: "openai_quota",
    Trouble.KEY: "openai_refuses_key",
    Trouble.FORBIDDEN: "openai_refuses_key",
    Trouble.MODEL: "openai_lacks_model",
}


class CallError(MillraceError):
    """One call that came to nothing; `after` seconds it may be tried again, as far as the server says.

    `message` is ours and may be told to anybody; `told` is the server's own text, which may name the account: for the log.
    """

    def __init__(self, trouble: Trouble, message: str, after: float | None = None, told: str | None = None) -> None:
        super().__init__(trouble, message, after, told)
        self.trouble, self.message, self.after, self.told = trouble, message, after, told

    def __str__(self) -> str:
        return f"{self.trouble}: {self.message}"


class NotAskedError(CallError):
    """A call that was not made, because the last ones found no server."""


def trouble_of(status: int, code: str | None) -> Trouble:
    """What an HTTP status other than success means, with the code of OpenAI's error."""
    if status == HTTPStatus.UNAUTHORIZED:
        return Trouble.KEY
    if status == HTTPStatus.NOT_FOUND or code == NO_MODEL:
        return Trouble.MODEL
    if status == HTTPStatus.FORBIDDEN:
        return Trouble.FORBIDDEN
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Trouble.QUOTA if code in OUT_OF_QUOTA else Trouble.RATE_LIMIT
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT}:
        return Trouble.SERVER
    return Trouble.REQUEST


def told_wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that a server asks to wait: `retry-after-ms`, else `retry-after` in seconds or as a date."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) / unit
        except (KeyError, ValueError):
            continue
        if math.isfinite(seconds):
            return max(0.0, seconds)
    try:
        return max(0.0, (parsedate_to_datetime(headers["retry-after"]) - now).total_seconds())
    except (KeyError, ValueError, TypeError):
        return None


def wait_before_next(error: CallError, attempt: int, config: LlmConfig, draw: Callable[[], float]) -> float | None:
    """Seconds until another try after the `attempt`-th (from 1) has failed; None: no other one follows.

    `draw` gives numbers from 0 to 1: calls that failed together are not to come again together.
    """
    told = error.after or 0.0
    hopeless = error.trouble not in REPEATED or isinstance(error, NotAskedError)
    if hopeless or attempt >= config.tries or told > config.longest_wait:
        return None
    if error.trouble is Trouble.MALFORMED:
        return 0.0
    own = min(config.longest_wait, config.first_wait * 2.0 ** (attempt - 1))
    return told + own * (0.5 + 0.5 * draw())


def failure_of(error: CallError) -> Failure:
    """What a call that is not tried again means for its event."""
    if isinstance(error, NotAskedError):
        return NotAsked(OUTAGES[error.trouble], error.message)
    if error.trouble in OUTAGES:
        return Outage(OUTAGES[error.trouble], error.message)
    if error.trouble is Trouble.RATE_LIMIT:
        return Transient("rate_limited", error.message, after=error.after or 0.0)
    if error.trouble is Trouble.MALFORMED:
        return Transient("malformed_answer", error.message)
    return Permanent("model_refused", error.message)
