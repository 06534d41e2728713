"""A lane stands still while anything has a reason for that."""

from __future__ import annotations

import asyncio

from streams.gate import Gate


async def test_it_opens_when_the_last_reason_is_taken_back() -> None:
    gate = Gate()
    gate.shut("database", "waiting: no answer")
    gate.shut("failures", "stopped: 50 in a row")
    waiting = asyncio.create_task(gate.wait_until_open())
    gate.open("database")
    await asyncio.sleep(0)
    assert not waiting.done()
    assert gate.reasons == {"failures": "stopped: 50 in a row"}
    gate.open("failures")
    await waiting
    assert gate.is_open


async def test_a_reason_can_be_taken_back_that_nobody_gave() -> None:
    gate = Gate()
    gate.open("database")
    assert gate.is_open


async def test_whoever_waits_until_it_is_shut_hears_of_the_first_reason() -> None:
    gate = Gate()
    waiting = asyncio.create_task(gate.wait_until_shut())
    await asyncio.sleep(0)
    gate.shut("database", "waiting: no answer")
    await waiting
