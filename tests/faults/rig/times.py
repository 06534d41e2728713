"""How long faults last: seconds in the short form, so that all of them fit into minutes; the real durations in the long one."""

from __future__ import annotations

from dataclasses import dataclass

from tests.faults.rig.portfolios import SLICE_CELLS


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds. `session` is Kafka's session time-out of the workers, `stopped` longer than that; `group` is in records.

    `between` is from the end of a fault to the next in its line. A kill stops the whole group for `session`, so with two lines
    of kills anything much shorter than twice that leaves no time in which anybody works. `behind`: how much the workers may
    have before them, in seconds of what comes in; beyond that nothing is published, or a slow machine would never be done.
    `run`: how long a large run may take, all that lies before it included.
    """

    redis_paused: float = 30.0
    redis_refusing: float = 15.0
    redis_full: float = 10.0
    postgres_down: float = 2.0
    postgres_locked: float = 20.0
    postgres_crowded: float = 15.0
    kafka_down: float = 3.0
    kafka_paused: float = 30.0
    session: float = 10.0
    stopped: float = 15.0
    storm: float = 20.0
    slow_answer: float = 13.0
    between: float = 20.0
    behind: float = 120.0
    run: float = 900.0
    group: int = 200
    short_waits: bool = False

    def settings(self) -> dict[str, str]:
        """The settings of all workers: small groups and steps, so that a fault lands between them, and short terms."""
        return {
            "ENVIRONMENT": "test",
            "TOPIC_PARTITIONS": "4",
            "SESSION_TIMEOUT_SECONDS": f"{self.session:g}",
            "MAX_POLL_INTERVAL_SECONDS": "10",
            "DRAIN_SECONDS": "3",
            "SHUTDOWN_SECONDS": "15",
            "PATIENCE_SECONDS": "1",
            "LEASE_SECONDS": "3",
            "RETRY_ATTEMPTS": "25",
            "RETRY_BASE_SECONDS": "0.1",
            "RETRY_CAP_SECONDS": "1",
            "EMBEDDING_TIMEOUT_SECONDS": "4",
            "AUDIT_TIMEOUT_SECONDS": "16",
            "FETCH_RECORDS": f"{4 * self.group}",
            "DECODE_RECORDS": f"{self.group}",
            "GROUP_RECORDS": f"{self.group}",
            "PARSER_PROCESSES": "1",
            "RUN_SLICE_CELLS": f"{SLICE_CELLS}",
        }


LONG = Times()
SHORT = Times(
    redis_paused=2.5,
    redis_refusing=2.0,
    redis_full=2.0,
    postgres_down=0.5,
    postgres_locked=6.0,
    postgres_crowded=2.0,
    kafka_down=0.5,
    kafka_paused=4.0,
    session=6.0,
    stopped=8.0,
    storm=6.0,
    between=0.5,
    behind=10.0,
    run=600.0,
    group=25,
    short_waits=True,
)
