"""Transactions that allot generations: two operators may want one for the same event at once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

from storage import generations
from storage.database import Connection, Database
from storage.faults import Fault, fault_of

T = TypeVar("T")

ATTEMPTS = 10


async def allotting(database: Database, decide: Callable[[Connection], Awaitable[T]], faults: Collection[Fault]) -> T:
    """What `decide` comes to in a transaction of its own, which has committed.

    It is entered again where a generation of the same event was allotted by another meanwhile, and after these faults. Raises
    what the database raises.
    """
    attempt = 0
    while True:
        attempt += 1
        try:
            async with database.transaction() as connection:
                return await decide(connection)
        except Exception as error:
            again = generations.is_taken(error) or fault_of(error) in faults
            if not again or attempt == ATTEMPTS:
                raise
            await asyncio.sleep(0.1 * attempt * random.random())  # noqa: S311 - no secret
