"""Tables of documents: content, which a client reads under row-level security."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base, Vector1536, identity, length, not_negative, one_of, sha256

WITH_CHUNKS = "chunks_version is not null"


class Document(Base):
    """One version of a document: what was uploaded, by whom (`source`, `event_id`), and what came of it.

    Readers see the version that `is_current`; its chunks are those under `chunks_version`, an earlier one where the
    bytes did not change. `page_labels` name the pages in order (numbers, or a workbook's sheets).
    """

    __tablename__ = "documents"

    document_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[str]
    generation: Mapped[int] = mapped_column(server_default="0")
    status: Mapped[str]
    is_current: Mapped[bool] = mapped_column(server_default=text("false"))
    chunks_version: Mapped[int | None]
    uri: Mapped[str]
    filename: Mapped[str]
    media_type: Mapped[str | None]
    # These three columns have names that mean something else inside this class.
    details: Mapped[dict[str, Any]] = mapped_column("metadata", server_default=text("'{}'::jsonb"))
    file_sha256: Mapped[bytes | None] = mapped_column("sha256")
    file_bytes: Mapped[int | None] = mapped_column("bytes", BigInteger)
    pages: Mapped[int] = mapped_column(server_default="0")
    page_labels: Mapped[list[str]] = mapped_column(server_default=text("'{}'::text[]"))
    chunks: Mapped[int] = mapped_column(server_default="0")
    chunks_reused: Mapped[int] = mapped_column(server_default="0")
    tokens: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    embedding_model: Mapped[str]
    dimensions: Mapped[int]
    chunker: Mapped[str]
    cost_usd: Mapped[Decimal] = mapped_column(server_default=text("0"))
    failure_code: Mapped[str | None]
    failure_message: Mapped[str | None]
    input_sha256: Mapped[bytes]
    request_sha256: Mapped[bytes]
    source: Mapped[str]
    event_id: Mapped[str]
    correlation_id: Mapped[str]
    started_at: Mapped[datetime]
    completed_at: Mapped[datetime]

    __table_args__ = (
        *identity(),
        CheckConstraint("version >= 1", name="version"),
        one_of("status", "embedded", "unchanged", "failed", "superseded"),
        sha256("sha256"),
        sha256("input_sha256"),
        sha256("request_sha256"),
        not_negative("bytes"),
        not_negative("pages"),
        not_negative("chunks"),
        CheckConstraint("chunks_reused between 0 and chunks", name="chunks_reused"),
        not_negative("tokens"),
        not_negative("cost_usd"),
        CheckConstraint("(status = 'failed') = (failure_code is not null)", name="failure"),
        CheckConstraint(f"(status in ('embedded', 'unchanged')) = ({WITH_CHUNKS})", name="has_chunks"),
        CheckConstraint(f"not is_current or {WITH_CHUNKS}", name="current"),
        # Readers see one version of a document; it changes in the transaction that brings the new one.
        Index("uq_documents_current", "document_id", unique=True, postgresql_where=text("is_current")),
        # The same bytes of the same client, already embedded.
        Index(None, "client_id", "sha256", postgresql_where=text(WITH_CHUNKS)),
        Index("ix_documents_client_id_completed_at", "client_id", text("completed_at desc")),
    )


class DocumentChunk(Base):
    """One passage of one version of a document, with its vector.

    `ordinal` is its place in the document, from 0; `start_char` and `end_char` are offsets into the text of its `page`
    (from 1). There is no foreign key to `documents`: rows are written with COPY in the transaction of their document.
    """

    __tablename__ = "document_chunks"

    chunk_id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuidv7()"))
    document_id: Mapped[UUID]
    version: Mapped[int]
    client_id: Mapped[str]
    ordinal: Mapped[int]
    page: Mapped[int]
    start_char: Mapped[int]
    end_char: Mapped[int]
    content: Mapped[str]
    content_sha256: Mapped[bytes]
    tokens: Mapped[int]
    embedding: Mapped[Vector1536]
    embedding_model: Mapped[str]

    __table_args__ = (
        length("client_id", 64),
        not_negative("ordinal"),
        CheckConstraint("page >= 1", name="page"),
        CheckConstraint("start_char >= 0 and end_char > start_char", name="offsets"),
        sha256("content_sha256"),
        not_negative("tokens"),
        UniqueConstraint("document_id", "version", "ordinal"),
        # A text that this client ever had embedded.
        Index(None, "client_id", "embedding_model", "content_sha256"),
    )
