"""The tables of calendars: where a guild's meetings are written to, and who may read them."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, guild_ref, identity, one_of


class Backend(enum.StrEnum):
    caldav = "caldav"
    google = "google"  # a person's account
    service = "service"  # a service account of Google: no attendees
    memory = "memory"  # of tests and the demo


class LinkStatus(enum.StrEnum):
    on = "on"
    stopped = "stopped"  # a person has to do something; error_text says what


class EntryState(enum.StrEnum):
    intent = "intent"  # perhaps written, not yet known
    made = "made"
    asked = "asked"  # deleted by somebody a second time: a moderator says what now
    left = "left"  # and said: leave it out


class FeedKind(enum.StrEnum):
    member = "member"  # subject_id: the user, once more
    group = "group"
    cohort = "cohort"


class CalendarLink(Base):
    """The calendar of a guild: one at most."""

    __tablename__ = "calendar_links"
    __table_args__ = (one_of("backend", Backend), one_of("status", LinkStatus))

    guild_id: Mapped[int] = mapped_column(
        ForeignKey("guilds.id", ondelete="CASCADE"), primary_key=True
    )
    backend: Mapped[str] = mapped_column(String(16))
    url: Mapped[str | None] = mapped_column(Text)  # CalDAV: the server, as a person gave it
    account: Mapped[str | None] = mapped_column(String(200))  # the user's name there
    secret: Mapped[bytes | None] = mapped_column(LargeBinary)  # core.keys: password, token, key
    address: Mapped[str | None] = mapped_column(Text)  # of the calendar, once it is there
    invites: Mapped[bool] = mapped_column(server_default=sql("true"))  # attendees are written
    status: Mapped[str] = mapped_column(String(16), server_default=LinkStatus.on)
    error_class: Mapped[str | None] = mapped_column(String(40))
    error_text: Mapped[str | None] = mapped_column(Text)  # core.words.pack: any language
    cursor: Mapped[str | None] = mapped_column(Text)
    listed_at: Mapped[datetime | None]  # when everything was read last
    polled_at: Mapped[datetime | None]  # the last exchange that went well
    poll_at: Mapped[datetime]  # when it is read next
    attempts: Mapped[int] = mapped_column(server_default=sql("0"))  # failed polls in a row
    attendees_after: Mapped[datetime | None]  # until then no attendees, by the server's wish
    lease_by: Mapped[int | None] = mapped_column(BigInteger)
    lease_until: Mapped[datetime | None]
    created_by: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]


class CalendarEntry(Base):
    """A group's entry in its guild's calendar."""

    __tablename__ = "calendar_entries"
    __table_args__ = (
        one_of("state", EntryState),
        Index("ix_calendar_entries_address", "guild_id", "address"),
    )

    group_id: Mapped[int] = mapped_column(
        ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True
    )
    guild_id: Mapped[int] = guild_ref()
    state: Mapped[str] = mapped_column(String(8), server_default=EntryState.intent)
    epoch: Mapped[int] = mapped_column(server_default=sql("0"))
    address: Mapped[str | None] = mapped_column(Text)
    etag: Mapped[str | None] = mapped_column(Text)
    desired_hash: Mapped[str | None] = mapped_column(String(64))  # of what stands there by us
    content: Mapped[str | None] = mapped_column(String(64))  # port.Remote.content, as we left it
    remade_at: Mapped[datetime | None]  # somebody deleted it and it was made once more
    # By day ("" for the series) and user: the answer as it was read or written last, so that only
    # a change of it is news.
    seen: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=sql("'{}'"))


class CalendarAddress(Base):
    """An e-mail address that a member gave, sealed."""

    __tablename__ = "calendar_addresses"

    guild_id: Mapped[int] = mapped_column(
        ForeignKey("guilds.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    given_at: Mapped[datetime]


class Feed(Base):
    """A calendar that one person's programs subscribe to. Its token is signed, never stored.

    That of a group or cohort is a person's own too, so that it ends when they leave.
    """

    __tablename__ = "feeds"
    __table_args__ = (
        one_of("kind", FeedKind),
        UniqueConstraint("guild_id", "user_id", "kind", "subject_id"),
    )

    id: Mapped[int] = identity()
    guild_id: Mapped[int] = guild_ref()
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    kind: Mapped[str] = mapped_column(String(8))
    subject_id: Mapped[int] = mapped_column(BigInteger)
    generation: Mapped[int] = mapped_column(server_default=sql("0"))
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]  # when a program fetched it last, to the hour


class OAuthState(Base):
    """A moderator is at Google right now: good once, and for minutes."""

    __tablename__ = "oauth_states"

    nonce: Mapped[str] = mapped_column(String(43), primary_key=True)
    guild_id: Mapped[int] = guild_ref()
    user_id: Mapped[int] = mapped_column(BigInteger)
    verifier: Mapped[bytes] = mapped_column(LargeBinary)  # PKCE's, sealed
    expires_at: Mapped[datetime]
