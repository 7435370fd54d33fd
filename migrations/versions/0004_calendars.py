"""Calendars: the link to one, its entries, feeds, addresses; a revision of each meeting; indexes.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# In the database, because a meeting changes in many ways (moved, undone, derived anew) and a
# calendar program ignores a change whose number did not grow.
_REVISION = """
create function meetings_revision() returns trigger language plpgsql as $$
begin
    new.revision := old.revision + 1;
    return new;
end $$;
"""
_TRIGGER = """
create trigger meetings_revision before update on meetings for each row
when ((old.starts_at, old.minutes, old.status) is distinct from
      (new.starts_at, new.minutes, new.status))
execute function meetings_revision();
"""


def upgrade() -> None:
    op.create_table(
        "calendar_addresses",
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["guild_id"],
            ["guilds.id"],
            name=op.f("fk_calendar_addresses_guild_id_guilds"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_calendar_addresses_user_id_users")
        ),
        sa.PrimaryKeyConstraint("guild_id", "user_id", name=op.f("pk_calendar_addresses")),
    )
    op.create_table(
        "calendar_links",
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("backend", sa.String(length=16), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("account", sa.String(length=200), nullable=True),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("invites", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("status", sa.String(length=16), server_default="on", nullable=False),
        sa.Column("error_class", sa.String(length=40), nullable=True),
        sa.Column("error_text", sa.Text(), nullable=True),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("listed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("polled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("poll_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("attendees_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_by", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "backend in ('caldav', 'google', 'service', 'memory')",
            name=op.f("ck_calendar_links_backend_known"),
        ),
        sa.CheckConstraint(
            "status in ('on', 'stopped')", name=op.f("ck_calendar_links_status_known")
        ),
        sa.ForeignKeyConstraint(
            ["guild_id"],
            ["guilds.id"],
            name=op.f("fk_calendar_links_guild_id_guilds"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("guild_id", name=op.f("pk_calendar_links")),
    )
    op.create_table(
        "feeds",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind in ('member', 'group', 'cohort')", name=op.f("ck_feeds_kind_known")
        ),
        sa.ForeignKeyConstraint(
            ["guild_id"], ["guilds.id"], name=op.f("fk_feeds_guild_id_guilds"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_feeds_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feeds")),
        sa.UniqueConstraint(
            "guild_id",
            "user_id",
            "kind",
            "subject_id",
            name=op.f("uq_feeds_guild_id_user_id_kind_subject_id"),
        ),
    )
    op.create_index(op.f("ix_feeds_guild_id"), "feeds", ["guild_id"], unique=False)
    op.create_table(
        "oauth_states",
        sa.Column("nonce", sa.String(length=43), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("verifier", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["guild_id"],
            ["guilds.id"],
            name=op.f("fk_oauth_states_guild_id_guilds"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("nonce", name=op.f("pk_oauth_states")),
    )
    op.create_index(op.f("ix_oauth_states_guild_id"), "oauth_states", ["guild_id"], unique=False)
    op.create_table(
        "calendar_entries",
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=8), server_default="intent", nullable=False),
        sa.Column("epoch", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("desired_hash", sa.String(length=64), nullable=True),
        sa.Column("content", sa.String(length=64), nullable=True),
        sa.Column("remade_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.CheckConstraint(
            "state in ('intent', 'made', 'asked', 'left')",
            name=op.f("ck_calendar_entries_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["groups.id"],
            name=op.f("fk_calendar_entries_group_id_groups"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["guild_id"],
            ["guilds.id"],
            name=op.f("fk_calendar_entries_guild_id_guilds"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("group_id", name=op.f("pk_calendar_entries")),
    )
    op.create_index(
        "ix_calendar_entries_address", "calendar_entries", ["guild_id", "address"], unique=False
    )
    op.create_index(
        op.f("ix_calendar_entries_guild_id"), "calendar_entries", ["guild_id"], unique=False
    )
    op.add_column(
        "meetings", sa.Column("revision", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.execute(_REVISION)
    op.execute(_TRIGGER)
    # The list of messages stands in the order of when they were due.
    op.drop_index("ix_deliveries_guild", table_name="deliveries")
    op.create_index("ix_deliveries_guild", "deliveries", ["guild_id", "due_at", "id"])
    for column in ("meeting_id", "group_id", "announcement_id"):
        name, given = f"ix_deliveries_{column}", sa.text(f"{column} is not null")
        op.drop_index(name, table_name="deliveries")
        op.create_index(name, "deliveries", [column], postgresql_where=given)
    unsent = sa.text("status in ('failed', 'dead')")
    op.create_index("ix_deliveries_unsent", "deliveries", ["guild_id"], postgresql_where=unsent)


def downgrade() -> None:
    op.drop_index("ix_deliveries_unsent", table_name="deliveries")
    for column in ("meeting_id", "group_id", "announcement_id"):
        op.drop_index(f"ix_deliveries_{column}", table_name="deliveries")
        op.create_index(f"ix_deliveries_{column}", "deliveries", [column])
    op.drop_index("ix_deliveries_guild", table_name="deliveries")
    op.create_index("ix_deliveries_guild", "deliveries", ["guild_id", "id"])
    op.execute("drop trigger meetings_revision on meetings")
    op.execute("drop function meetings_revision()")
    op.drop_column("meetings", "revision")
    op.drop_index(op.f("ix_calendar_entries_guild_id"), table_name="calendar_entries")
    op.drop_index("ix_calendar_entries_address", table_name="calendar_entries")
    op.drop_table("calendar_entries")
    op.drop_index(op.f("ix_oauth_states_guild_id"), table_name="oauth_states")
    op.drop_table("oauth_states")
    op.drop_index(op.f("ix_feeds_guild_id"), table_name="feeds")
    op.drop_table("feeds")
    op.drop_table("calendar_links")
    op.drop_table("calendar_addresses")
