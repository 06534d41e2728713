"""What OpenAI was asked and what it cost; vectors that are paid for and not yet in a chunk."""

from __future__ import annotations

from alembic import op

revision = "3f0c8a7d52e1"
down_revision = "9b41d0e6f2c7"
branch_labels = None
depends_on = None

LLM_CALLS = """
create table llm_calls (
    call_id uuid not null default uuidv7(),
    client_id text not null,
    flow text not null,
    event_key uuid,
    endpoint text not null,
    provider text not null,
    model text not null,
    answered_model text,
    request_sha256 bytea not null,
    outcome text not null,
    answer text,
    answer_sha256 bytea not null,
    input_tokens integer not null,
    cached_tokens integer not null,
    output_tokens integer not null,
    cost_usd numeric(18, 10) not null,
    latency_ms integer not null,
    provider_request_id text,
    called_at timestamptz not null default now(),
    constraint pk_llm_calls primary key (call_id),
    constraint ck_llm_calls_client_id check (length(client_id) between 1 and 64),
    constraint ck_llm_calls_endpoint check (endpoint in ('embeddings', 'responses')),
    constraint ck_llm_calls_request_sha256 check (octet_length(request_sha256) = 32),
    constraint ck_llm_calls_outcome check (outcome in ('answered', 'refused', 'truncated', 'malformed')),
    constraint ck_llm_calls_answer_sha256 check (octet_length(answer_sha256) = 32),
    constraint ck_llm_calls_input_tokens check (input_tokens >= 0),
    constraint ck_llm_calls_cached_tokens check (cached_tokens >= 0),
    constraint ck_llm_calls_output_tokens check (output_tokens >= 0),
    constraint ck_llm_calls_cost_usd check (cost_usd >= 0),
    constraint ck_llm_calls_latency_ms check (latency_ms >= 0)
)
"""

EMBEDDINGS = """
create table embeddings (
    client_id text not null,
    embedding_model text not null,
    content_sha256 bytea not null,
    embedding vector(1536) not null,
    tokens integer not null,
    cost_usd numeric(18, 10) not null,
    event_key uuid,
    call_id uuid not null,
    created_at timestamptz not null default now(),
    constraint pk_embeddings primary key (client_id, embedding_model, content_sha256),
    constraint ck_embeddings_client_id check (length(client_id) between 1 and 64),
    constraint ck_embeddings_content_sha256 check (octet_length(content_sha256) = 32),
    constraint ck_embeddings_tokens check (tokens >= 0),
    constraint ck_embeddings_cost_usd check (cost_usd >= 0)
)
"""

TENANT_POLICY = """
create policy tenant_reads_own on llm_calls for select to millrace_tenant
using (client_id = (select current_setting('app.client_id', true)))
"""


def upgrade() -> None:
    op.execute(LLM_CALLS)
    op.execute(
        "create index ix_llm_calls_event_key_request_sha256 on llm_calls (event_key, request_sha256)"
        " where event_key is not null"
    )
    op.execute("create index ix_llm_calls_client_id_called_at on llm_calls (client_id, called_at desc)")
    op.execute("alter table llm_calls enable row level security")
    op.execute(TENANT_POLICY)
    op.execute("grant select on llm_calls to millrace_tenant")
    op.execute(EMBEDDINGS)
    op.execute("create index ix_embeddings_event_key on embeddings (event_key) where event_key is not null")


def downgrade() -> None:
    op.execute("drop table embeddings")
    op.execute("revoke all on llm_calls from millrace_tenant")
    op.execute("drop table llm_calls")
