"""The foundation: guilds, people, cohorts, groups, memberships, the ledger, the history.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "guilds", "users", "members",
    "cohorts", "groups", "memberships", "seat_watches",
    "managed_objects", "managed_overwrites",
    "sync_states", "projections", "audit_log",
)  # fmt: skip


def _reference(
    table: str, column: str, to: str, *, cascade: bool = False
) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column],
        [f"{to}.id"],
        name=op.f(f"fk_{table}_{column}_{to}"),
        ondelete="CASCADE" if cascade else None,
    )


def _json(name: str, empty: str) -> sa.Column[Any]:
    return sa.Column(
        name,
        postgresql.JSONB(astext_type=sa.Text()),
        server_default=sa.text(f"'{empty}'"),
        nullable=False,
    )


def upgrade() -> None:
    _people()
    _cohorts()
    _places()
    _work()


def _people() -> None:
    """Servers and who is on them."""
    op.create_table(
        "guilds",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        _json("settings", "{}"),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guilds")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=True),
        sa.Column("dm_enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    )
    op.create_table(
        "members",
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("nickname", sa.String(length=32), nullable=True),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        _reference("members", "guild_id", "guilds", cascade=True),
        _reference("members", "user_id", "users"),
        sa.PrimaryKeyConstraint("guild_id", "user_id", name=op.f("pk_members")),
    )


def _cohorts() -> None:
    """Cohorts, their groups, who is in them and who waits for a seat."""
    op.create_table(
        "cohorts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=90), nullable=False),
        sa.Column("start_date", sa.Date(), nullable=False),
        sa.Column("meetings", sa.Integer(), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), server_default="draft", nullable=False),
        sa.Column("access_mode", sa.String(length=16), server_default="overwrites", nullable=False),
        sa.Column("rooms", sa.String(length=8), server_default="both", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "access_mode in ('overwrites', 'role')", name=op.f("ck_cohorts_access_mode_known")
        ),
        sa.CheckConstraint(
            "rooms in ('both', 'text', 'voice')", name=op.f("ck_cohorts_rooms_known")
        ),
        sa.CheckConstraint(
            "status in ('draft', 'open', 'closed', 'cancelled')",
            name=op.f("ck_cohorts_status_known"),
        ),
        sa.CheckConstraint("meetings between 1 and 200", name=op.f("ck_cohorts_meetings_sane")),
        sa.CheckConstraint("seats between 1 and 500", name=op.f("ck_cohorts_seats_sane")),
        _reference("cohorts", "guild_id", "guilds", cascade=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cohorts")),
        sa.UniqueConstraint("id", "guild_id", name=op.f("uq_cohorts_id_guild_id")),
    )
    op.create_index(op.f("ix_cohorts_guild_id"), "cohorts", ["guild_id"])
    op.create_index(
        "uq_cohorts_name",
        "cohorts",
        ["guild_id", sa.literal_column("lower(name)")],
        unique=True,
        postgresql_where=sa.text("status in ('draft', 'open')"),
    )
    op.create_table(
        "groups",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("cohort_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), server_default="preview", nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_removals_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("merged_into_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status in ('preview', 'active', 'completed', 'merged', 'cancelled')",
            name=op.f("ck_groups_status_known"),
        ),
        sa.CheckConstraint("seats between 1 and 500", name=op.f("ck_groups_seats_sane")),
        _reference("groups", "cohort_id", "cohorts"),
        _reference("groups", "guild_id", "guilds", cascade=True),
        _reference("groups", "merged_into_id", "groups"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_groups")),
        sa.UniqueConstraint("id", "cohort_id", name=op.f("uq_groups_id_cohort_id")),
        sa.UniqueConstraint("id", "guild_id", name=op.f("uq_groups_id_guild_id")),
    )
    op.create_index(op.f("ix_groups_cohort_id"), "groups", ["cohort_id"])
    op.create_index(op.f("ix_groups_guild_id"), "groups", ["guild_id"])
    op.create_index(
        "uq_groups_name",
        "groups",
        ["cohort_id", sa.literal_column("lower(name)")],
        unique=True,
        postgresql_where=sa.text("status in ('preview', 'active')"),
    )
    op.create_table(
        "memberships",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("cohort_id", sa.BigInteger(), nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.String(length=16), server_default="participant", nullable=False),
        sa.Column("status", sa.String(length=16), server_default="active", nullable=False),
        sa.Column("seat", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'active') = (ended_at is null)",
            name=op.f("ck_memberships_ended_when_not_active"),
        ),
        sa.CheckConstraint(
            "role in ('participant', 'facilitator')", name=op.f("ck_memberships_role_known")
        ),
        sa.CheckConstraint(
            "status in ('active', 'dropped', 'completed', 'removed')",
            name=op.f("ck_memberships_status_known"),
        ),
        _reference("memberships", "cohort_id", "cohorts"),
        _reference("memberships", "group_id", "groups"),
        _reference("memberships", "guild_id", "guilds", cascade=True),
        _reference("memberships", "user_id", "users"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_memberships")),
    )
    op.create_index(op.f("ix_memberships_group_id"), "memberships", ["group_id"])
    op.create_index(op.f("ix_memberships_guild_id"), "memberships", ["guild_id"])
    op.create_index("ix_memberships_user", "memberships", ["guild_id", "user_id"])
    op.create_index(
        "uq_memberships_one_active",
        "memberships",
        ["cohort_id", "user_id"],
        unique=True,
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_index(
        "uq_memberships_seat",
        "memberships",
        ["group_id", "seat"],
        unique=True,
        postgresql_where=sa.text("status = 'active' and seat is not null"),
    )
    op.create_table(
        "seat_watches",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        _reference("seat_watches", "group_id", "groups", cascade=True),
        _reference("seat_watches", "guild_id", "guilds", cascade=True),
        _reference("seat_watches", "user_id", "users"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seat_watches")),
        sa.UniqueConstraint("group_id", "user_id", name=op.f("uq_seat_watches_group_id_user_id")),
    )
    op.create_index(op.f("ix_seat_watches_guild_id"), "seat_watches", ["guild_id"])


def _places() -> None:
    """The ledger: what Muster made on Discord, and the access that it gave there."""
    op.create_table(
        "managed_objects",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("cohort_id", sa.BigInteger(), nullable=True),
        sa.Column("group_id", sa.BigInteger(), nullable=True),
        sa.Column("ordinal", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("discord_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=16), server_default="intent", nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        _json("renamed_at", "[]"),
        sa.Column("intent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_by", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind in ('category', 'role', 'text', 'voice')",
            name=op.f("ck_managed_objects_kind_known"),
        ),
        sa.CheckConstraint(
            "state in ('intent', 'created', 'deleted')", name=op.f("ck_managed_objects_state_known")
        ),
        sa.CheckConstraint(
            "(cohort_id is null) <> (group_id is null)", name=op.f("ck_managed_objects_one_owner")
        ),
        _reference("managed_objects", "cohort_id", "cohorts"),
        _reference("managed_objects", "group_id", "groups"),
        _reference("managed_objects", "guild_id", "guilds", cascade=True),
        _reference("managed_objects", "parent_id", "managed_objects"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_managed_objects")),
        sa.UniqueConstraint(
            "cohort_id", "kind", "ordinal", name=op.f("uq_managed_objects_cohort_id_kind_ordinal")
        ),
        sa.UniqueConstraint("group_id", "kind", name=op.f("uq_managed_objects_group_id_kind")),
    )
    op.create_index(op.f("ix_managed_objects_guild_id"), "managed_objects", ["guild_id"])
    op.create_index(op.f("ix_managed_objects_parent_id"), "managed_objects", ["parent_id"])
    op.create_index(
        "uq_managed_objects_discord_id",
        "managed_objects",
        ["discord_id"],
        unique=True,
        postgresql_where=sa.text("discord_id is not null"),
    )
    op.create_table(
        "managed_overwrites",
        sa.Column("place_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("target_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=True),
        sa.Column("cohort_id", sa.BigInteger(), nullable=True),
        sa.Column("is_role", sa.Boolean(), nullable=False),
        sa.Column("allow", sa.BigInteger(), nullable=False),
        sa.Column("deny", sa.BigInteger(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        _reference("managed_overwrites", "cohort_id", "cohorts", cascade=True),
        _reference("managed_overwrites", "group_id", "groups", cascade=True),
        _reference("managed_overwrites", "guild_id", "guilds", cascade=True),
        sa.PrimaryKeyConstraint("place_id", "target_id", name=op.f("pk_managed_overwrites")),
    )
    op.create_index(op.f("ix_managed_overwrites_cohort_id"), "managed_overwrites", ["cohort_id"])
    op.create_index(op.f("ix_managed_overwrites_group_id"), "managed_overwrites", ["group_id"])
    op.create_index(op.f("ix_managed_overwrites_guild_id"), "managed_overwrites", ["guild_id"])


def _work() -> None:
    """What is to be done again, what is shown in a post, and who changed what."""
    op.create_table(
        "sync_states",
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("system", sa.String(length=16), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=16), server_default="due", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("inputs_hash", sa.String(length=64), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error_class", sa.String(length=40), nullable=True),
        sa.Column("error_text", sa.String(length=500), nullable=True),
        sa.Column("retry_after", sa.Double(), nullable=True),
        _json("by_hand", "{}"),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_by", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_ok_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status in ('due', 'ok', 'waiting', 'parked')", name=op.f("ck_sync_states_status_known")
        ),
        _reference("sync_states", "group_id", "groups", cascade=True),
        _reference("sync_states", "guild_id", "guilds", cascade=True),
        sa.PrimaryKeyConstraint("group_id", "system", name=op.f("pk_sync_states")),
    )
    op.create_index(op.f("ix_sync_states_guild_id"), "sync_states", ["guild_id"])
    op.create_index(
        "ix_sync_states_open",
        "sync_states",
        ["next_attempt_at"],
        postgresql_where=sa.text("status <> 'ok'"),
    )
    op.create_table(
        "projections",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("shown_hash", sa.String(length=64), nullable=True),
        sa.Column("dirty", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        _reference("projections", "guild_id", "guilds", cascade=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_projections")),
        sa.UniqueConstraint(
            "guild_id", "kind", "subject", name=op.f("uq_projections_guild_id_kind_subject")
        ),
    )
    op.create_index(op.f("ix_projections_guild_id"), "projections", ["guild_id"])
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("cohort_id", sa.BigInteger(), nullable=True),
        sa.Column("group_id", sa.BigInteger(), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        _json("before", "{}"),
        _json("after", "{}"),
        _reference("audit_log", "cohort_id", "cohorts"),
        _reference("audit_log", "group_id", "groups"),
        _reference("audit_log", "guild_id", "guilds", cascade=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    op.create_index("ix_audit_log_guild_at", "audit_log", ["guild_id", "at"])
    op.create_index(op.f("ix_audit_log_guild_id"), "audit_log", ["guild_id"])


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
