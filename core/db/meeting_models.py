"""The tables of meetings: when they are, who answered, who came, and what is to be said."""

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

from core.db.base import Base, guild_ref, identity, one_of


class MeetingStatus(enum.StrEnum):
    planned = "planned"  # takes place, or took place
    skipped = "skipped"  # does not take place and keeps its number
    postponed = "postponed"  # does not take place; one is added at the end instead
    cancelled = "cancelled"  # its group or cohort ended before it


class Answer(enum.StrEnum):
    pending = "pending"
    attending = "attending"
    not_attending = "not_attending"
    tentative = "tentative"


class Source(enum.StrEnum):
    button = "button"
    command = "command"
    calendar = "calendar"
    moderator = "moderator"
    move = "move"  # the meeting moved and everybody is asked again


class DeliveryStatus(enum.StrEnum):
    pending = "pending"  # its time comes, or it waits for somebody
    sending = "sending"  # a process holds it; after a crash it may have been sent
    sent = "sent"
    skipped = "skipped"  # there was a reason not to
    failed = "failed"  # tried again at next_at
    dead = "dead"  # given up


class Meeting(Base):
    __tablename__ = "meetings"
    __table_args__ = (
        one_of("status", MeetingStatus),
        # Checked at the end of a transaction: a new slot moves many days at once.
        UniqueConstraint("group_id", "occurrence_date", deferrable=True, initially="DEFERRED"),
        CheckConstraint("minutes between 1 and 1440", name="minutes_sane"),
        CheckConstraint(
            "event_state in ('intent', 'created', 'gone', 'ended')", name="event_state_known"
        ),
        Index("ix_meetings_when", "guild_id", "starts_at"),
        Index("uq_meetings_event_id", "event_id", unique=True,
              postgresql_where=text("event_id is not null")),
    )  # fmt: skip

    id: Mapped[int] = identity()
    guild_id: Mapped[int] = guild_ref()
    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"))
    occurrence_date: Mapped[date]  # its day in the series; stays when the meeting is moved
    number: Mapped[int | None]  # of the series; None: postponed, or added by hand
    starts_at: Mapped[datetime]
    minutes: Mapped[int]
    status: Mapped[str] = mapped_column(String(16), server_default=MeetingStatus.planned)
    moved: Mapped[bool] = mapped_column(server_default=text("false"))  # its time is a person's
    extra: Mapped[bool] = mapped_column(server_default=text("false"))  # added by a person
    # What the group was last told: a change there and back is no news.
    told_starts_at: Mapped[datetime | None]
    event_id: Mapped[int | None] = mapped_column(BigInteger)  # Discord's scheduled event
    # intent: about to be made; gone: somebody deleted it; ended: over, nothing left to do.
    event_state: Mapped[str | None] = mapped_column(String(8))
    event_intent_at: Mapped[datetime | None]
    event_hash: Mapped[str | None] = mapped_column(String(64))  # of what we last set
    # Raised by the database (migration 0004) whenever time, length or status changes: SEQUENCE in
    # calendars (RFC 5545, 3.8.7.4), whoever made the change and in whatever way.
    revision: Mapped[int] = mapped_column(server_default=text("0"))
    created_at: Mapped[datetime]


class Rsvp(Base):
    __tablename__ = "rsvps"
    __table_args__ = (one_of("status", Answer), Index("ix_rsvps_user", "guild_id", "user_id"))

    meeting_id: Mapped[int] = mapped_column(
        ForeignKey("meetings.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    guild_id: Mapped[int] = guild_ref()
    # The explicit answer; pending: none, and Discord's "Interested" counts.
    status: Mapped[str] = mapped_column(String(16), server_default=Answer.pending)
    source: Mapped[str | None] = mapped_column(String(16))
    answered_at: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(String(200))  # facilitators see it
    interested: Mapped[bool] = mapped_column(server_default=text("false"))


class Visit(Base):
    """A guest: somebody of another group of the cohort comes to one meeting of this one."""

    __tablename__ = "visits"
    __table_args__ = (
        UniqueConstraint("meeting_id", "user_id"),
        Index("ix_visits_user", "guild_id", "user_id"),
    )

    id: Mapped[int] = identity()
    guild_id: Mapped[int] = guild_ref()
    meeting_id: Mapped[int] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    missed_id: Mapped[int | None] = mapped_column(
        ForeignKey("meetings.id", ondelete="SET NULL")
    )  # the meeting of their own group that they cannot come to
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]  # taken back


class Attendance(Base):
    __tablename__ = "attendances"
    __table_args__ = (
        CheckConstraint("mark in ('attended', 'absent', 'excused')", name="mark_known"),
        Index("ix_attendances_user", "guild_id", "user_id"),
        Index("ix_attendances_open", "meeting_id", postgresql_where=text("here_since is not null")),
    )

    meeting_id: Mapped[int] = mapped_column(
        ForeignKey("meetings.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    guild_id: Mapped[int] = guild_ref()
    seconds: Mapped[int] = mapped_column(server_default=text("0"))  # in the voice channel
    here_since: Mapped[datetime | None]  # in it now, counted up to last_seen_at
    last_seen_at: Mapped[datetime | None]
    # What a facilitator said; it wins over what was seen.
    mark: Mapped[str | None] = mapped_column(String(10))
    marked_by: Mapped[int | None] = mapped_column(BigInteger)
    marked_at: Mapped[datetime | None]


class Snooze(Base):
    """Somebody looked at a thing that needs attention, and does not want to see it for now."""

    __tablename__ = "snoozes"
    __table_args__ = (UniqueConstraint("group_id", "user_id", "cause"),)

    id: Mapped[int] = identity()
    guild_id: Mapped[int] = guild_ref()
    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(BigInteger)
    cause: Mapped[str] = mapped_column(String(16))
    until: Mapped[datetime]


class Announcement(Base):
    __tablename__ = "announcements"

    id: Mapped[int] = identity()
    guild_id: Mapped[int] = guild_ref()
    # Discord's id of the form in which it was written: pressed twice, it is sent once.
    draft_id: Mapped[int] = mapped_column(BigInteger, unique=True)
    author_id: Mapped[int] = mapped_column(BigInteger)
    content: Mapped[str] = mapped_column(Text)
    targets: Mapped[dict[str, Any]] = mapped_column(JSONB)
    ping: Mapped[bool]
    version: Mapped[int] = mapped_column(server_default=text("1"))  # raised by an edit
    created_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class Delivery(Base):
    """One message to one recipient that must go out once. What it says is worked out when sent."""

    __tablename__ = "deliveries"
    __table_args__ = (
        one_of("status", DeliveryStatus),
        UniqueConstraint("key"),
        Index("ix_deliveries_due", "next_at", "id",
              postgresql_where=text("status in ('pending', 'failed')")),
        Index("ix_deliveries_held", "lease_by", postgresql_where=text("status = 'sending'")),
        Index("ix_deliveries_guild", "guild_id", "due_at", "id"),
        Index("ix_deliveries_unsent", "guild_id",
              postgresql_where=text("status in ('failed', 'dead')")),
        # Every step of a row writes its indexes again: those that it has nothing for are left out.
        Index("ix_deliveries_meeting_id", "meeting_id",
              postgresql_where=text("meeting_id is not null")),
        Index("ix_deliveries_group_id", "group_id",
              postgresql_where=text("group_id is not null")),
        Index("ix_deliveries_announcement_id", "announcement_id",
              postgresql_where=text("announcement_id is not null")),
    )  # fmt: skip

    id: Mapped[int] = identity()
    guild_id: Mapped[int] = mapped_column(ForeignKey("guilds.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(24))
    key: Mapped[str] = mapped_column(String(160))  # the idempotency key: one cause, one row
    # A direct message to user_id, else a post: in channel_id (Discord's), else the group's own.
    user_id: Mapped[int | None] = mapped_column(BigInteger)
    channel_id: Mapped[int | None] = mapped_column(BigInteger)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"))
    meeting_id: Mapped[int | None] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"))
    announcement_id: Mapped[int | None] = mapped_column(
        ForeignKey("announcements.id", ondelete="CASCADE")
    )
    about_id: Mapped[int | None] = mapped_column(BigInteger)  # the user whom it is about
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    status: Mapped[str] = mapped_column(String(8), server_default=DeliveryStatus.pending)
    due_at: Mapped[datetime]  # when it should go out; never changes by a failure
    next_at: Mapped[datetime]  # when it is looked at next
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    lease_by: Mapped[int | None] = mapped_column(BigInteger)
    lease_until: Mapped[datetime | None]
    # Since when it may have gone out without our knowing: after a crash, or no answer in time.
    unsure_since: Mapped[datetime | None]
    error_class: Mapped[str | None] = mapped_column(String(40))
    error_text: Mapped[str | None] = mapped_column(Text)  # core.words.pack: any language
    sent_channel_id: Mapped[int | None] = mapped_column(BigInteger)
    message_id: Mapped[int | None] = mapped_column(BigInteger)
    sent_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
