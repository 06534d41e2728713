"""The ledger of what OpenAI was asked and what it cost: one row for each answer, stored as soon as it is there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from storage.database import Connection
from storage.embeddings import PaidVector, keep_vectors


class LlmCall(NamedTuple):
    """One answer, in the order of the columns; the database adds when it was stored.

    `endpoint` is embeddings or responses, `outcome` answered, refused, truncated or malformed. `answer` is the text of
    the answer or of the refusal, None for vectors. `input_tokens` include `cached_tokens`.
    """

    call_id: UUID
    client_id: str
    flow: str
    event_key: UUID | None
    endpoint: str
    provider: str
    model: str
    answered_model: str | None
    request_sha256: bytes
    outcome: str
    answer: str | None
    answer_sha256: bytes
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_usd: Decimal
    latency_ms: int
    provider_request_id: str | None


class Spent(NamedTuple):
    """What the calls of one event came to, reused answers counted once."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal


class SpentAsking(NamedTuple):
    """What the answers to questions came to for one event, in US dollars.

    `answered` is the request whose answer is worth using again, newest first, None without one; `usd_before` is what had
    been spent when that was first asked.
    """

    usd: Decimal
    answered: bytes | None
    usd_before: Decimal


FIELDS = ", ".join(LlmCall._fields)
PLACES = ", ".join(f"${place}" for place in range(1, len(LlmCall._fields) + 1))

# Uses pk_llm_calls.
RECORD = f"insert into llm_calls ({FIELDS}) values ({PLACES}) on conflict (call_id) do nothing returning call_id"  # noqa: S608

# Uses ix_llm_calls_event_key_request_sha256.
ANSWERED = f"""
select {FIELDS} from llm_calls
where event_key = $1 and request_sha256 = $2 and outcome in ('answered', 'refused', 'truncated')
order by called_at desc, call_id desc limit 1
"""  # noqa: S608 - FIELDS is a constant

# Uses ix_llm_calls_event_key_request_sha256.
SPENT = """
select event_key, count(*), sum(input_tokens), sum(output_tokens), sum(cost_usd)
from llm_calls where event_key = any($1::uuid[]) group by event_key
"""


# Uses ix_llm_calls_event_key_request_sha256.
SPENT_ASKING = """
with calls as materialized (
    select * from llm_calls where event_key = $1 and endpoint = 'responses'
), answer as (
    select request_sha256 from calls where outcome in ('answered', 'refused', 'truncated')
    order by called_at desc, call_id desc limit 1
), asked as (
    select min(called_at) as first_at from calls join answer using (request_sha256)
)
select coalesce(sum(cost_usd), 0), (select request_sha256 from answer),
    coalesce(sum(cost_usd) filter (where called_at < (select first_at from asked)), 0)
from calls
"""


async def record(connection: Connection, call: LlmCall, vectors: Sequence[PaidVector] = ()) -> None:
    """Stores an answer, and the vectors that it brought, in one transaction; does nothing when the call is stored."""
    async with connection.transaction():
        if await connection.fetchval(RECORD, *call) is not None:
            await keep_vectors(connection, vectors)


async def answered(connection: Connection, event_key: UUID, request_sha256: bytes) -> LlmCall | None:
    """The newest answer to this request on behalf of this event that is worth using again, be it a refusal."""
    row = await connection.fetchrow(ANSWERED, event_key, request_sha256)
    return None if row is None else LlmCall(*row)


async def spent(connection: Connection, event_keys: Collection[UUID]) -> dict[UUID, Spent]:
    """What was spent on behalf of each of the events; those that made no call are left out."""
    rows = await connection.fetch(SPENT, list(event_keys))
    return {event_key: Spent(*figures) for event_key, *figures in rows}


async def spent_asking(connection: Connection, event_key: UUID) -> SpentAsking:
    """What the questions of one event have cost so far, vectors apart."""
    [row] = await connection.fetch(SPENT_ASKING, event_key)
    return SpentAsking(*row)
