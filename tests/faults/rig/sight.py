"""What is in the tables, read with plain SQL, and what the consumer groups have committed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from tests.faults.rig.manifest import GROUPS, Place

Row = dict[str, Any]

DURABLE_KEYS = """
select event_key, payload_sha256 from inbox where event_key = any($1::uuid[])
union all select event_key, payload_sha256 from retries where event_key = any($1::uuid[])
"""
DURABLE_PLACES = """
select topic, partition, "offset" from dead_letters
join unnest($1::text[], $2::int[], $3::bigint[]) as asked (topic, partition, "offset") using (topic, partition, "offset")
"""
RUNS = "select * from runs where run_id = any($1::uuid[])"
RUN_SLICES = "select * from run_slices where run_id = any($1::uuid[]) order by run_id, slice_no"
RUN_TOTALS = 'select run_id, group_values, measure, "values" from run_totals where run_id = any($1::uuid[])'
RESULTS = """
select run_id, generation, row_no, position_id, measure, bucket, "values", error, client_id from run_results
where run_id = any($1::uuid[]) order by run_id, row_no, measure, bucket
"""
DOCUMENTS = "select * from documents where document_id = any($1::uuid[])"
CHUNKS = """
select document_id, version, ordinal, client_id, start_char, end_char, content, vector_dims(embedding) as dimensions
from document_chunks where document_id = any($1::uuid[]) order by document_id, version, ordinal
"""
AUDITS = "select * from audits where audit_id = any($1::uuid[])"
FINDINGS = "select * from audit_findings where audit_id = any($1::uuid[]) order by audit_id, ordinal"
PAID_TWICE = """
select count(*) from (
    select from llm_calls where endpoint = 'responses' and outcome = 'answered'
    group by event_key, request_sha256 having count(*) > 1
) as twice
"""


# How long a busy machine may take for what is done in a millisecond; a server that is away says so at once.
PATIENCE = 60.0


class Sight:
    """Reads the database at `url` and the groups of `kafka`. Raises what asyncpg and aiokafka raise."""

    def __init__(self, url: str, kafka: str) -> None:
        self.url, self.kafka = url, kafka

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """A connection in one transaction that sees one moment; it does not wait for ever."""
        connection = await asyncpg.connect(
            self.url, timeout=PATIENCE, command_timeout=2 * PATIENCE, server_settings={"application_name": "rig"}
        )
        await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                yield connection
        finally:
            await connection.close(timeout=PATIENCE)

    async def rows(self, query: str, *arguments: Any) -> list[Row]:
        async with self.connection() as connection:
            return [dict(row) for row in await connection.fetch(query, *arguments)]

    async def value(self, query: str) -> Any:
        async with self.connection() as connection:
            return await connection.fetchval(query)

    async def durable(self, keys: Sequence[UUID], places: Sequence[Place]) -> tuple[set[tuple[UUID, bytes]], set[Place]]:
        """Which keys have an outcome or wait for a retry, with their payloads, and which places a letter, at one moment."""
        async with self.connection() as connection:
            found = {(row["event_key"], row["payload_sha256"]) for row in await connection.fetch(DURABLE_KEYS, list(keys))}
            columns = [list(column) for column in zip(*places, strict=True)] if places else [[], [], []]
            dead = {tuple(row) for row in await connection.fetch(DURABLE_PLACES, *columns)}
        return found, dead

    async def waiting(self) -> tuple[int, int]:
        """Rows of the outbox and of the retries."""
        async with self.connection() as connection:
            row = await connection.fetchrow("select (select count(*) from outbox), (select count(*) from retries)")
        return row[0], row[1]

    async def committed(self) -> dict[TopicPartition, int]:
        """What the groups of all flows have committed."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka, request_timeout_ms=20_000)
        found: dict[TopicPartition, int] = {}
        try:
            await admin.start()
            for flow in GROUPS:
                told = await admin.list_consumer_group_offsets(f"millrace.{flow}")
                found |= {each: offset.offset for each, offset in told.items()}
        finally:
            await admin.close()
        return found
