"""The one pool of connections to Postgres, with the time limits that every session of Millrace has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

# An asyncpg.Connection; asyncpg ships no types.
Connection: TypeAlias = Any

TRANSACTION_TIMEOUT_SINCE = 17


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Bounds, in seconds, on what one session may hold, so that a stopped worker cannot block the others."""

    lock: float = 5.0
    transaction: float = 30.0
    idle_in_transaction: float = 10.0
    connect: float = 5.0
    command: float = 60.0


class Database:
    """A pool of asyncpg connections under a SQLAlchemy engine.

    Bulk work (COPY, unnest) takes the driver's own connection from `transaction()`; reads that are composed use
    `engine`. Nothing connects before the first use.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        limits: SessionLimits = SessionLimits(),
        application_name: str = "millrace",
    ) -> None:
        self.limits = limits
        self.engine: AsyncEngine = create_async_engine(
            make_url(url).set(drivername="postgresql+asyncpg"),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=limits.command,
            connect_args={
                "timeout": limits.connect,
                "command_timeout": limits.command,
                "server_settings": {
                    "application_name": application_name,
                    "lock_timeout": _milliseconds(limits.lock),
                    "idle_in_transaction_session_timeout": _milliseconds(limits.idle_in_transaction),
                },
            },
        )
        event.listen(self.engine.sync_engine, "connect", self._limit_transactions)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """The driver's connection outside any transaction: each statement commits on its own."""
        async with self.engine.connect() as pooled:
            driver = await _living(pooled)
            try:
                yield driver
            finally:
                if driver.is_closed():
                    await pooled.invalidate()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """The driver's connection inside one transaction: committed on leaving, rolled back on any exception."""
        async with self.connection() as driver:
            transaction = driver.transaction()
            await transaction.start()
            try:
                yield driver
            except BaseException:
                await _roll_back(driver, transaction)
                raise
            await transaction.commit()

    async def ping(self) -> None:
        """Raises what the driver raises when Postgres does not answer a trivial statement."""
        async with self.connection() as driver:
            await driver.fetchval("select 1", timeout=self.limits.connect)

    async def close(self) -> None:
        """Ends every connection of the pool."""
        await self.engine.dispose()

    def _limit_transactions(self, adapted: Any, _record: Any) -> None:
        # Not a start-up setting, because servers below 17 refuse a connection that names it.
        if adapted.driver_connection.get_server_version().major < TRANSACTION_TIMEOUT_SINCE:
            return
        statement = f"set transaction_timeout = {_milliseconds(self.limits.transaction)}"
        adapted.run_async(lambda driver: driver.execute(statement))


async def renew_time_limit(connection: Connection) -> None:
    """Lets a transaction that gets on have its whole time limit once more from here on.

    For work of unknown length in steps that are short: a worker that stops is still cut off within the limit.
    """
    if connection.get_server_version().major < TRANSACTION_TIMEOUT_SINCE:
        return
    limit = await connection.fetchval("show transaction_timeout")
    # Setting it anew starts the clock only where none is running.
    await connection.execute(f"set local transaction_timeout = 0; set local transaction_timeout = '{limit}'")


async def _living(pooled: AsyncConnection) -> Connection:
    # The pool cannot see a backend that died while its connection lay idle; the driver can.
    raw = await pooled.get_raw_connection()
    driver = raw.driver_connection
    if driver is None or driver.is_closed():
        await pooled.invalidate()
        driver = (await pooled.get_raw_connection()).driver_connection
    return driver


async def _roll_back(driver: Connection, transaction: Any) -> None:
    """Undoes what was done. Where the session is gone there is nothing to undo, and why it went matters more."""
    if driver.is_closed():
        return
    try:
        await transaction.rollback()
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        driver.terminate()


def _milliseconds(seconds: float) -> str:
    return str(int(seconds * 1000))
