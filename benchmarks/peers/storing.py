"""What the peers share: rows stored by COPY, as Millrace stores its own, and the completion of an event."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import orjson
import psycopg

from benchmarks.work import ROW

COPY = f"copy readings ({', '.join(ROW)}) from stdin"


class Rows:
    """A connection that stores each batch of rows in a transaction of its own."""

    def __init__(self) -> None:
        self._connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)

    def store(self, rows: Iterable[tuple[str, str, float]]) -> None:
        """Returns when the rows are committed."""
        with self._connection.cursor() as cursor, cursor.copy(COPY) as copy:
            for row in rows:
                copy.write_row(row)


def row_of(event: dict[str, Any]) -> tuple[str, str, float]:
    """The row of an event: its id, its sensor, twice its value."""
    data = event["data"]
    return event["id"], data["sensor"], data["value"] * 2


def completion(row: tuple[str, str, float]) -> bytes:
    """What is published for a row."""
    return orjson.dumps({"id": row[0], "value": row[2]})
