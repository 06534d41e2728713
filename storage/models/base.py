"""What all tables have in common: names of constraints, column types, and the checks that recur."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, TypeAlias
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from pgvector.sqlalchemy import Vector
from sqlalchemy import BigInteger, CheckConstraint, DateTime, LargeBinary, MetaData, Numeric, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Root of the tables. Text has no declared length; times carry their zone."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        bytes: LargeBinary,
        datetime: DateTime(timezone=True),
        # Money: tenths of a nano-dollar, because one token costs as little.
        Decimal: Numeric(18, 10),
        str: Text,
        list[str]: ARRAY(Text),
        list[UUID]: ARRAY(Uuid),
        list[dict[str, Any]]: JSONB,
        dict[str, Any]: JSONB,
    }


# Kafka's offsets.
Offset = BigInteger

# An embedding; another dimension is another column.
Vector1536: TypeAlias = Annotated[NDArray[np.float32], mapped_column(Vector(1536))]


def one_of(column: str, *values: str) -> CheckConstraint:
    """The column holds one of the values."""
    return CheckConstraint(f"{column} in ({', '.join(repr(value) for value in values)})", name=column)


def sha256(column: str) -> CheckConstraint:
    """The column is as long as a sha256 digest."""
    return CheckConstraint(f"octet_length({column}) = 32", name=column)


def length(column: str, longest: int) -> CheckConstraint:
    """The text has 1 to `longest` characters."""
    return CheckConstraint(f"length({column}) between 1 and {longest}", name=column)


def not_negative(column: str) -> CheckConstraint:
    """The number is 0 or more."""
    return CheckConstraint(f"{column} >= 0", name=column)


def identity() -> tuple[CheckConstraint, ...]:
    """The checks of what an event is known by: source, event_id, generation and client_id (null passes)."""
    return length("source", 256), length("event_id", 256), not_negative("generation"), length("client_id", 64)
