"""What every table shares: the metadata, names of constraints, and columns that many have."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Identity, MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own declaration style
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
    }


def one_of(column: str, kind: type[enum.StrEnum]) -> CheckConstraint:
    """A check that the column has one of the values that the enum knows."""
    values = ", ".join(f"'{member}'" for member in kind)
    return CheckConstraint(f"{column} in ({values})", name=f"{column}_known")


def identity() -> Mapped[int]:
    """The usual primary key: made by the database, never by us."""
    return mapped_column(BigInteger, Identity(always=True), primary_key=True)


def guild_ref() -> Mapped[int]:
    """The server that the row belongs to; gone with it."""
    return mapped_column(ForeignKey("guilds.id", ondelete="CASCADE"), index=True)
