"""What the engine keeps for itself: inbox, outbox, retries, dead letters. Before them: pgvector and uuidv7()."""

from __future__ import annotations

from alembic import op

revision = "5e273b7c1a90"
down_revision = None
branch_labels = None
depends_on = None

UUIDV7_BUILT_IN_SINCE = 18

INBOX = """
create table inbox (
    event_key uuid not null,
    flow text not null,
    source text not null,
    event_id text not null,
    generation integer not null,
    client_id text not null,
    payload_sha256 bytea not null,
    outcome text not null,
    processed_at timestamptz not null default now(),
    constraint pk_inbox primary key (event_key),
    constraint ck_inbox_source check (length(source) between 1 and 256),
    constraint ck_inbox_event_id check (length(event_id) between 1 and 256),
    constraint ck_inbox_generation check (generation >= 0),
    constraint ck_inbox_client_id check (length(client_id) between 1 and 64),
    constraint ck_inbox_payload_sha256 check (octet_length(payload_sha256) = 32),
    constraint ck_inbox_outcome check (outcome in ('completed', 'failed'))
)
"""

OUTBOX = """
create table outbox (
    id uuid not null,
    flow text not null,
    client_id text,
    topic text not null,
    key bytea,
    value bytea,
    headers bytea,
    created_at timestamptz not null default now(),
    owner uuid not null,
    claimed_until timestamptz not null default now() + interval '20 seconds',
    parked_at timestamptz,
    last_error text,
    constraint pk_outbox primary key (id)
)
"""

RETRIES = """
create table retries (
    event_key uuid not null,
    flow text not null,
    source text not null,
    event_id text not null,
    generation integer not null,
    client_id text not null,
    payload_sha256 bytea not null,
    topic text not null,
    partition integer not null,
    "offset" bigint not null,
    key bytea,
    value bytea not null,
    headers bytea,
    attempts integer not null,
    next_attempt_at timestamptz not null,
    leased_until timestamptz,
    owner uuid,
    error_class text not null,
    last_error text,
    first_failed_at timestamptz not null default now(),
    waiting_since timestamptz,
    constraint pk_retries primary key (event_key),
    constraint ck_retries_source check (length(source) between 1 and 256),
    constraint ck_retries_event_id check (length(event_id) between 1 and 256),
    constraint ck_retries_generation check (generation >= 0),
    constraint ck_retries_client_id check (length(client_id) between 1 and 64),
    constraint ck_retries_payload_sha256 check (octet_length(payload_sha256) = 32),
    constraint ck_retries_attempts check (attempts >= 0)
)
"""

DEAD_LETTERS = """
create table dead_letters (
    id uuid not null default uuidv7(),
    flow text not null,
    topic text not null,
    partition integer not null,
    "offset" bigint not null,
    source text,
    event_id text,
    generation integer,
    client_id text,
    key bytea,
    value bytea,
    headers bytea,
    reason text not null,
    error_class text not null,
    message text not null,
    fingerprint text not null,
    attempts integer not null,
    status text not null default 'dead',
    first_failed_at timestamptz not null default now(),
    last_failed_at timestamptz not null default now(),
    constraint pk_dead_letters primary key (id),
    constraint uq_dead_letters_topic_partition_offset unique (topic, partition, "offset"),
    constraint ck_dead_letters_source check (length(source) between 1 and 256),
    constraint ck_dead_letters_event_id check (length(event_id) between 1 and 256),
    constraint ck_dead_letters_generation check (generation >= 0),
    constraint ck_dead_letters_client_id check (length(client_id) between 1 and 64),
    constraint ck_dead_letters_attempts check (attempts >= 0),
    constraint ck_dead_letters_status check (status in ('dead', 'replayed', 'discarded'))
)
"""

INDEXES = (
    "create index ix_inbox_processed_at on inbox using brin (processed_at)",
    "create index ix_outbox_claimed_until on outbox (claimed_until) where parked_at is null",
    "create index ix_retries_flow_next_attempt_at on retries (flow, next_attempt_at)",
    "create index ix_dead_letters_status_last_failed_at on dead_letters (status, last_failed_at desc)",
    "create index ix_dead_letters_fingerprint on dead_letters (fingerprint)",
    "create index ix_dead_letters_source_event_id on dead_letters (source, event_id)",
)


def uuidv7_function(name: str) -> str:
    """The statement that creates `name()`, which gives UUIDs of version 7 (RFC 9562, method 3).

    48 bits of Unix milliseconds, 12 bits of the fraction of that millisecond, 62 random bits. They sort by the clock to
    0.25 microseconds; within one tick, and when the clock is set back, they do not.
    """
    return f"""
create function {name}() returns uuid language sql volatile parallel safe as $function$
    select encode(
        substring(int8send(microseconds / 1000) from 3)
        || int2send((28672 + microseconds % 1000 * 4096 / 1000)::int2)
        || substring(uuid_send(gen_random_uuid()) from 9),
        'hex')::uuid
    from (select (extract(epoch from clock_timestamp()) * 1000000)::bigint as microseconds) as clock
$function$
"""  # noqa: S608 - the name is ours


def upgrade() -> None:
    # Needs a superuser where nobody has created it yet: pgvector is no trusted extension.
    op.execute("create extension if not exists vector")
    if server_major() < UUIDV7_BUILT_IN_SINCE:
        op.execute(uuidv7_function("uuidv7"))
    for statement in (INBOX, OUTBOX, RETRIES, DEAD_LETTERS, *INDEXES):
        op.execute(statement)


def downgrade() -> None:
    for table in ("dead_letters", "retries", "outbox", "inbox"):
        op.execute(f"drop table {table}")
    if server_major() < UUIDV7_BUILT_IN_SINCE:
        op.execute("drop function uuidv7()")
    # The extension stays: whoever runs the server may have created it, and others may use it.


def server_major() -> int:
    info = op.get_context().dialect.server_version_info
    return UUIDV7_BUILT_IN_SINCE if info is None else info[0]
