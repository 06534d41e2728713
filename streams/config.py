"""The bounds and intervals of the engine, each with its default and unit."""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.decisions import RetryPolicy
from streams.limits import FailurePolicy
from streams.progress import ProgressPolicy
from streams.pruning import INBOX, RUN_HISTORY, Retention


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """What one lane may hold and how it waits. Times in seconds, sizes in bytes.

    `client_share` is the part of a lane's slots that one client holds at most while others wait. `patience` is how long a
    full lane lets Kafka's consumer wait before its partitions are paused; `linger`
    how long a group waits for what is still in hand; `drain` how long a rebalance or a shutdown waits for that.
    """

    queue_records: int = 20_000
    queue_bytes: int = 64 * 1024 * 1024
    decode_records: int = 1_000
    decode_bytes: int = 8 * 1024 * 1024
    group_records: int = 2_000
    group_bytes: int = 16 * 1024 * 1024
    linger: float = 0.002
    committers: int = 2
    client_share: float = 0.5
    patience: float = 5.0
    drain: float = 10.0
    failures: FailurePolicy = field(default_factory=FailurePolicy)


@dataclass(frozen=True, slots=True)
class ConsumerLimits:
    """What one consumer fetches, and when its group takes it for dead."""

    fetch_records: int = 2_000
    fetch_bytes: int = 1024 * 1024
    session_timeout: float = 30.0
    max_poll_interval: float = 300.0


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Everything that can be tuned in the engine.

    `claim`: seconds that an outbox row is its relay's own once it is renewed or taken over; a new row's claim is the
    table's default, as long. `lease`: seconds that work which is paid for is a worker's own, unless it renews that.
    """

    lane: LaneLimits = field(default_factory=LaneLimits)
    consumer: ConsumerLimits = field(default_factory=ConsumerLimits)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    progress: ProgressPolicy = field(default_factory=ProgressPolicy)
    inbox: Retention = INBOX
    history: Retention = RUN_HISTORY
    claim: float = 20.0
    lease: float = 30.0
    group_prefix: str = "millrace"
