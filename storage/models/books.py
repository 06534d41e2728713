"""Tables of what runs are asked about: content, which never changes, and which a client reads under row-level security."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base, length, not_negative, sha256


class MarketSnapshot(Base):
    """A market snapshot of one client under its `snapshot_id`.

    `content` is the canonical JSON of all but the id, kept to the letter, and `content_sha256` its digest: the database
    itself holds the one to the other.
    """

    __tablename__ = "market_snapshots"

    client_id: Mapped[str] = mapped_column(primary_key=True)
    snapshot_id: Mapped[str] = mapped_column(primary_key=True)
    as_of: Mapped[date]
    content_sha256: Mapped[bytes]
    content: Mapped[Any] = mapped_column(JSON)
    loaded_at: Mapped[datetime] = mapped_column(server_default=text("now()"))

    __table_args__ = (
        length("client_id", 64),
        length("snapshot_id", 256),
        CheckConstraint("content_sha256 = sha256(convert_to(content::text, 'UTF8'))", name="content_sha256"),
        Index("ix_market_snapshots_client_id_content_sha256", "client_id", "content_sha256"),
    )


class StoredPortfolio(Base):
    """A portfolio of one client under its `portfolio_id`; its positions lie in the object store at `uri`.

    `content_sha256` is that of the positions, whatever kind of file they came in, `object_sha256` that of the object's
    bytes. `products` counts positions by product type as the file names it.
    """

    __tablename__ = "portfolios"

    client_id: Mapped[str] = mapped_column(primary_key=True)
    portfolio_id: Mapped[str] = mapped_column(primary_key=True)
    content_sha256: Mapped[bytes]
    uri: Mapped[str]
    object_sha256: Mapped[bytes]
    object_bytes: Mapped[int] = mapped_column(BigInteger)
    positions: Mapped[int]
    products: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    loaded_at: Mapped[datetime] = mapped_column(server_default=text("now()"))

    __table_args__ = (
        length("client_id", 64),
        length("portfolio_id", 256),
        sha256("content_sha256"),
        sha256("object_sha256"),
        not_negative("object_bytes"),
        not_negative("positions"),
        Index("ix_portfolios_client_id_content_sha256", "client_id", "content_sha256"),
    )
