"""Totals of runs by group: few rows, which come with those of values or with the end of the last slice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from storage.database import Connection


class TotalRow(NamedTuple):
    """One measure of one group, in the order of the columns that COPY writes; see the model."""

    run_id: UUID
    generation: int
    client_id: str
    group_values: Sequence[str]
    measure: str
    values: Sequence[float | None]


async def copy_totals(connection: Connection, rows: Sequence[TotalRow]) -> None:
    """Writes the totals of groups, if there are any."""
    if rows:
        await connection.copy_records_to_table("run_totals", records=rows, columns=TotalRow._fields)
