"""The tables. Constraints carry the rules, so that they hold under concurrent clicks."""

from __future__ import annotations

import enum
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.db import calendar_models as calendar_models  # noqa: PLC0414 - registers its tables
from core.db import meeting_models as meeting_models  # noqa: PLC0414 - registers its tables
from core.db.base import Base as Base  # noqa: PLC0414 - re-exported: the metadata of all tables
from core.db.base import guild_ref, identity, one_of


class CohortStatus(enum.StrEnum):
    draft = "draft"
    open = "open"
    closed = "closed"
    cancelled = "cancelled"


class GroupStatus(enum.StrEnum):
    preview = "preview"
    active = "active"
    completed = "completed"
    merged = "merged"
    cancelled = "cancelled"


class MembershipStatus(enum.StrEnum):
    active = "active"
    dropped = "dropped"
    completed = "completed"
    removed = "removed"


class Role(enum.StrEnum):
    participant = "participant"
    facilitator = "facilitator"


class SyncStatus(enum.StrEnum):
    due = "due"  # changed since the last look
    ok = "ok"
    waiting = "waiting"  # a temporary failure; next_attempt_at says when
    parked = "parked"  # permanent until inputs change


class Guild(Base):
    __tablename__ = "guilds"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(100))
    settings: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    joined_at: Mapped[datetime]
    left_at: Mapped[datetime | None]
    greeted_at: Mapped[datetime | None]  # whoever invited Muster was shown the first steps


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    zone: Mapped[str | None] = mapped_column(String(64))
    dm_enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    language: Mapped[str | None] = mapped_column(String(8))  # for messages; None: the server's
    # Hours of the day in the person's own zone between which no direct message comes.
    quiet_from: Mapped[int] = mapped_column(server_default=text("22"))
    quiet_to: Mapped[int] = mapped_column(server_default=text("8"))
    # By kind of message: wanted or not, where that differs from the kind's default.
    switches: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    dm_channel_id: Mapped[int | None] = mapped_column(BigInteger)  # known ones are reused


class Member(Base):
    __tablename__ = "members"

    guild_id: Mapped[int] = mapped_column(
        ForeignKey("guilds.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    nickname: Mapped[str | None] = mapped_column(String(32))  # Discord's limit
    joined_at: Mapped[datetime | None]
    left_at: Mapped[datetime | None]


class Cohort(Base):
    __tablename__ = "cohorts"
    __table_args__ = (
        one_of("status", CohortStatus),
        CheckConstraint("meetings between 1 and 200", name="meetings_sane"),
        CheckConstraint("seats between 1 and 500", name="seats_sane"),
        CheckConstraint("access_mode in ('overwrites', 'role')", name="access_mode_known"),
        CheckConstraint("rooms in ('both', 'text', 'voice')", name="rooms_known"),
        UniqueConstraint("id", "guild_id"),
        Index("uq_cohorts_name", "guild_id", text("lower(name)"), unique=True,
              postgresql_where=text("status in ('draft', 'open')")),
    )  # fmt: skip

    id: Mapped[int] = identity()
    guild_id: Mapped[int] = guild_ref()
    name: Mapped[str] = mapped_column(String(90))
    start_date: Mapped[date]
    meetings: Mapped[int]
    seats: Mapped[int]
    status: Mapped[str] = mapped_column(String(16), server_default=CohortStatus.draft)
    access_mode: Mapped[str] = mapped_column(String(16), server_default="overwrites")
    rooms: Mapped[str] = mapped_column(String(8), server_default="both")
    breaks: Mapped[list[str]] = mapped_column(JSONB, server_default=text("'[]'"))  # ISO Mondays
    shared: Mapped[bool] = mapped_column(server_default=text("false"))  # a channel for all of it
    created_at: Mapped[datetime]


class Group(Base):
    __tablename__ = "groups"
    __table_args__ = (
        one_of("status", GroupStatus),
        UniqueConstraint("id", "guild_id"),
        UniqueConstraint("id", "cohort_id"),
        CheckConstraint("seats between 1 and 500", name="seats_sane"),
        Index("uq_groups_name", "cohort_id", text("lower(name)"), unique=True,
              postgresql_where=text("status in ('preview', 'active')")),
    )  # fmt: skip

    id: Mapped[int] = identity()
    guild_id: Mapped[int] = guild_ref()
    cohort_id: Mapped[int] = mapped_column(ForeignKey("cohorts.id"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    seats: Mapped[int]
    status: Mapped[str] = mapped_column(String(16), server_default=GroupStatus.preview)
    opened_at: Mapped[datetime | None]  # a moderator asked for its channels
    confirmed_removals_at: Mapped[datetime | None]  # "yes, take the access away"
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("groups.id"))
    # core.schedule.Rule; None (also when set again): it has no slot yet.
    rule: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    # Minutes before a meeting by kind of reminder (0: none), where not the default.
    offsets: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    created_at: Mapped[datetime]


class Membership(Base):
    __tablename__ = "memberships"
    __table_args__ = (
        one_of("status", MembershipStatus),
        one_of("role", Role),
        Index("uq_memberships_one_active", "cohort_id", "user_id", unique=True,
              postgresql_where=text("status = 'active'")),
        # Capacity: participants hold numbered seats, and a number is held once.
        Index("uq_memberships_seat", "group_id", "seat", unique=True,
              postgresql_where=text("status = 'active' and seat is not null")),
        Index("ix_memberships_user", "guild_id", "user_id"),
        CheckConstraint("(status = 'active') = (ended_at is null)", name="ended_when_not_active"),
    )  # fmt: skip

    id: Mapped[int] = identity()
    guild_id: Mapped[int] = guild_ref()
    cohort_id: Mapped[int] = mapped_column(ForeignKey("cohorts.id"))
    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    role: Mapped[str] = mapped_column(String(16), server_default=Role.participant)
    status: Mapped[str] = mapped_column(String(16), server_default=MembershipStatus.active)
    seat: Mapped[int | None]
    reason: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class SeatWatch(Base):
    """Somebody wants to hear when a full group has a seat again. One message per watch."""

    __tablename__ = "seat_watches"
    __table_args__ = (UniqueConstraint("group_id", "user_id"),)

    id: Mapped[int] = identity()
    guild_id: Mapped[int] = guild_ref()
    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime]
    claimed_at: Mapped[datetime | None]  # a process is telling them now
    told_at: Mapped[datetime | None]


class Expected(Base):
    """Somebody on an imported list who is not on the server yet: holds a seat until they come."""

    __tablename__ = "expected"
    __table_args__ = (
        one_of("role", Role),
        Index("uq_expected_name", "cohort_id", text("lower(name)"), unique=True),
        Index("ix_expected_arrival", "guild_id", text("lower(name)")),
    )

    id: Mapped[int] = identity()
    guild_id: Mapped[int] = guild_ref()
    cohort_id: Mapped[int] = mapped_column(ForeignKey("cohorts.id"))
    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))  # the unique user name, without an @
    role: Mapped[str] = mapped_column(String(16), server_default=Role.participant)
    seat: Mapped[int | None]
    created_at: Mapped[datetime]


class SyncState(Base):
    __tablename__ = "sync_states"
    __table_args__ = (
        one_of("status", SyncStatus),
        Index("ix_sync_states_open", "next_attempt_at", postgresql_where=text("status <> 'ok'")),
    )

    group_id: Mapped[int] = mapped_column(
        ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True
    )
    system: Mapped[str] = mapped_column(String(16), primary_key=True)
    guild_id: Mapped[int] = guild_ref()
    status: Mapped[str] = mapped_column(String(16), server_default=SyncStatus.due)
    # Raised by every trigger that changed inputs; a run that ends with an older one is not done.
    version: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    inputs_hash: Mapped[str | None] = mapped_column(String(64))
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    next_attempt_at: Mapped[datetime | None]
    error_class: Mapped[str | None] = mapped_column(String(40))
    error_text: Mapped[str | None] = mapped_column(Text)  # core.words.pack: any language
    retry_after: Mapped[float | None]
    by_hand: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    told_at: Mapped[datetime | None]
    lease_by: Mapped[int | None] = mapped_column(BigInteger)
    lease_until: Mapped[datetime | None]
    last_ok_at: Mapped[datetime | None]


class ManagedObject(Base):
    """A category, channel or role that Muster made: intent first, id once Discord gave one."""

    __tablename__ = "managed_objects"
    __table_args__ = (
        CheckConstraint("kind in ('category', 'role', 'text', 'voice')", name="kind_known"),
        CheckConstraint("state in ('intent', 'created', 'deleted')", name="state_known"),
        CheckConstraint("(cohort_id is null) <> (group_id is null)", name="one_owner"),
        UniqueConstraint("cohort_id", "kind", "ordinal"),
        UniqueConstraint("group_id", "kind"),
        Index("uq_managed_objects_discord_id", "discord_id", unique=True,
              postgresql_where=text("discord_id is not null")),
    )  # fmt: skip

    id: Mapped[int] = identity()
    guild_id: Mapped[int] = guild_ref()
    kind: Mapped[str] = mapped_column(String(16))
    cohort_id: Mapped[int | None] = mapped_column(ForeignKey("cohorts.id"))
    group_id: Mapped[int | None] = mapped_column(ForeignKey("groups.id"))
    ordinal: Mapped[int] = mapped_column(server_default=text("1"))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("managed_objects.id"), index=True)
    discord_id: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(16), server_default="intent")
    name: Mapped[str] = mapped_column(String(100))  # as last set by us
    # Not made by Muster but handed to it: never deleted or renamed, given back by Release.
    adopted: Mapped[bool] = mapped_column(server_default=text("false"))
    renamed_at: Mapped[list[str]] = mapped_column(JSONB, server_default=text("'[]'"))
    intent_at: Mapped[datetime]
    lease_by: Mapped[int | None] = mapped_column(BigInteger)
    lease_until: Mapped[datetime | None]


class ManagedOverwrite(Base):
    """The bits that Muster set for a target in a place: a channel, or a role (allow = 1)."""

    __tablename__ = "managed_overwrites"

    place_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    target_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    guild_id: Mapped[int] = guild_ref()
    group_id: Mapped[int | None] = mapped_column(
        ForeignKey("groups.id", ondelete="CASCADE"), index=True
    )
    cohort_id: Mapped[int | None] = mapped_column(
        ForeignKey("cohorts.id", ondelete="CASCADE"), index=True
    )
    is_role: Mapped[bool]
    allow: Mapped[int] = mapped_column(BigInteger)
    deny: Mapped[int] = mapped_column(BigInteger)
    # False between "we are about to set this" and "Discord has it": then allow and deny are
    # the union of old and new, so that a crash in between leaves no bit without an owner.
    confirmed: Mapped[bool] = mapped_column(server_default=text("true"))
    # Stood there when the place was adopted: right as it is, ours to take when the person leaves.
    adopted: Mapped[bool] = mapped_column(server_default=text("false"))


class Projection(Base):
    """A post that shows state, kept up to date: the list of groups, a lasting result."""

    __tablename__ = "projections"
    __table_args__ = (UniqueConstraint("guild_id", "kind", "subject"),)

    id: Mapped[int] = identity()
    guild_id: Mapped[int] = guild_ref()
    kind: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(64))
    group_id: Mapped[int | None] = mapped_column(
        ForeignKey("groups.id", ondelete="CASCADE"), index=True
    )
    channel_id: Mapped[int] = mapped_column(BigInteger)
    message_id: Mapped[int | None] = mapped_column(BigInteger)
    shown_hash: Mapped[str | None] = mapped_column(String(64))
    dirty: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[datetime]


class AuditEntry(Base):
    __tablename__ = "audit_log"
    __table_args__ = (Index("ix_audit_log_guild_at", "guild_id", "at"),)

    id: Mapped[int] = identity()
    guild_id: Mapped[int] = guild_ref()
    at: Mapped[datetime]
    actor_id: Mapped[int | None] = mapped_column(BigInteger)  # None: Muster itself
    action: Mapped[str] = mapped_column(String(40))
    cohort_id: Mapped[int | None] = mapped_column(ForeignKey("cohorts.id"))
    group_id: Mapped[int | None] = mapped_column(ForeignKey("groups.id"))
    user_id: Mapped[int | None] = mapped_column(BigInteger)  # whom it is about
    # The entry that this one took back. An entry stands as long as none that stands undoes it.
    undoes_id: Mapped[int | None] = mapped_column(ForeignKey("audit_log.id"), index=True)
    before: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    after: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
