"""One step for a batch of items, such that a bad one never takes its neighbours with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

import structlog

from events.failures import Failure, Kind, NotAsked
from handlers.flow import FlowSpec
from storage.faults import PASSING, fault_of
from streams.context import context
from streams.decisions import timed_out, unexpected
from streams.item import Item
from streams.outages import Outages

log = structlog.get_logger(__name__)

Step = Callable[[Sequence[Item]], Awaitable[Sequence[Any]]]
Turn = AbstractAsyncContextManager[None]

ANY_TIME: Turn = nullcontext()


def turns_of(spec: FlowSpec) -> Mapping[str, Turn]:
    """What a batch waits for before each step of its flow."""
    return {"load": ANY_TIME, "work": ANY_TIME if spec.at_once is None else asyncio.Semaphore(spec.at_once)}


async def attempt(
    step: Step, items: Sequence[Item], name: str, *, flow: str, timeout: float, outages: Outages, turn: Turn = ANY_TIME
) -> list[Any]:
    """What `step` gives for each item, or the Failure in its place. Its time begins when it has its `turn`.

    An outage is waited out and the step taken again. So is it, after a moment, where a server that may be there was not asked,
    and where others hold what it needs: a lock, all connections. Any other error of a batch has its items taken one by one;
    that of a single item is its failure.
    """
    held_up = 0
    while items:
        try:
            async with turn:
                return await _bounded(step, items, name, timeout)
        except Exception as error:  # noqa: BLE001 - a handler may raise anything; nothing of it is lost below
            if await outages.waited(error, flow, name):
                held_up = 0
                continue
            if isinstance(error, NotAsked) or fault_of(error) in PASSING:
                held_up += 1
                log.info("held_up", agent=flow, step=name, size=len(items), times=held_up, error=repr(error))
                await asyncio.sleep(outages.backoff.delay(held_up))
                continue
            if len(items) == 1:
                return [_failure(error, items[0], name, flow)]
            break
    alone = [await attempt(step, [each], name, flow=flow, timeout=timeout, outages=outages, turn=turn) for each in items]
    return [result for each in alone for result in each]


def give(items: Sequence[Item], results: Sequence[Any]) -> tuple[list[Item], list[Item]]:
    """Gives each item its result or failure; those with a result, and those without."""
    failed = list[Item]()
    for item, result in zip(items, results, strict=True):
        if isinstance(result, Failure):
            item.failure, item.result = result.to_keep(), None
            failed.append(item)
        else:
            item.result = result
    return [item for item in items if item.failure is None] if failed else list(items), failed


async def _bounded(step: Step, items: Sequence[Item], name: str, timeout: float) -> list[Any]:
    bound = asyncio.timeout(timeout)
    try:
        async with bound:
            results = list(await step(items))
    except TimeoutError:
        if bound.expired():
            raise timed_out(name, timeout) from None
        raise
    if len(results) != len(items):
        raise RuntimeError(f"{name} gave {len(results)} results for {len(items)} events")
    return results


def _failure(error: Exception, item: Item, name: str, flow: str) -> Failure:
    if isinstance(error, Failure):
        if error.kind is Kind.OUTAGE:
            log.warning("outage_of_one", step=name, **context(flow, item), error=str(error))
        return error
    log.error("unexpected_error", step=name, **context(flow, item), exc_info=error)
    return unexpected(error)
