"""Every fault by name. A new one is a line here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from tests.faults.rig import faults_operators as operators
from tests.faults.rig import faults_others as others
from tests.faults.rig import faults_postgres as postgres
from tests.faults.rig import faults_runs as runs
from tests.faults.rig import faults_workers as workers
from tests.faults.rig.faults_workers import WorkerFault
from tests.faults.rig.world import World
from tests.faults.rig.wrapping import KILL_POINTS

ServerFault = Callable[[World], Awaitable[None]]

# Each takes the place of one worker.
WORKERS: Mapping[str, WorkerFault] = MappingProxyType(
    {f"kill_{point}": workers.killed_at(point) for point in KILL_POINTS}
    | {
        "kill_at_random": workers.killed_at_random,
        "sigterm": workers.terminated,
        "sigstop": workers.frozen,
        "clock_ahead": workers.an_hour_ahead,
        "clock_behind": workers.an_hour_behind,
        "rebalance_storm": workers.storm,
        "slow_handler": workers.slow_handler,
        "busy_processor": workers.busy,
    }
)

# Each is done to a server, or by an operator, whatever the workers are at.
SERVERS: Mapping[str, ServerFault] = MappingProxyType(
    {
        "redis_flushed": others.redis_flushed,
        "redis_killed": others.redis_killed,
        "redis_paused": others.redis_paused,
        "redis_refusing": others.redis_refusing,
        "redis_full": others.redis_full,
        "postgres_killed": postgres.postgres_killed,
        "postgres_sessions_terminated": postgres.backends_terminated,
        "postgres_connections_full": postgres.connections_full,
        "postgres_locked": postgres.table_locked,
        "postgres_deadlock": postgres.deadlock,
        "postgres_answers_lost": postgres.answers_lost,
        "kafka_killed": others.kafka_killed,
        "kafka_paused": others.kafka_paused,
        "kafka_more_partitions": others.more_partitions,
        "replay": operators.replayed,
    }
)

# Each is done to a large run, while its slices are priced.
RUNS: Mapping[str, ServerFault] = MappingProxyType(
    {
        "run_cancelled": runs.run_cancelled,
        "portfolio_changed": runs.portfolio_changed,
        "portfolio_cut": runs.portfolio_cut,
        "portfolio_removed": runs.portfolio_removed,
        "slices_replayed": operators.slices_replayed,
    }
)

EMBEDDINGS = {"endpoint": "embeddings"}

OPENAI: Mapping[str, ServerFault] = MappingProxyType(
    {
        "openai_rate_limit": others.openai(
            "a rate limit, without a word when to come back", {"kind": "rate_limit", "times": 2}
        ),
        "openai_retry_after": others.openai(
            "a rate limit with Retry-After", {"kind": "rate_limit", "times": 2, "retry_after": 1}
        ),
        "openai_errors": others.openai("errors 500 and 503", {"kind": "server_error"}, {"kind": "server_error", "status": 503}),
        "openai_drops": others.openai("connections that break", {"kind": "drop"}, {"kind": "drop", "share": 0.5}),
        "openai_late": others.openai("an answer after the time-out", EMBEDDINGS | {"kind": "slow", "seconds": 5}),
        "openai_malformed": others.openai("a body that is no JSON", EMBEDDINGS | {"kind": "malformed_body"}),
        "openai_wrong_length": others.openai("vectors of another length", EMBEDDINGS | {"kind": "wrong_length"}),
        "openai_no_quota": others.openai("no quota left", {"kind": "insufficient_quota", "times": 2}),
        "openai_killed": others.openai_killed,
    }
)

# Each takes all workers, for a minute or so: only alone.
LONELY: Mapping[str, WorkerFault] = MappingProxyType({"killing_event": workers.killing_event})

TOGETHER = (*WORKERS, *SERVERS, *RUNS, *OPENAI)
ALL = (*TOGETHER, *LONELY)
