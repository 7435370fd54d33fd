"""Meetings: slots, answers, guests, attendance, messages that go out once, announcements.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "announcements",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("draft_id", sa.BigInteger(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("targets", JSONB(), nullable=False),
        sa.Column("ping", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["guild_id"],
            ["guilds.id"],
            name=op.f("fk_announcements_guild_id_guilds"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcements")),
        sa.UniqueConstraint("draft_id", name=op.f("uq_announcements_draft_id")),
    )
    op.create_index(op.f("ix_announcements_guild_id"), "announcements", ["guild_id"])
    op.create_table(
        "meetings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("occurrence_date", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), server_default="planned", nullable=False),
        sa.Column("moved", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("extra", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("told_starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("event_id", sa.BigInteger(), nullable=True),
        sa.Column("event_state", sa.String(length=8), nullable=True),
        sa.Column("event_intent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("event_hash", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "event_state in ('intent', 'created', 'gone', 'ended')",
            name=op.f("ck_meetings_event_state_known"),
        ),
        sa.CheckConstraint(
            "status in ('planned', 'skipped', 'postponed', 'cancelled')",
            name=op.f("ck_meetings_status_known"),
        ),
        sa.CheckConstraint("minutes between 1 and 1440", name=op.f("ck_meetings_minutes_sane")),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["groups.id"],
            name=op.f("fk_meetings_group_id_groups"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["guild_id"],
            ["guilds.id"],
            name=op.f("fk_meetings_guild_id_guilds"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meetings")),
        sa.UniqueConstraint(
            "group_id",
            "occurrence_date",
            deferrable=True,
            initially="DEFERRED",
            name=op.f("uq_meetings_group_id_occurrence_date"),
        ),
    )
    op.create_index(op.f("ix_meetings_guild_id"), "meetings", ["guild_id"])
    op.create_index("ix_meetings_when", "meetings", ["guild_id", "starts_at"])
    op.create_index(
        "uq_meetings_event_id",
        "meetings",
        ["event_id"],
        unique=True,
        postgresql_where=sa.text("event_id is not null"),
    )
    op.create_table(
        "snoozes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.String(length=16), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["groups.id"], name=op.f("fk_snoozes_group_id_groups"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["guild_id"], ["guilds.id"], name=op.f("fk_snoozes_guild_id_guilds"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snoozes")),
        sa.UniqueConstraint(
            "group_id", "user_id", "cause", name=op.f("uq_snoozes_group_id_user_id_cause")
        ),
    )
    op.create_index(op.f("ix_snoozes_guild_id"), "snoozes", ["guild_id"])
    op.create_table(
        "attendances",
        sa.Column("meeting_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("here_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mark", sa.String(length=10), nullable=True),
        sa.Column("marked_by", sa.BigInteger(), nullable=True),
        sa.Column("marked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "mark in ('attended', 'absent', 'excused')", name=op.f("ck_attendances_mark_known")
        ),
        sa.ForeignKeyConstraint(
            ["guild_id"],
            ["guilds.id"],
            name=op.f("fk_attendances_guild_id_guilds"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["meeting_id"],
            ["meetings.id"],
            name=op.f("fk_attendances_meeting_id_meetings"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_attendances_user_id_users")
        ),
        sa.PrimaryKeyConstraint("meeting_id", "user_id", name=op.f("pk_attendances")),
    )
    op.create_index(op.f("ix_attendances_guild_id"), "attendances", ["guild_id"])
    op.create_index(
        "ix_attendances_open",
        "attendances",
        ["meeting_id"],
        postgresql_where=sa.text("here_since is not null"),
    )
    op.create_index("ix_attendances_user", "attendances", ["guild_id", "user_id"])
    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("channel_id", sa.BigInteger(), nullable=True),
        sa.Column("group_id", sa.BigInteger(), nullable=True),
        sa.Column("meeting_id", sa.BigInteger(), nullable=True),
        sa.Column("announcement_id", sa.BigInteger(), nullable=True),
        sa.Column("about_id", sa.BigInteger(), nullable=True),
        sa.Column("payload", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("status", sa.String(length=8), server_default="pending", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_by", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unsure_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error_class", sa.String(length=40), nullable=True),
        sa.Column("error_text", sa.Text(), nullable=True),
        sa.Column("sent_channel_id", sa.BigInteger(), nullable=True),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status in ('pending', 'sending', 'sent', 'skipped', 'failed', 'dead')",
            name=op.f("ck_deliveries_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["announcement_id"],
            ["announcements.id"],
            name=op.f("fk_deliveries_announcement_id_announcements"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["groups.id"],
            name=op.f("fk_deliveries_group_id_groups"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["guild_id"],
            ["guilds.id"],
            name=op.f("fk_deliveries_guild_id_guilds"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["meeting_id"],
            ["meetings.id"],
            name=op.f("fk_deliveries_meeting_id_meetings"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("key", name=op.f("uq_deliveries_key")),
    )
    op.create_index("ix_deliveries_announcement_id", "deliveries", ["announcement_id"])
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["next_at", "id"],
        postgresql_where=sa.text("status in ('pending', 'failed')"),
    )
    op.create_index("ix_deliveries_group_id", "deliveries", ["group_id"])
    op.create_index("ix_deliveries_guild", "deliveries", ["guild_id", "id"])
    op.create_index(
        "ix_deliveries_held",
        "deliveries",
        ["lease_by"],
        postgresql_where=sa.text("status = 'sending'"),
    )
    op.create_index("ix_deliveries_meeting_id", "deliveries", ["meeting_id"])
    op.create_table(
        "rsvps",
        sa.Column("meeting_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=16), server_default="pending", nullable=False),
        sa.Column("source", sa.String(length=16), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("interested", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint(
            "status in ('pending', 'attending', 'not_attending', 'tentative')",
            name=op.f("ck_rsvps_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["guild_id"], ["guilds.id"], name=op.f("fk_rsvps_guild_id_guilds"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["meeting_id"],
            ["meetings.id"],
            name=op.f("fk_rsvps_meeting_id_meetings"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_rsvps_user_id_users")),
        sa.PrimaryKeyConstraint("meeting_id", "user_id", name=op.f("pk_rsvps")),
    )
    op.create_index(op.f("ix_rsvps_guild_id"), "rsvps", ["guild_id"])
    op.create_index("ix_rsvps_user", "rsvps", ["guild_id", "user_id"])
    op.create_table(
        "visits",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("meeting_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("missed_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["guild_id"], ["guilds.id"], name=op.f("fk_visits_guild_id_guilds"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["meeting_id"],
            ["meetings.id"],
            name=op.f("fk_visits_meeting_id_meetings"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["missed_id"],
            ["meetings.id"],
            name=op.f("fk_visits_missed_id_meetings"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_visits_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visits")),
        sa.UniqueConstraint("meeting_id", "user_id", name=op.f("uq_visits_meeting_id_user_id")),
    )
    op.create_index(op.f("ix_visits_guild_id"), "visits", ["guild_id"])
    op.create_index("ix_visits_user", "visits", ["guild_id", "user_id"])
    op.add_column(
        "cohorts", sa.Column("breaks", JSONB(), server_default=sa.text("'[]'"), nullable=False)
    )
    op.add_column(
        "cohorts",
        sa.Column("shared", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column("groups", sa.Column("rule", JSONB(), nullable=True))
    op.add_column(
        "groups", sa.Column("offsets", JSONB(), server_default=sa.text("'{}'"), nullable=False)
    )
    op.add_column("projections", sa.Column("group_id", sa.BigInteger(), nullable=True))
    op.create_index(op.f("ix_projections_group_id"), "projections", ["group_id"])
    op.create_foreign_key(
        op.f("fk_projections_group_id_groups"),
        "projections",
        "groups",
        ["group_id"],
        ["id"],
        ondelete="CASCADE",
    )
    op.add_column(
        "users", sa.Column("quiet_from", sa.Integer(), server_default=sa.text("22"), nullable=False)
    )
    op.add_column(
        "users", sa.Column("quiet_to", sa.Integer(), server_default=sa.text("8"), nullable=False)
    )
    op.add_column(
        "users", sa.Column("switches", JSONB(), server_default=sa.text("'{}'"), nullable=False)
    )
    op.add_column("users", sa.Column("dm_channel_id", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    # Posts that only this version keeps up; the messages stay where they are.
    op.execute("delete from projections where group_id is not null")
    op.drop_column("users", "dm_channel_id")
    op.drop_column("users", "switches")
    op.drop_column("users", "quiet_to")
    op.drop_column("users", "quiet_from")
    op.drop_constraint(op.f("fk_projections_group_id_groups"), "projections", type_="foreignkey")
    op.drop_index(op.f("ix_projections_group_id"), table_name="projections")
    op.drop_column("projections", "group_id")
    op.drop_column("groups", "offsets")
    op.drop_column("groups", "rule")
    op.drop_column("cohorts", "shared")
    op.drop_column("cohorts", "breaks")
    op.drop_table("visits")
    op.drop_table("rsvps")
    op.drop_table("deliveries")
    op.drop_table("attendances")
    op.drop_table("snoozes")
    op.drop_table("meetings")
    op.drop_table("announcements")
