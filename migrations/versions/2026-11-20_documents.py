"""Documents by version, and their chunks with their vectors."""

from __future__ import annotations

from alembic import op

revision = "7d1e94b06ac3"
down_revision = "3f0c8a7d52e1"
branch_labels = None
depends_on = None

DOCUMENTS = """
create table documents (
    document_id uuid not null,
    version integer not null,
    client_id text not null,
    generation integer not null default 0,
    status text not null,
    is_current boolean not null default false,
    chunks_version integer,
    uri text not null,
    filename text not null,
    media_type text,
    metadata jsonb not null default '{}',
    sha256 bytea,
    bytes bigint,
    pages integer not null default 0,
    page_labels text[] not null default '{}',
    chunks integer not null default 0,
    chunks_reused integer not null default 0,
    tokens bigint not null default 0,
    embedding_model text not null,
    dimensions integer not null,
    chunker text not null,
    cost_usd numeric(18, 10) not null default 0,
    failure_code text,
    failure_message text,
    input_sha256 bytea not null,
    request_sha256 bytea not null,
    source text not null,
    event_id text not null,
    correlation_id text not null,
    started_at timestamptz not null,
    completed_at timestamptz not null,
    constraint pk_documents primary key (document_id, version),
    constraint ck_documents_source check (length(source) between 1 and 256),
    constraint ck_documents_event_id check (length(event_id) between 1 and 256),
    constraint ck_documents_generation check (generation >= 0),
    constraint ck_documents_client_id check (length(client_id) between 1 and 64),
    constraint ck_documents_version check (version >= 1),
    constraint ck_documents_status check (status in ('embedded', 'unchanged', 'failed', 'superseded')),
    constraint ck_documents_sha256 check (octet_length(sha256) = 32),
    constraint ck_documents_input_sha256 check (octet_length(input_sha256) = 32),
    constraint ck_documents_request_sha256 check (octet_length(request_sha256) = 32),
    constraint ck_documents_bytes check (bytes >= 0),
    constraint ck_documents_pages check (pages >= 0),
    constraint ck_documents_chunks check (chunks >= 0),
    constraint ck_documents_chunks_reused check (chunks_reused between 0 and chunks),
    constraint ck_documents_tokens check (tokens >= 0),
    constraint ck_documents_cost_usd check (cost_usd >= 0),
    constraint ck_documents_failure check ((status = 'failed') = (failure_code is not null)),
    constraint ck_documents_has_chunks check ((status in ('embedded', 'unchanged')) = (chunks_version is not null)),
    constraint ck_documents_current check (not is_current or chunks_version is not null)
)
"""

DOCUMENT_CHUNKS = """
create table document_chunks (
    chunk_id uuid not null default uuidv7(),
    document_id uuid not null,
    version integer not null,
    client_id text not null,
    ordinal integer not null,
    page integer not null,
    start_char integer not null,
    end_char integer not null,
    content text not null,
    content_sha256 bytea not null,
    tokens integer not null,
    embedding vector(1536) not null,
    embedding_model text not null,
    constraint pk_document_chunks primary key (chunk_id),
    constraint uq_document_chunks_document_id_version_ordinal unique (document_id, version, ordinal),
    constraint ck_document_chunks_client_id check (length(client_id) between 1 and 64),
    constraint ck_document_chunks_ordinal check (ordinal >= 0),
    constraint ck_document_chunks_page check (page >= 1),
    constraint ck_document_chunks_offsets check (start_char >= 0 and end_char > start_char),
    constraint ck_document_chunks_content_sha256 check (octet_length(content_sha256) = 32),
    constraint ck_document_chunks_tokens check (tokens >= 0)
)
"""

TENANT_POLICY = """
create policy tenant_reads_own on {table} for select to millrace_tenant
using (client_id = (select current_setting('app.client_id', true)))
"""


def upgrade() -> None:
    op.execute(DOCUMENTS)
    # Readers see one version of a document; it changes in the transaction that brings the new one.
    op.execute("create unique index uq_documents_current on documents (document_id) where is_current")
    op.execute("create index ix_documents_client_id_sha256 on documents (client_id, sha256) where chunks_version is not null")
    op.execute("create index ix_documents_client_id_completed_at on documents (client_id, completed_at desc)")
    op.execute(DOCUMENT_CHUNKS)
    op.execute(
        "create index ix_document_chunks_client_id_embedding_model_content_sha256"
        " on document_chunks (client_id, embedding_model, content_sha256)"
    )
    for table in ("documents", "document_chunks"):
        op.execute(f"alter table {table} enable row level security")
        op.execute(TENANT_POLICY.format(table=table))
    op.execute("grant select on documents, document_chunks to millrace_tenant")


def downgrade() -> None:
    op.execute("revoke all on documents, document_chunks from millrace_tenant")
    op.execute("drop table document_chunks")
    op.execute("drop table documents")
