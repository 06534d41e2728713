"""One real worker under the rig, its settings in the environment: `millrace worker` in everything but what its orders name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine

from millrace.settings import load
from millrace.worker import run
from tests.faults.rig import wrapping


@dataclass(frozen=True, slots=True)
class Orders:
    """What is odd about a worker; nothing by default.

    `kill` is a kill point and at which passage it strikes; `clock` how many seconds its wall clock is ahead;
    `short_waits` shortens terms that are no settings; `commits_early` makes it lie about what is durable, `counts_twice` about
    how many slices of a run have ended.
    """

    flows: tuple[str, ...] = ()
    kill: Sequence[Any] | None = None
    clock: float = 0.0
    short_waits: bool = True
    commits_early: bool = False
    counts_twice: bool = False


def run_worker(orders: Orders) -> int:
    """Runs until SIGTERM or its death; returns the exit code."""
    settings = load(None)
    if orders.short_waits:
        wrapping.shorten_waits()
    wrapping.die_of_poison()
    if orders.kill is not None:
        wrapping.install_kill_point(*orders.kill)
    if orders.commits_early:
        wrapping.commit_early()
    if orders.counts_twice:
        wrapping.count_twice()
    if not orders.clock:
        return run(settings, orders.flows)
    # The wall clock alone: what is measured with the monotonic one must not notice.
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=orders.clock), tick=True):
        return run(settings, orders.flows)
